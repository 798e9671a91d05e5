import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import { PublicKey } from "@tallystick/cose";

import type { RimContent } from "../content.js";
import { ContentError } from "../error.js";
import { factsOfContent } from "../facts.js";
import { DEFAULT_CONTENT_LIMITS } from "../limits.js";
import { recogniseContent } from "../recognise.js";
import { ReviewKeys } from "../sfr/keys.js";
import { bytesOf } from "../testing/published.js";
import { rejection } from "../testing/refusal.js";
import { sharedFolder } from "../testing/shared.js";
import { readComid, type Comid } from "./comid.js";
import { decodeItem } from "./item.js";
import { Node } from "./node.js";
import { VerifiedRim } from "./verified-rim.js";

const folder = sharedFolder("published reference manifests", "data", "rim");
const describeIt = folder === undefined ? describe.skip : describe;
const TIME = 1_790_000_000;

function rimOf(...below: readonly string[]): RimContent {
  const content = recogniseContent(bytesOf(folder ?? "", ...below));
  if (content.kind !== "rim") throw new Error(`${below.join("/")} is ${content.kind}`);
  return content;
}

function comidOf(name: string): Comid {
  const bytes = bytesOf(folder ?? "", "corim-veraison", name);
  return readComid(new Node(decodeItem(bytes, DEFAULT_CONTENT_LIMITS, name), ""));
}

function keyOf(...below: readonly string[]): ReviewKeys {
  const text = readFileSync(join(folder ?? "", ...below), "utf8");
  // The published key says that it is for encryption.
  const key = text.startsWith("-----")
    ? PublicKey.fromPem(text)
    : PublicKey.fromJwk({ ...(JSON.parse(text) as object), use: "sig" });
  return new ReviewKeys([{ provider: "ACME", key }]);
}

const ACME = ["corim-veraison", "ec-p256.public.jwk"] as const;
const COVER = ["corim-cover", "key.pub.pem"] as const;

describeIt("published reference manifests", () => {
  test.each([
    ["signed-good-corim.cbor", "cose-sign1", 1, 3],
    ["unsigned-good-corim.cbor", "corim", 1, 3],
    ["unsigned-corim-with-extensions.cbor", "corim", 1, 3],
    ["corim-1.cbor", "corim", 1, 1],
    ["corim-2.cbor", "corim", 3, 3],
    ["corim-design-cd.cbor", "corim", 4, 4],
    ["corim-firmware-cd.cbor", "corim", 2, 2],
    ["corim-roles.cbor", "corim", 1, 1],
    ["cca-platform-valid.cbor", "corim", 1, 2],
  ] as const)("is recognised: %s", (...[file, form, triples, measurements]) => {
    const { rim, ...content } = rimOf("corim-veraison", file);
    expect(content.form).toBe(form);
    const references = rim.comids.flatMap((comid) => comid.references);
    expect(references).toHaveLength(triples);
    expect(references.flatMap((triple) => triple.measurements)).toHaveLength(measurements);
    expect(JSON.parse(JSON.stringify(factsOfContent({ rim, ...content })))).toMatchObject({
      kind: "rim",
      rim: { id: rim.id },
    });
  });

  test.each([
    ["of ACME", ["corim-veraison", "signed-good-corim.cbor"], ACME],
    ["without tag 501 and kid", ["corim-cocli", "signed-corim.cbor"], ACME],
    ["of indefinite length", ["corim-cover", "signed-corim-cca-ref-plat.cbor"], COVER],
    ["of trust anchors", ["corim-cover", "signed-corim-cca-ta.cbor"], COVER],
  ] as const)("verifies under the key that was published, and no other: %s", async (...row) => {
    const [, file, key] = row;
    const payload = bytesOf(folder ?? "", ...file);
    const { rim, provider } = await VerifiedRim.verify(payload, {
      keys: keyOf(...key),
      time: TIME,
    });
    expect({ rim, provider }).toStrictEqual({ rim: rimOf(...file).rim, provider: "ACME" });
    const other = keyOf(...(key === ACME ? COVER : ACME));
    expect(await rejection(VerifiedRim.verify(payload, { keys: other, time: TIME }))).toBe(
      "CONTENT_SIGNATURE_INVALID",
    );
  });

  test("says who signed and for how long, by corim-meta", () => {
    const { signer, kid } = rimOf("corim-veraison", "signed-good-corim.cbor");
    expect({ signer, kid }).toMatchObject({
      kid: "1",
      signer: {
        name: "ACME Ltd signing key",
        uri: "https://acme.example",
        validity: { notBefore: 1_640_908_800, notAfter: 1_767_139_200 },
      },
    });
  });

  test("says the same signed and unsigned, whatever the order of its members", () => {
    const signed = rimOf("corim-veraison", "signed-good-corim.cbor").rim;
    expect(signed).toStrictEqual(rimOf("corim-veraison", "unsigned-good-corim.cbor").rim);
    const [triple] = signed.comids[0]?.references ?? [];
    expect(triple?.environment).toMatchObject({ vendor: "ACME", model: "RoadRunner" });
    expect(new Set(triple?.measurements.map(({ key }) => key)).size).toBe(1);
  });

  test("is not to be compared under a profile that is not known", () => {
    const { rim } = rimOf("corim-veraison", "unsigned-corim-with-extensions.cbor");
    expect(rim).toMatchObject({
      profiles: ["http://example.com/test-profile"],
      isProfileKnown: false,
    });
    const [triple] = rim.comids[0]?.references ?? [];
    expect(triple?.measurements.map(({ unknown }) => unknown)).toStrictEqual([
      ["-1"],
      ["-1"],
      ["-1"],
    ]);
    expect(rimOf("corim-veraison", "cca-platform-valid.cbor").rim.isProfileKnown).toBe(true);
  });

  test("names what it rests on", () => {
    const { dependentRims } = rimOf("corim-cocli", "signed-corim.cbor").rim;
    expect(dependentRims).toMatchObject([{ thumbprints: [{ alg: "sha-256" }] }]);
    const design = rimOf("corim-veraison", "corim-design-cd.cbor").rim;
    expect(design.dependentRims).toMatchObject([{ thumbprints: [] }]);
    expect(design.profiles).toStrictEqual(["111(h'6086480186f84d010f06')"]);
  });

  test("has the fields of an AMD SEV-SNP report by number", () => {
    const { rim } = rimOf("corim-veraison-services", "corim-sevsnp-valid.cbor");
    const [triple] = rim.comids[0]?.references ?? [];
    expect(triple?.measurements).toHaveLength(18);
    expect(rim.comids[1]?.keyTriples).toBe(1);
    const byKey = new Map(triple?.measurements.map((one) => [one.key, one]));
    expect(byKey.get("1")?.svn).toStrictEqual({ value: 0n, isMinimum: true });
    expect(byKey.get("6")?.svn).toStrictEqual({
      value: 15_208_092_991_676_743_683n,
      isMinimum: false,
    });
    expect(byKey.get("641")?.digests).toMatchObject([{ alg: "sha-384" }]);
    const facts = JSON.stringify(
      factsOfContent(rimOf("corim-veraison-services", "corim-sevsnp-valid.cbor")),
    );
    expect(facts).toContain('"svn":"15208092991676743683"');
  });

  test("keeps two digests by one algorithm apart, which never match", () => {
    const bytes = bytesOf(folder ?? "", "corim-cocli", "comid-dice-refval.cbor");
    const comid = readComid(new Node(decodeItem(bytes, DEFAULT_CONTENT_LIMITS, "comid"), ""));
    const counts = comid.references.map(({ measurements: [first] }) => first?.digests?.length);
    expect(counts).toStrictEqual([1, 2]);
  });

  test("endorses on conditions, and in series", () => {
    const { conditional } = comidOf("comid-cend.cbor");
    expect(conditional.map(({ conditions }) => conditions.length)).toStrictEqual([2]);
    const { series } = comidOf("comid-cond-endorse-series.cbor");
    const steps = series[0]?.steps ?? [];
    expect(
      steps.map(({ selection, addition }) => [
        selection[0]?.svn?.value,
        addition[0]?.version?.text,
      ]),
    ).toStrictEqual([
      [1n, "1.0.0"],
      [2n, "2.0.0"],
      [3n, "3.0.0"],
    ]);
  });

  test("has keys, flags, registers and masks", () => {
    expect(comidOf("comid-5.cbor").keyTriples).toBe(8);
    const [flags] = comidOf("comid-flags.cbor").endorsed;
    expect(flags?.environment.attributes.get("class-id")).toBe("111(h'6086480186f84d010f046301')");
    expect(flags?.measurements[0]?.others.get(3)).toContain("3: false");
    const [registers] = comidOf("comid-integrity-registers.cbor").references;
    const read = registers?.measurements[0]?.registers;
    expect([...(read?.keys() ?? [])]).toStrictEqual(["0", '"my-ir"']);
    expect(read?.get("0")?.map(({ alg }) => alg)).toStrictEqual(["sha-256", '"my-alg-id"']);
    const raw = comidOf("comid-raw-value.cbor").references.map(
      ({ measurements: [first] }) => first?.raw,
    );
    expect(raw[2]).toStrictEqual(raw[1]);
    expect(raw[0]?.mask).toBeUndefined();
  });

  test("is refused by a typed error wherever it was cut short", async () => {
    const signed = bytesOf(folder ?? "", "corim-veraison", "signed-good-corim.cbor");
    const keys = keyOf(...ACME);
    for (let length = 0; length < signed.length; length += 7) {
      const cut = signed.subarray(0, length);
      await expect(VerifiedRim.verify(cut, { keys, time: TIME })).rejects.toThrow(ContentError);
    }
  });
});
