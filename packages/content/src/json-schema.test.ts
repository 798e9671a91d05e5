import { readdirSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import type { ContentKind } from "./content.js";
import { ContentError } from "./error.js";
import { recogniseContent } from "./recognise.js";
import { peekJws } from "./sfr/jws.js";
import { CYCLONEDX, SPDX2, SPDX3 } from "./testing/boms.js";
import { changeJson, changesOf, oddJson } from "./testing/mutation.js";
import { bytesOf } from "./testing/published.js";
import { issueWith, jsonBytes, REPORT, reportWith } from "./testing/sample.js";
import { schemaOf } from "./testing/schema.js";
import { sharedFolder } from "./testing/shared.js";

const SHA384 = { alg: "sha-384", value: "ab".repeat(48) };
const FILE = { name: "rom.bin", digests: [SHA384, { alg: "sha-256", value: "cd".repeat(32) }] };
const ENTRY = "11".repeat(32);
const RECORD = { format: "tallystick-record/1", subjects: [FILE], by: "CI", made: 1_790_000_000 };
const NOTICE = { target: ENTRY, issuer: "https://vendor.example", reason: "signed by mistake" };
const MANIFEST = [{ file_name: "a", file_hash: "ab".repeat(32) }];

interface Format {
  readonly schema: string;
  readonly kind: ContentKind;
  readonly contentType: string;
  readonly samples: readonly object[];
  /** What it refuses, and JSON Schema has no words for. */
  readonly isUnsaid?: (value: unknown) => boolean;
  /** The schema refuses what is read: of elements that nothing is taken from. */
  readonly isStricter?: boolean;
}

/** Two of one list that have one name, or one algorithm. */
function hasTwins(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Object.values(value).some(hasTwins)) return true;
  if (!Array.isArray(value)) return false;
  const namesBy = (member: string): readonly unknown[] =>
    value.map((one) => (Object(one) as Record<string, unknown>)[member]).filter(Boolean);
  return ["name", "alg"].some((by) => new Set(namesBy(by)).size !== namesBy(by).length);
}

const isOverWhenMade = (value: unknown): boolean => {
  const { made, exception } = value as { made: number; exception?: { expires: number } };
  return exception !== undefined && exception.expires <= made;
};

const FORMATS: readonly Format[] = [
  {
    ...{ schema: "sfr", kind: "sfr", contentType: "application/vnd.ocp.safe-sfr+json" },
    samples: [
      REPORT,
      reportWith("device", { manifest: MANIFEST, class_id: "FMC_INFO" }),
      { ...reportWith("audit", { scope: "1", scope_number: "1", solid_ver: "1.0" }), iat: 1 },
    ],
  },
  {
    ...{ schema: "cyclonedx", kind: "cyclonedx", contentType: "application/vnd.cyclonedx+json" },
    samples: [CYCLONEDX],
  },
  { schema: "spdx-2.3", kind: "spdx", contentType: "application/spdx+json", samples: [SPDX2] },
  {
    ...{ schema: "spdx-3.0", kind: "spdx", contentType: "application/spdx3+json" },
    ...{ samples: [SPDX3, { ...SPDX3, "@context": [Object.values(SPDX3)[0]] }], isStricter: true },
  },
  {
    ...{ schema: "release", kind: "release", isUnsaid: hasTwins },
    contentType: "application/vnd.tallystick.firmware-release+json",
    samples: [
      {
        ...{ format: "tallystick-release/1", vendor: "Example", product: "RoT", version: "7.0.1" },
        ...{ files: [FILE], measurements: [{ element: "2", digests: [SHA384] }] },
        ...{ rims: [{ entry: ENTRY }], sboms: [{ digests: [SHA384] }] },
      },
    ],
  },
  {
    ...{ schema: "record", kind: "record", contentType: "application/vnd.tallystick.record+json" },
    samples: [
      { ...RECORD, type: "build-log", outcome: "pass", summary: "s", documents: [FILE] },
      {
        ...{ ...RECORD, type: "security-exception" },
        exception: { gap: "g", mitigation: "m", expires: 1_800_000_000, issues: ["CWE-390"] },
      },
      { ...RECORD, type: "revision-history", revisions: [{ version: "7", text: "first" }] },
      { ...RECORD, type: "signing", signing: { purpose: "release", key: "hsm-1" } },
    ],
    isUnsaid: (value) => hasTwins(value) || isOverWhenMade(value),
  },
  {
    ...{
      schema: "revoke",
      kind: "revoke",
      samples: [{ format: "tallystick-revoke/1", ...NOTICE }],
    },
    contentType: "application/vnd.tallystick.revoke+json",
  },
  {
    ...{ schema: "supersede", kind: "supersede" },
    contentType: "application/vnd.tallystick.supersede+json",
    samples: [{ format: "tallystick-supersede/1", ...NOTICE, replacement: "22".repeat(32) }],
    isUnsaid: (value) => {
      const { target, replacement } = value as { target: string; replacement: string };
      return target === replacement;
    },
  },
];

/** Names that are refused in all JSON, before it is told what it is. */
const isStrictJson = (value: unknown): boolean =>
  !/"(?:__proto__|constructor|prototype)":/.test(JSON.stringify(value));

function isRead(value: unknown, { kind, contentType }: Format): boolean {
  try {
    const content = recogniseContent(jsonBytes(value), { contentType });
    return content.kind === kind;
  } catch (error) {
    if (error instanceof ContentError) return false;
    throw error;
  }
}

describe.each(FORMATS)("the schema $schema", (format) => {
  const isTaken = schemaOf(format.schema);

  test("takes the samples, and they are read", () => {
    for (const sample of format.samples) {
      expect(isTaken(sample)).toBe(true);
      expect(isRead(sample, format)).toBe(true);
    }
  });

  test("takes what is read, and refuses what is refused", () => {
    const texts = ["application", "1", "0x", ENTRY, "sha-256", "build-log", "purl", "urn:o"];
    const given = fc.record({
      sample: fc.constantFrom(...format.samples),
      changes: fc.array(changesOf(oddJson(...texts)), { minLength: 1, maxLength: 2 }),
    });
    const seen = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(given, ({ sample, changes }) => {
        const value = changes.reduce<unknown>(changeJson, sample);
        fc.pre(isStrictJson(value));
        const taken = isTaken(value) && format.isUnsaid?.(value) !== true;
        seen[taken ? "taken" : "refused"]++;
        if (taken || format.isStricter !== true) expect(isRead(value, format)).toBe(taken);
      }),
      { numRuns: 1500 },
    );
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(50);
  });
});

describe("the schema of reports", () => {
  const isTaken = schemaOf("sfr");
  const sfr = FORMATS[0];

  test.each<[string, unknown]>([
    ["a list", [REPORT]],
    ["no version of the framework", { ...REPORT, review_framework_version: undefined }],
    ["a version that is a number", { ...REPORT, review_framework_version: 2.1 }],
    ["no device", { ...REPORT, device: undefined }],
    ["no audit", { ...REPORT, audit: undefined }],
    ["an iat that is a text", { ...REPORT, iat: "1728565788" }],
    ["an iat with a fraction", { ...REPORT, iat: 1.5 }],
    ["an empty vendor", reportWith("device", { vendor: "" })],
    ["no product", reportWith("device", { product: undefined })],
    ["no version of the firmware", reportWith("device", { fw_version: undefined })],
    ["a tag that is null", reportWith("device", { repo_tag: null })],
    ["a digest that is cut", reportWith("device", { fw_hash_sha2_384: "ab".repeat(47) })],
    ["SHA-512 as SHA-384", reportWith("device", { fw_hash_sha2_384: "ab".repeat(64) })],
    ["SHA-384 as SHA-512", reportWith("device", { fw_hash_sha2_512: "ab".repeat(48) })],
    ["a prefix alone", reportWith("device", { fw_hash_sha2_512: "0x" })],
    ["a digest that is no hex", reportWith("device", { fw_hash_sha2_512: "zz".repeat(64) })],
    ["a manifest that is no list", reportWith("device", { manifest: {} })],
    ["a file without a name", reportWith("device", { manifest: [{ file_hash: "ab".repeat(32) }] })],
    ["a file by SHA-1", reportWith("device", { manifest: [{ file_name: "a", file_hash: "ab" }] })],
    [
      "a file with a prefix",
      reportWith("device", { manifest: [{ file_name: "a", file_hash: `0x${"ab".repeat(32)}` }] }),
    ],
    ["no provider", reportWith("audit", { srp: undefined })],
    ["no day", reportWith("audit", { completion_date: undefined })],
    ["a scope that is a list", reportWith("audit", { scope_number: [1] })],
    ["an old scope that is a number", reportWith("audit", { scope: 1 })],
    ["no issues", reportWith("audit", { issues: undefined })],
    ["too many issues", reportWith("audit", { issues: Array(257).fill(REPORT.audit.issues[0]) })],
    ["an issue without a title", issueWith({ title: undefined })],
    ["a score that is a number", issueWith({ cvss_score: 3.7 })],
    ["a vector that is null", issueWith({ cvss_vector: null })],
    ["a weakness that is a number", issueWith({ cwe: 1191 })],
  ])("refuses %s, as the reader does", (_name, value) => {
    expect(isTaken(JSON.parse(JSON.stringify(value)))).toBe(false);
    if (sfr !== undefined) expect(isRead(value, sfr)).toBe(false);
  });
});

const folder = sharedFolder("published documents in JSON", "data");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("published documents", () => {
  const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
  const filesIn = (...below: readonly string[]): readonly string[] =>
    folder === undefined
      ? []
      : readdirSync(join(folder, ...below)).filter((file) => !file.startsWith("LICENSE"));

  test("are taken: 25 reports", () => {
    const isTaken = schemaOf("sfr");
    const reports = filesIn("sfr", "reports");
    const taken = reports.filter((file) =>
      isTaken(jsonOf(peekJws(bytesOf(folder ?? "", "sfr", "reports", file)))),
    );
    expect(taken).toHaveLength(25);
    expect(taken).toStrictEqual(reports);
  });

  test("are taken: unsigned twins", () => {
    const isTaken = schemaOf("sfr");
    for (const file of filesIn("sfr", "unsigned-twins")) {
      expect(isTaken(jsonOf(bytesOf(folder ?? "", "sfr", "unsigned-twins", file)))).toBe(true);
    }
  });

  test.each([
    ["cyclonedx", "hbom-pcie-sata-adapter.cdx.json", "cyclonedx"],
    ["cyclonedx", "vex.cdx.json", "cyclonedx"],
    ["cyclonedx", "cdxa-attestation-1.6.cdx.json", "cyclonedx"],
    ["cyclonedx", "component-hashes-1.7.cdx.json", "cyclonedx"],
    ["spdx", "SPDXJSONExample-v2.3.spdx.json", "spdx-2.3"],
    ["spdx", "hello-server.spdx3.json", "spdx-3.0"],
  ])("are taken: %s %s", (below, file, schema) => {
    expect(schemaOf(schema)(jsonOf(bytesOf(folder ?? "", "sbom", below, file)))).toBe(true);
  });
});
