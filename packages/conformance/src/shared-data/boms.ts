import { expect } from "@jest/globals";
import { recogniseContent, type Bom } from "@tallystick/content";
import { checkBomSchema } from "@tallystick/content/schema";
import { encodeHex } from "@tallystick/cose";

import type { Row, SharedData } from "./row.js";

interface Seen {
  readonly bom: Bom;
  readonly codes: readonly string[];
  readonly document: Readonly<Record<string, unknown>>;
  readonly data: SharedData;
}

const bomRow = (
  path: string,
  [kind, specVersion, outcome]: readonly ["cyclonedx" | "spdx", string, string],
  check: (seen: Seen) => void,
): Row => ({
  file: `sbom/${path}`,
  outcome,
  check: async (data) => {
    const bytes = data.bytes(`sbom/${path}`);
    const content = recogniseContent(bytes);
    if (content.kind !== kind) throw new Error(`${path} is ${content.kind}`);
    expect(content.bom.specVersion).toBe(specVersion);
    const format = { kind, specVersion };
    expect(await checkBomSchema(bytes, format)).toBeUndefined();
    const document = JSON.parse(data.text(`sbom/${path}`)) as Seen["document"];
    check({ bom: content.bom, codes: content.warnings.map(({ code }) => code), document, data });
  },
});

const SHARED_SERIAL = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79";

function checkHbom({ bom, codes, document }: Seen): void {
  expect(bom.components).toHaveLength(7);
  expect(bom.subject).toBeDefined();
  for (const { type, digests } of bom.components) {
    expect([type, digests]).toEqual(["device", []]);
  }
  expect(codes).toContain("components-unhashed");
  expect(JSON.stringify(document)).toContain('"cdx:device:');
}

function checkVex({ bom, document }: Seen): void {
  expect(bom).toMatchObject({ serial: undefined, components: [] });
  expect(bom.vulnerabilities).toEqual([{ id: "CVE-2020-25649", state: "not_affected" }]);
  const link = "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#pkg:maven/";
  expect(JSON.stringify(document)).toContain(link);
}

function checkAttestation({ bom, document, data }: Seen): void {
  expect(bom).toMatchObject({ serial: SHARED_SERIAL, version: 1, components: [] });
  const { declarations } = document as { declarations: object };
  expect(Object.keys(declarations)).toEqual(
    expect.arrayContaining(["assessors", "attestations", "claims", "evidence"]),
  );
  // The certificates beside the signature are no more than the first letters of some.
  expect(JSON.stringify(document)).toContain('"certificatePath":["MIIB...","MIID..."]');
  const other = recogniseContent(data.bytes("sbom/cyclonedx/component-hashes-1.7.cdx.json"));
  expect(other).toMatchObject({ bom: { serial: SHARED_SERIAL, version: 1 } });
}

function checkHashes({ bom, codes, document }: Seen): void {
  expect(bom).toMatchObject({ serial: SHARED_SERIAL, version: 1 });
  const { components } = document as { components: { hashes: unknown[] }[] };
  expect(components.map(({ hashes }) => hashes.length)).toEqual([12]);
  const known = ["sha-256", "sha-384", "sha-512"];
  expect(bom.components.map(({ digests }) => digests.map(({ alg }) => alg))).toEqual([known]);
  expect(codes.filter((code) => code === "digest-unknown")).toHaveLength(9);
}

function checkSpdx2({ bom, document }: Seen): void {
  const { packages, dataLicense } = document as {
    packages: { name: string; checksums?: { algorithm: string }[] }[];
    dataLicense: string;
  };
  expect(dataLicense).toBe("CC0-1.0");
  const stated = new Map(
    packages.map(({ name, checksums = [] }) => [name, checksums.map((one) => one.algorithm)]),
  );
  expect(stated.get("glibc")).toEqual(["MD5", "SHA1", "SHA256", "BLAKE2b-384"]);
  expect([stated.get("Saxon"), stated.get("Jena")]).toEqual([["SHA1"], []]);
  const known = bom.components.filter(({ digests }) => digests.length > 0);
  expect(known.map(({ name, digests }) => [name, digests.map(({ alg }) => alg)])).toEqual([
    ["glibc", ["sha-256"]],
  ]);
}

function checkSpdx3({ bom, document }: Seen): void {
  const file = bom.components.filter(({ type }) => type === "file");
  expect(file.map(({ name }) => name)).toEqual([expect.stringContaining("hello-server")]);
  // SHA-1 is stated as well, and not indexed.
  expect(file[0]?.digests.map(({ alg }) => alg)).toEqual(["sha-512", "sha-256"]);
  expect(JSON.stringify(document)).toMatch(/"algorithm": ?"sha1"/);
  const packages = bom.components.filter(({ type }) => type === "package");
  expect(packages.map(({ purl }) => purl?.slice(0, 4))).toEqual(["pkg:", "pkg:", "pkg:", "pkg:"]);
}

function checkUswid(data: SharedData): void {
  const bytes = data.bytes("sbom/uswid/dell-xps13.bin");
  // The magic, version 1, a head of 23 bytes, and 590 behind it.
  expect(encodeHex(bytes.subarray(16, 23))).toBe("0117004e020000");
  expect(bytes).toHaveLength(23 + 590);
  const content = recogniseContent(bytes);
  if (content.kind !== "coswid") throw new Error(content.kind);
  const [first] = content.tags;
  expect(content.form).toBe("uswid");
  expect(first).toMatchObject({
    ...{ name: "AhciRecovery", version: "1.0", edition: "stable202308" },
    entities: [{ name: "Dell" }, { name: "Intel" }],
  });
  // The date of its evidence is a float, without the tag of a time.
  expect(encodeHex(bytes)).toContain("03a21823fb41d9");
}

/** Bills of materials. */
export const BOM_ROWS: readonly Row[] = [
  bomRow(
    "cyclonedx/hbom-pcie-sata-adapter.cdx.json",
    ["cyclonedx", "1.4", "valid: a board and six devices without hashes"],
    checkHbom,
  ),
  bomRow(
    "cyclonedx/vex.cdx.json",
    ["cyclonedx", "1.4", "valid: one vulnerability that does not affect"],
    checkVex,
  ),
  bomRow(
    "cyclonedx/cdxa-attestation-1.6.cdx.json",
    ["cyclonedx", "1.6", "valid: declarations, under the serial of another document"],
    checkAttestation,
  ),
  bomRow(
    "cyclonedx/component-hashes-1.7.cdx.json",
    ["cyclonedx", "1.7", "valid: three of twelve hashes are known"],
    checkHashes,
  ),
  bomRow(
    "spdx/SPDXJSONExample-v2.3.spdx.json",
    ["spdx", "2.3", "one package by SHA-256, others by hashes that do not count, or none"],
    checkSpdx2,
  ),
  bomRow(
    "spdx/hello-server.spdx3.json",
    ["spdx", "3.0.1", "a file with two hashes that count, four packages with purls"],
    checkSpdx3,
  ),
  {
    file: "sbom/uswid/dell-xps13.bin",
    outcome: "a container of version 1 with untagged CoSWID",
    check: checkUswid,
  },
];
