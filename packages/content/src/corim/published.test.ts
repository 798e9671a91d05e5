import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { recogniseContent } from "../recognise.js";
import { ReviewKeys } from "../sfr/keys.js";
import { VerifiedReport } from "../sfr/verified.js";
import { bytesOf, publishedKeys } from "../testing/published.js";
import { sharedFolder } from "../testing/shared.js";

const FILE = "microsoft-2026-hsm-layer-0.cbor";

const folder = sharedFolder("the published CoRIM", "data", "sfr");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("the published CoRIM", () => {
  const shared = folder ?? "";
  const signed = folder === undefined ? new Uint8Array(0) : bytesOf(shared, "corim", FILE);
  const keys = folder === undefined ? new ReviewKeys([]) : publishedKeys(shared);
  const options = { keys, time: 1_790_000_000 };

  test("is verified as ES512 under the key that its kid names, without alg", async () => {
    const verified = await VerifiedReport.verify(signed, options);
    expect(verified).toMatchObject({
      form: "cose-sign",
      provider: "tetrel-ocp-sfr-signing-key.pub",
    });
    expect(verified.reports).toHaveLength(1);
    expect(verified.reports[0]?.completed.written).toBe("2026-04-20T04:00:00.000Z");
    expect(verified.reports[0]?.measured).toStrictEqual(verified.reports[0]?.digests);
    expect(verified.warnings.filter(({ level }) => level === "warning")).toStrictEqual([]);
  });

  test("says what its unsigned twin says, as far as a CoRIM can", async () => {
    const twin = recogniseContent(bytesOf(shared, "corim", FILE.replace(".cbor", ".json")));
    if (twin.kind !== "sfr") throw new Error("no report");
    const [report] = (await VerifiedReport.verify(signed, options)).reports;
    expect({
      ...report,
      completed: { ...report?.completed, written: "2026-04-20" },
      device: { ...report?.device, category: "RoT Firmware" },
      methodology: "Whitebox Review",
      measured: [],
    }).toStrictEqual(twin.reports[0]);
  });

  test("is recognised by its structure", () => {
    expect(recogniseContent(signed)).toMatchObject({
      kind: "sfr-corim",
      form: "cose-sign",
      kid: "tetrel-ocp-sfr-signing-key",
    });
  });

  test("is refused where any bit under its signature or of it was changed", async () => {
    // The kid orders the keys and is not under the signature: changing it changes nothing.
    const kid = new TextEncoder().encode("tetrel-ocp-sfr-signing-key");
    const text = new TextDecoder("latin1").decode(signed);
    const from = text.indexOf("tetrel-ocp-sfr-signing-key");
    expect(from).toBeGreaterThan(0);
    await fc.assert(
      fc.asyncProperty(fc.nat(signed.length * 8 - 1), async (bit) => {
        const at = bit >> 3;
        fc.pre(at < from || at >= from + kid.length);
        const changed = new Uint8Array(signed);
        changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
        const outcome = await VerifiedReport.verify(changed, options).then(
          ({ reports }) => reports,
          (error: unknown) => error,
        );
        // Unprotected labels that nobody reads are as free as the kid is.
        if (Array.isArray(outcome)) expect(at).toBe(from - 3);
        else expect(outcome).toBeInstanceOf(ContentError);
      }),
      { numRuns: 120 },
    );
  });

  test("is refused where it was cut short", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(signed.length - 1), async (length) => {
        const cut = signed.subarray(0, length);
        await expect(VerifiedReport.verify(cut, options)).rejects.toThrow(ContentError);
      }),
    );
  });
});
