import { verify, X509Certificate } from "node:crypto";

import { expect } from "@jest/globals";
import { recogniseContent, referencesOfRim, type Measurement } from "@tallystick/content";
import { decodeCborMap, encodeHex } from "@tallystick/cose";
import { decodeEvidence, matchReferences, type EvidenceElement } from "@tallystick/evidence";

import type { Row, SharedData } from "./row.js";

const FILE = "evidence/tsm/sevsnp-tsm-report.cbor";
const CORIM = "rim/corim-veraison-services/corim-sevsnp-valid.cbor";

/** A report of a processor about a guest (SEV-SNP ABI, ATTESTATION_REPORT), which tests alone read. */
interface Report {
  readonly blob: Uint8Array;
  readonly chain: readonly [vcek: X509Certificate, ask: X509Certificate, ark: X509Certificate];
}

const GUIDS = ["63da758d", "4ab7b379", "c0b406a4"] as const;

function readReport(data: SharedData): Report {
  const map = decodeCborMap(data.bytes(FILE));
  expect(map.get("provider")).toBe("sev_guest\n");
  const [blob, table] = [map.get("outblob"), map.get("auxblob")];
  if (!(blob instanceof Uint8Array) || !(table instanceof Uint8Array)) throw new Error("no blobs");
  expect([blob.length, table.length]).toEqual([1184, 6577]);
  const found = new Map<string, X509Certificate>();
  const sizes: number[] = [];
  for (let at = 0; !isEnd(table, at); at += 24) {
    const [offset, length] = [little(table, at + 16, 4), little(table, at + 20, 4)].map(Number);
    const text = new TextDecoder().decode(table.subarray(offset, (offset ?? 0) + (length ?? 0)));
    sizes.push(text.length);
    const certificate = new X509Certificate(text);
    found.set(encodeHex(table.subarray(at, at + 4)), certificate);
  }
  const [vcek, ask, ark] = GUIDS.map((guid) => found.get(guid));
  if (vcek === undefined || ask === undefined || ark === undefined) throw new Error("no chain");
  expect(sizes).toEqual([2277, 2325, 1879]);
  return { blob, chain: [vcek, ask, ark] };
}

const isEnd = (table: Uint8Array, at: number): boolean =>
  table.subarray(at, at + 16).every((byte) => byte === 0);

/** Yields a number of so many bytes, the lowest first. */
function little(bytes: Uint8Array, at: number, length: number): bigint {
  return BigInt(`0x${encodeHex(reversed(bytes, at, length))}`);
}

const reversed = (bytes: Uint8Array, at: number, length: number): Uint8Array =>
  bytes.slice(at, at + length).reverse();

/** By Node: serial number 0 and these parameters of PSS are refused by the strict reader of ours. */
function checkSignatures({ blob, chain: [vcek, ask, ark] }: Report): void {
  expect([vcek, ask, ark].map(({ subject }) => /CN=(.*)/.exec(subject)?.[1])).toEqual([
    ...["SEV-VCEK", "SEV-Genoa", "ARK-Genoa"],
  ]);
  expect(new Date(vcek.validTo).toISOString().slice(0, 10)).toBe("2032-04-20");
  for (const [certificate, issuer] of [
    [vcek, ask],
    [ask, ark],
    [ark, ark],
  ] as const) {
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    // RSASSA-PSS
    expect(encodeHex(new Uint8Array(certificate.raw))).toContain("06092a864886f70d01010a");
  }
  expect(vcek.verify(ark.publicKey)).toBe(false);
  // r and s of 72 bytes each, the lowest first.
  const halves = [0x2a0, 0x2a0 + 72].flatMap((at) => [...reversed(blob, at, 48)]);
  const key = { key: vcek.publicKey, dsaEncoding: "ieee-p1363" as const };
  const message = blob.slice(0, 0x2a0);
  expect(verify("sha384", message, key, Uint8Array.from(halves))).toBe(true);
  message[0x90] = (message[0x90] ?? 0) ^ 1;
  expect(verify("sha384", message, key, Uint8Array.from(halves))).toBe(false);
}

type Value = Partial<Measurement>;

/** Yields the values of a report by the numbers that its profile gives to its fields. */
function fieldsOf(blob: Uint8Array): readonly (readonly [key: number, value: Value])[] {
  const number = (at: number, length: number): bigint => little(blob, at, length);
  const raw = (at: number, length: number): Value => ({
    raw: { value: blob.slice(at, at + length), mask: undefined },
  });
  // Numbers are stored the highest byte first in the manifest.
  const turned = (at: number, length: number): Value => ({
    raw: { value: reversed(blob, at, length), mask: undefined },
  });
  const svn = (at: number, length: number): Value => ({
    svn: { value: number(at, length), isMinimum: false },
  });
  const version = (build: number): Value => {
    const [low, minor, major] = blob.subarray(build, build + 3);
    return { version: { text: [major, minor, low].join("."), scheme: "16384" } };
  };
  return [
    [0, { version: { text: String(number(0, 4)), scheme: "4" } }],
    [1, svn(4, 4)],
    [2, turned(8, 8)],
    [3, raw(0x10, 16)],
    [4, raw(0x20, 16)],
    [5, turned(0x30, 4)],
    [6, svn(0x38, 8)],
    [7, turned(0x40, 8)],
    [640, raw(0x50, 64)],
    [641, { digests: [{ alg: "sha-384", value: encodeHex(blob.subarray(0x90, 0xc0)) }] }],
    [645, raw(0x140, 32)],
    [646, raw(0x160, 32)],
    [647, svn(0x180, 8)],
    [3328, raw(0x1a0, 64)],
    [3329, svn(0x1e0, 8)],
    [3330, version(0x1e8)],
    [3936, version(0x1ec)],
    [3968, svn(0x1f0, 8)],
  ];
}

const NOTHING: Measurement = {
  ...{ key: undefined, version: undefined, svn: undefined, digests: undefined, raw: undefined },
  ...{ registers: undefined, range: undefined, name: undefined, flags: undefined },
  ...{ others: new Map(), unknown: [], authorizedBy: undefined },
};

function elementsOf(blob: Uint8Array): readonly EvidenceElement[] {
  const environment = new Map([
    ["class-id", "111(h'2b060104019c780301')"],
    ["instance", `560(h'${encodeHex(blob.subarray(0x90, 0xc0))}')`],
  ]);
  return fieldsOf(blob).map(([key, value]) => ({
    ...{ name: String(key), block: undefined, kind: "other" as const },
    places: [{ environment, key: String(key) }],
    measurement: { ...NOTHING, key: String(key), ...value },
  }));
}

function checkReport(data: SharedData): void {
  expect(data.bytes(FILE)).toHaveLength(7804);
  expect(() => decodeEvidence(data.bytes(FILE))).toThrow(
    expect.objectContaining({
      code: "EVIDENCE_UNSUPPORTED",
      message: "a TSM report of sev_guest is not read here",
    }),
  );
  const report = readReport(data);
  checkSignatures(report);
  const { blob } = report;
  expect([little(blob, 0, 4), little(blob, 8, 8)]).toEqual([3n, 0x30000n]);
  expect(encodeHex(blob.subarray(0x180, 0x188))).toBe("0a00000000001754");
  expect(encodeHex(blob.subarray(0x90, 0x94))).toBe("7699e6ac");
  const content = recogniseContent(data.bytes(CORIM));
  if (content.kind !== "rim") throw new Error(content.kind);
  const { results } = matchReferences(elementsOf(blob), referencesOfRim(content.rim));
  const named = (status: string): readonly (string | undefined)[] =>
    results.filter((one) => one.status === status).map(({ evidence }) => evidence?.name);
  expect(named("match")).toEqual(["1", "2", "3", "4", "5", "641", "646", "647", "3329", "3968"]);
  expect(named("mismatch")).toEqual(["0", "6", "7", "640", "645", "3328", "3330", "3936"]);
  expect(results).toHaveLength(18);
}

/** A report by configfs-tsm. */
export const SEV_SNP_ROWS: readonly Row[] = [
  {
    file: FILE,
    outcome: "told by name; signed under its chain, and ten of 18 fields match",
    check: checkReport,
  },
];
