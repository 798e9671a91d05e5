import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { encodeCbor } from "@tallystick/cose";

import { conciseEvidence, corim, NONCE } from "./testing/device.js";
import { FirmwareWalk, type Told } from "./testing/firmware.js";

let walk: FirmwareWalk;

beforeAll(async () => {
  walk = await FirmwareWalk.run();
}, 300_000);

afterAll(() => walk.end());

/** What each command of the page that decides said, in the order of the page. */
function decided(how: string): readonly string[] {
  return [...walk.said]
    .filter(([block]) => block.includes(`tally appraise ${how} `))
    .map(([, { stdout }]) => stdout);
}

describe("the walk of docs/firmware.md", () => {
  test("comes to one allowed and one denied file and device, and an audit that agrees", () => {
    const decisions = [...decided("--subject"), ...decided("--evidence")];
    expect(decisions.map((said) => /^(allow|deny): /m.exec(said)?.[1])).toEqual([
      ...["allow", "deny"],
      ...["allow", "deny"],
    ]);
    const [last, { stdout }] = [...walk.said].at(-1) ?? ["", { stdout: "" }];
    expect([last, stdout]).toEqual([
      expect.stringMatching(/^tally audit /),
      expect.stringMatching(/^sound: 5 entries, /m),
    ]);
  });

  test("finds the report and the release that speak of the file, in the log and in the bundle", () => {
    const [said = ""] = [...walk.said]
      .filter(([block]) => block.includes("tally search "))
      .map(([, { stdout }]) => stdout);
    const found = said.match(/^\d+ [0-9a-f]{64} .*$/gm) ?? [];
    const indexes = found.map((line) => line.split(" ")[0]);
    // The index of the service may be an entry behind; the bundle has all.
    expect([indexes[0], ...indexes.slice(-2)]).toEqual(["1", "1", "4"]);
  });

  test("makes the manifest that the devices of these suites are held against", async () => {
    expect(await walk.workspace.read("rim-7.cbor")).toEqual(corim(7));
  });

  test("says which statement, rule and value, and how far it looked", () => {
    const [allowed = "", denied = ""] = decided("--subject");
    expect(allowed).toMatch(
      /^sfr {7}[0-9a-f]{64} of https:\/\/vendor\.example, signed inside by Example Lab: direct\n/,
    );
    expect(allowed).toMatch(
      /\nallow: every entry of log\.example\/firmware up to size 3, signed at /,
    );
    expect(denied).toMatch(
      /\ndeny {6}severity: [0-9a-f]{64} issue "\[MEDIUM\] Debug port stays open" is medium \(5\.3\): score 5\.3, vector 5\.3\n/,
    );
  });
});

describe("a device of docs/firmware.md", () => {
  const appraise = (policy: string, ...args: readonly string[]): Promise<Told> =>
    walk.appraise(...args, "--bundle", "device.bundle", "--policy", policy);
  const EVIDENCE = ["--evidence", "device-7.bin"] as const;
  const CHAIN = ["--chain", "device.pem"] as const;

  test("is told with manifest, element and value", () => {
    const [allowed = "", denied = ""] = decided("--evidence");
    expect(allowed).toMatch(/^manifest {2}[0-9a-f]{64} "rot 7": 3 of 3 match\n/);
    expect(allowed).toMatch(
      /\nallow {5}evidence: signed by CN=Device 1, under CN=Example Devices\n/,
    );
    expect(allowed).toMatch(/\nallow {5}fresh: it answers the challenge\n/);
    expect(allowed).toMatch(/\nsfr {7}[0-9a-f]{64} of .* release [0-9a-f]{64}\n/);
    expect(denied).toMatch(
      /\n {2}mismatch vendor "Example Silicon", key 2: sha-384 [0-9a-f]{96}, want /,
    );
    expect(denied).toMatch(
      /\ndeny {6}manifest: [0-9a-f]{64} "rot 7", 2 of 3: .*key 2 has sha-384 /,
    );
  });

  test("is told in JSON", async () => {
    const { code, json } = await appraise("device.json", ...EVIDENCE, ...CHAIN, "--nonce", NONCE);
    expect({ code, evidence: json["evidence"] }).toMatchObject({
      code: 0,
      evidence: {
        ...{ form: "spdm", signedBy: "CN=Device 1", isFresh: true, fault: null },
        manifests: [{ manifest: "rot 7", isMatch: true, required: 3, matched: 3 }],
      },
    });
  });

  test.each([
    ["no challenge", [...EVIDENCE, ...CHAIN], 2, "it answers no challenge"],
    ["another challenge", [...EVIDENCE, ...CHAIN, "--nonce", "08"], 1, "EVIDENCE_NONCE_MISMATCH"],
    [
      "some of its measurements",
      ["--evidence", "device-part.bin", ...CHAIN, "--nonce", NONCE],
      1,
      "not all measurements were asked for",
    ],
    ["no certificates", [...EVIDENCE, "--nonce", NONCE], 3, "APPRAISAL_CHAIN_MISSING"],
    ["certificates alone", ["--evidence", "device.pem"], 2, "EVIDENCE_MALFORMED"],
    ["what is no evidence", ["--evidence", "trust.json"], 2, "EVIDENCE_MALFORMED"],
  ] as const)("comes to an answer with %s", async (...[, args, code, says]) => {
    const outcome = await appraise("device.json", ...args);
    expect({ code: outcome.code, says: JSON.stringify(outcome.json) }).toMatchObject({
      code,
      says: expect.stringContaining(says) as unknown,
    });
  });

  test("is held against its manifest by concise evidence, which nobody signed", async () => {
    await walk.workspace.write("device-7.ce", conciseEvidence(7));
    await walk.workspace.write("device-8.ce", conciseEvidence(8));
    const strict = await appraise("device.json", "--evidence", "device-7.ce");
    expect(strict).toMatchObject({ code: 1, json: { evidence: { form: "concise" } } });
    expect(JSON.stringify(strict.json)).toContain("EVIDENCE_UNSIGNED");
    await walk.writeDevicePolicy("lenient.json", { allowsUnsigned: true, allowsStale: true });
    const told = { manifest: "rot 7", required: 3 };
    expect(await appraise("lenient.json", "--evidence", "device-7.ce")).toMatchObject({
      code: 0,
      json: { evidence: { signedBy: null, manifests: [{ ...told, isMatch: true, matched: 3 }] } },
    });
    expect(await appraise("lenient.json", "--evidence", "device-8.ce")).toMatchObject({
      code: 1,
      json: { evidence: { signedBy: null, manifests: [{ ...told, isMatch: false, matched: 2 }] } },
    });
  });

  test("is told by name where its report is not read", async () => {
    const map: [string, string | Uint8Array][] = [
      ["provider", "sev_guest\n"],
      ["outblob", new Uint8Array(1184)],
    ];
    await walk.workspace.write("guest.tsm", encodeCbor(new Map(map)));
    expect(await appraise("device.json", "--evidence", "guest.tsm")).toMatchObject({
      code: 2,
      json: {
        error: {
          code: "EVIDENCE_UNSUPPORTED",
          message: expect.stringContaining("a TSM report of sev_guest is not read here") as unknown,
        },
      },
    });
  });

  test("is denied under another root, and not looked at by a policy without evidence", async () => {
    await walk.writeDevicePolicy("rootless.json", { anchors: [] });
    const args = [...EVIDENCE, ...CHAIN, "--nonce", NONCE];
    expect((await appraise("rootless.json", ...args)).code).toBe(1);
    expect(await appraise("appraisal.json", ...args)).toMatchObject({
      code: 2,
      json: { error: { code: "APPRAISAL_EVIDENCE_UNACCEPTED" } },
    });
  });

  test("is looked at by a manifest that is signed inside by a key of the policy, or unchecked", async () => {
    const { workspace } = walk;
    await workspace.write("rim-8.cbor", corim(8));
    await workspace.must(
      ...["sign", "rim-8.cbor", "--key", "lab.jwk", "--iss", "https://lab.example", "--sub", "rim"],
      ...["--type", "application/rim+cbor", "--out", "rim-8.cose"],
    );
    const { code, entryId } = await walk.register("rim-8.cose", "application/rim+cose");
    expect(code).toBe(0);
    await walk.bundle();
    const outcomeOf = async (evidence: object, changes: object): Promise<string> => {
      await walk.writeDevicePolicy("inner.json", evidence, changes);
      const args = ["--evidence", "device-8.bin", ...CHAIN, "--nonce", NONCE];
      const { json } = await walk.appraise(
        ...args,
        "--bundle",
        "all.bundle",
        "--policy",
        "inner.json",
      );
      return JSON.stringify(json);
    };
    const matched = `"statement":"${entryId}","manifest":"rot 8","isMatch":true`;
    expect(await outcomeOf({}, {})).toContain(`${entryId} does not count as a manifest: CONTENT_`);
    const rimKeys = [{ provider: "Example Lab", key: await workspace.json("lab.pub.jwk") }];
    expect(await outcomeOf({}, { rimKeys })).toContain(matched);
    const unchecked = await outcomeOf({ allowsUncheckedManifests: true }, {});
    expect(unchecked).toContain(matched);
    expect(unchecked).toContain(`manifest ${entryId} was not checked, which the policy allows`);
  });
});
