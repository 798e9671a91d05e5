import { expect } from "@jest/globals";
import {
  recogniseContent,
  referencesOfRim,
  ReviewKeys,
  VerifiedRim,
  type RimContent,
} from "@tallystick/content";
import { encodeHex, PublicKey } from "@tallystick/cose";
import { matchReferences } from "@tallystick/evidence";

import { COCLI, COVER, notation, referencesIn, rimOf, VERAISON } from "./rim.js";
import { TIME, type Row, type SharedData } from "./row.js";

const ACME_KEY = `${VERAISON}/ec-p256.public.jwk`;
const COVER_KEY = `${COVER}/key.pub.pem`;

const SIGNED: Readonly<Record<string, string>> = {
  [`${VERAISON}/signed-good-corim.cbor`]: ACME_KEY,
  [`${COCLI}/signed-corim.cbor`]: ACME_KEY,
  [`${COVER}/signed-corim-cca-ref-plat.cbor`]: COVER_KEY,
  [`${COVER}/signed-corim-cca-ta.cbor`]: COVER_KEY,
};

function keyIn(data: SharedData, file: string): PublicKey {
  const text = data.text(file);
  // The published key says that it is for encryption.
  return text.startsWith("-----")
    ? PublicKey.fromPem(text)
    : PublicKey.fromJwk({ ...(JSON.parse(text) as object), use: "sig" });
}

async function isHeld(data: SharedData, file: string, key: string): Promise<boolean> {
  const keys = new ReviewKeys([{ provider: key, key: keyIn(data, key) }]);
  return VerifiedRim.verify(data.bytes(file), { keys, time: TIME }).then(
    ({ rim, provider }) => {
      expect({ rim, provider }).toEqual({ rim: rimOf(data, file).rim, provider: key });
      return true;
    },
    () => false,
  );
}

async function checkSigned(data: SharedData, file: string): Promise<RimContent> {
  const content = rimOf(data, file);
  expect(content.form).toBe("cose-sign1");
  for (const key of [ACME_KEY, COVER_KEY]) {
    expect(await isHeld(data, file, key)).toBe(key === SIGNED[file]);
  }
  return content;
}

async function checkKey(data: SharedData, key: string): Promise<void> {
  expect(keyIn(data, key).toJwk()).toMatchObject({ kty: "EC", crv: "P-256" });
  expect(data.text(key)).not.toContain('"d"');
  for (const [file, own] of Object.entries(SIGNED)) {
    expect(await isHeld(data, file, key)).toBe(key === own);
  }
}

/** Yields the decoded CoRIM after it was seen to match what it says itself, and no less. */
function checkDecodes(data: SharedData, file: string, measured: readonly number[]): RimContent {
  const content = rimOf(data, file);
  expect(content).toMatchObject({ form: "corim", warnings: [] });
  const triples = referencesIn(content);
  expect(triples.map(({ measurements }) => measurements.length)).toEqual(measured);
  const elements = triples.flatMap(({ environment, measurements }) =>
    measurements.map((measurement) => ({
      ...{ name: "x", block: undefined, kind: "firmware" as const, measurement },
      places: [{ environment: environment.attributes, key: measurement.key }],
    })),
  );
  const { rim } = content;
  if (triples.every(({ measurements }) => measurements.every(({ unknown }) => !unknown.length))) {
    expect(matchReferences(elements, referencesOfRim(rim)).isMatch).toBe(true);
    expect(matchReferences(elements.slice(1), referencesOfRim(rim)).isMatch).toBe(false);
  }
  return content;
}

async function checkGood(data: SharedData): Promise<void> {
  const file = `${VERAISON}/signed-good-corim.cbor`;
  expect(data.bytes(file)).toHaveLength(516);
  const { rim, kid, signer } = await checkSigned(data, file);
  expect(kid).toBe("1");
  expect(signer).toMatchObject({
    ...{ issuer: undefined, subject: undefined },
    validity: { notBefore: Date.UTC(2021, 11, 31) / 1000, notAfter: Date.UTC(2025, 11, 31) / 1000 },
  });
  const unsigned = `${VERAISON}/unsigned-good-corim.cbor`;
  expect(rim).toEqual(rimOf(data, unsigned).rim);
  const hexOf = (name: string): string => encodeHex(data.bytes(name));
  expect(hexOf(file)).not.toContain(hexOf(unsigned));
}

function checkUnsignedGood(data: SharedData): void {
  const content = unsignedOf(data, `${VERAISON}/unsigned-good-corim.cbor`);
  const [triple, ...more] = referencesIn(content);
  expect(content.rim).toMatchObject({ profiles: [], isProfileKnown: true });
  expect(more).toEqual([]);
  expect(triple?.environment).toMatchObject({ vendor: "ACME", model: "RoadRunner" });
  const measurements = triple?.measurements ?? [];
  expect(new Set(measurements.map(({ key }) => key)).size).toBe(1);
  expect(measurements[0]?.key).toMatch(/^37\(h'[0-9a-f]{32}'\)$/);
  const digests = measurements.flatMap((one) => one.digests ?? []);
  expect(digests.map(({ alg }) => alg)).toEqual(["sha-256", "sha-256", "sha-256"]);
  expect(new Set(digests.map(({ value }) => value)).size).toBe(3);
}

function unsignedOf(data: SharedData, file: string): RimContent {
  const content = rimOf(data, file);
  expect(content).toMatchObject({ form: "corim", kid: undefined, signer: undefined });
  return content;
}

function checkExtended(data: SharedData): void {
  const file = `${VERAISON}/unsigned-corim-with-extensions.cbor`;
  const content = unsignedOf(data, file);
  const profile = "http://example.com/test-profile";
  expect(content.rim).toMatchObject({ profiles: [profile], isProfileKnown: false });
  const [triple] = referencesIn(content);
  expect(triple?.measurements.map(({ unknown }) => unknown)).toEqual([["-1"], ["-1"], ["-1"]]);
  const text = notation(data, file);
  expect(text).toContain('-1: "foo"');
  expect(text).toContain('-1: "123 Fake Street"');
  // No evidence holds what has values that nobody knows.
  const [first] = triple?.measurements ?? [];
  if (triple === undefined || first === undefined) throw new Error("no triple");
  const places = [{ environment: triple.environment.attributes, key: first.key }];
  const same = { name: "x", block: undefined, kind: "firmware" as const, places };
  const match = matchReferences([{ ...same, measurement: first }], referencesOfRim(content.rim));
  expect(match).toMatchObject({ isMatch: false, matched: 0 });
}

function checkCorim1(data: SharedData): void {
  const content = checkDecodes(data, `${VERAISON}/corim-1.cbor`, [1]);
  const [measurement] = referencesIn(content)[0]?.measurements ?? [];
  expect(measurement).toMatchObject({
    version: { text: "1.0.0", scheme: "16384" },
    digests: [{ alg: "sha-256" }],
  });
}

function checkCorim2(data: SharedData): void {
  const content = checkDecodes(data, `${VERAISON}/corim-2.cbor`, [1, 1, 1]);
  const places = referencesIn(content).map(({ environment: { attributes } }) => [
    attributes.get("layer"),
    attributes.get("index"),
  ]);
  expect(places).toEqual([
    ["1", undefined],
    ["2", "0"],
    ["2", "1"],
  ]);
  const endorsed = content.rim.comids.flatMap((comid) => comid.endorsed);
  expect(endorsed.map(({ measurements }) => measurements[0]?.svn)).toEqual([
    { value: 1n, isMinimum: false },
  ]);
  expect(notation(data, `${VERAISON}/corim-2.cbor`)).toContain("552(1)");
}

const OLD_PROFILE = "111(h'6086480186f84d010f06')";

function checkFpga(data: SharedData, name: "design" | "firmware"): void {
  const file = `${VERAISON}/corim-${name}-cd.cbor`;
  const content = checkDecodes(data, file, name === "design" ? [1, 1, 1, 1] : [1, 1]);
  const { rim } = content;
  expect(rim.profiles).toEqual([OLD_PROFILE]);
  expect(rim.dependentRims).toHaveLength(name === "design" ? 1 : 0);
  const measured = rim.comids
    .flatMap(({ references, endorsed }) => [...references, ...endorsed])
    .flatMap(({ measurements }) => measurements);
  const digests = measured.flatMap((one) => one.digests ?? []);
  expect(new Set(digests.map(({ alg }) => alg))).toEqual(new Set(["sha-384"]));
  const masks = measured.flatMap(({ raw }) => (raw?.mask === undefined ? [] : [raw.mask]));
  expect(masks.map(encodeHex)).toContain("ffffffff00000000");
  const linked = / 3: \[ ?\{ ?0: h'[0-9a-f]{32}', 1: 0 ?\}/;
  expect(linked.test(notation(data, file))).toBe(name === "design");
}

function checkCca(data: SharedData): void {
  const content = unsignedOf(data, `${VERAISON}/cca-platform-valid.cbor`);
  const { rim } = content;
  const profiles = ["tag:arm.com,2025:cca_platform#1.0.0"];
  expect(rim).toMatchObject({ profiles, isProfileKnown: true });
  expect(rim.comids.map(({ keyTriples }) => keyTriples)).toEqual([1]);
  const [triple] = referencesIn(content);
  expect(triple?.measurements.map(({ key, name }) => [key, name])).toEqual([
    ['"cca.software-component"', "RSE_BL1_2"],
    ['"cca.software-component"', "RSE_BL2"],
  ]);
  for (const { others } of triple?.measurements ?? []) {
    expect(others.get(13)).toMatch(/^\[560\(h'5378796307535df3/);
  }
}

async function checkCocli(data: SharedData): Promise<void> {
  const file = `${COCLI}/signed-corim.cbor`;
  expect(data.bytes(file)).toHaveLength(603);
  const { rim, kid } = await checkSigned(data, file);
  expect(kid).toBeUndefined();
  expect(notation(data, file)).not.toContain("501(");
  expect(rim.profiles).toEqual(["http://arm.com/psa/iot/1"]);
}

async function checkCover(data: SharedData, name: "ref-plat" | "ta"): Promise<void> {
  const file = `${COVER}/signed-corim-cca-${name}.cbor`;
  const { rim, kid, signer } = await checkSigned(data, file);
  expect(kid).toBe("key.pub.pem");
  expect(signer).toMatchObject({ name: "corim-tool", validity: undefined });
  const text = notation(data, file);
  // Maps of indefinite length: CoRIM and CoMID, and in hex the two of corim-meta.
  expect(text).toMatch(/501\(\{_ .*506\(<<\{_ /);
  expect(text).toContain("8: h'bf00bf00");
  const [comid] = rim.comids;
  const [triple] = comid?.references ?? [];
  expect([triple?.measurements.length ?? 0, comid?.keyTriples]).toEqual(
    name === "ta" ? [0, 1] : [5, 0],
  );
}

/** The source and what was made of it have the same values. */
function checkSource(data: SharedData, name: "ref-plat" | "ta"): void {
  const source = `${COVER}/corim-cca-${name}.json`;
  expect(recogniseContent(data.bytes(source)).kind).toBe("opaque");
  const { rim } = rimOf(data, `${COVER}/signed-corim-cca-${name}.cbor`);
  const { id } = JSON.parse(data.text(source)) as { id: string };
  expect(id).toBe(rim.id);
  const made = notation(data, `${COVER}/signed-corim-cca-${name}.cbor`);
  const encoded = /"(?:\[base64\]:|sha-256;)?([A-Za-z0-9+/_-]{43,44})=?"/g;
  const values = [...data.text(source).matchAll(encoded)].map(([, value = ""]) =>
    Buffer.from(value, "base64").toString("hex"),
  );
  expect(values.length).toBe(name === "ta" ? 2 : 10);
  for (const value of values) expect(made).toContain(`h'${value}'`);
}

function checkSevSnp(data: SharedData): void {
  const file = "rim/corim-veraison-services/corim-sevsnp-valid.cbor";
  const { rim } = checkDecodes(data, file, [18]);
  expect(rim).toMatchObject({ profiles: ["tag:amd.com,2024:snp-corim-profile"] });
  expect(rim.isProfileKnown).toBe(true);
  expect(rim.comids.map(({ keyTriples }) => keyTriples)).toEqual([0, 1]);
  expect(notation(data, file)).toMatch(/"ARK-Genoa".*555\("-----BEGIN CERTIFICATE-----/);
}

const at = (
  file: string,
  outcome: string,
  check: (data: SharedData, file: string) => void | Promise<void>,
): Row => ({ file, outcome, check: (data) => check(data, file) });

/** Manifests in CBOR, the keys that verify them, and sources beside them. */
export const MANIFEST_ROWS: readonly Row[] = [
  at(`${VERAISON}/signed-good-corim.cbor`, "verifies under ACME's key alone", checkGood),
  at(`${VERAISON}/unsigned-good-corim.cbor`, "three measurements of one key", checkUnsignedGood),
  at(
    `${VERAISON}/unsigned-corim-with-extensions.cbor`,
    "of an unknown profile, which nothing matches",
    checkExtended,
  ),
  at(`${VERAISON}/corim-1.cbor`, "decodes: one triple, version and digest", checkCorim1),
  at(`${VERAISON}/corim-2.cbor`, "decodes: three triples, and one endorsed", checkCorim2),
  at(`${VERAISON}/corim-design-cd.cbor`, "decodes, and rests on another", (data) => {
    checkFpga(data, "design");
  }),
  at(`${VERAISON}/corim-firmware-cd.cbor`, "decodes, and rests on no other", (data) => {
    checkFpga(data, "firmware");
  }),
  at(`${VERAISON}/corim-roles.cbor`, "decodes: an entity that signs", (data, file) => {
    expect(checkDecodes(data, file, [1]).rim.entities).toEqual([{ name: "OEM-A", roles: [2] }]);
  }),
  at(`${VERAISON}/cca-platform-valid.cbor`, "decodes: of a known profile", checkCca),
  at(ACME_KEY, "verifies the two files of ACME, and no others", checkKey),
  at("rim/corim-veraison-services/corim-sevsnp-valid.cbor", "18 measurements", checkSevSnp),
  at(`${COCLI}/signed-corim.cbor`, "verifies without kid and inner tag", checkCocli),
  at(`${COVER}/signed-corim-cca-ref-plat.cbor`, "verifies, of indefinite length", (data) =>
    checkCover(data, "ref-plat"),
  ),
  at(`${COVER}/signed-corim-cca-ta.cbor`, "verifies, of indefinite length", (data) =>
    checkCover(data, "ta"),
  ),
  at(COVER_KEY, "verifies the two files beside it, and no others", checkKey),
  at(`${COVER}/corim-cca-ref-plat.json`, "the source of the signed one", (data) => {
    checkSource(data, "ref-plat");
  }),
  at(`${COVER}/corim-cca-ta.json`, "the source of the signed one", (data) => {
    checkSource(data, "ta");
  }),
];
