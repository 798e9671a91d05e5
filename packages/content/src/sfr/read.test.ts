import { describe, expect, test } from "@jest/globals";

import fc from "fast-check";

import { ContentError } from "../error.js";
import type { Json } from "../json.js";
import { issueWith, REPORT, reportWith } from "../testing/sample.js";
import { Findings, type ContentWarningCode } from "../warning.js";
import { readReport } from "./read.js";
import type { SfrReport } from "./report.js";

function read(value: object): { readonly report: SfrReport; readonly codes: readonly string[] } {
  const findings = new Findings();
  // Through text, as a payload comes: members that are undefined are not there.
  const report = readReport(JSON.parse(JSON.stringify(value)) as Json, findings);
  return { report, codes: findings.list().map(({ code, path }) => `${code} ${path}`) };
}

const device = (members: object): object => reportWith("device", members);
const audit = (members: object): object => reportWith("audit", members);
const hex = (digit: string, bytes: number): string => digit.repeat(2 * bytes);

type Row = readonly [ContentWarningCode, string, string, object, object];

describe("a report as the format has it", () => {
  test("is read without a warning", () => {
    const { report, codes } = read(REPORT);
    expect(codes).toStrictEqual([]);
    expect(report).toMatchObject({
      frameworkVersion: "2.1",
      reportVersion: "1.0",
      provider: "Example Lab",
      scope: 1,
      completed: { written: "2026-03-09", day: "2026-03-09" },
      manifest: [],
      manifestAgrees: undefined,
    });
    expect(report.digests).toStrictEqual([
      { alg: "sha-384", value: hex("ab", 24) },
      { alg: "sha-512", value: hex("cd", 32) },
    ]);
    expect(report.issues).toMatchObject([
      { statedScore: 3.7, severity: { band: "low", score: 3.7 }, cwe: "CWE-1191", cve: undefined },
    ]);
  });
});

const rows: readonly Row[] = [
  [
    "hash-prefix",
    "device.fw_hash_sha2_384",
    "0x",
    device({ fw_hash_sha2_384: `0x${hex("a", 48)}` }),
    { digests: [{ value: hex("a", 48) }, {}] },
  ],
  [
    "hash-upper-case",
    "device.fw_hash_sha2_512",
    "upper",
    device({ fw_hash_sha2_512: hex("A", 64) }),
    { digests: [{}, { value: hex("a", 64) }] },
  ],
  [
    "hash-empty",
    "device.fw_hash_sha2_384",
    "empty",
    device({ fw_hash_sha2_384: "" }),
    { digests: [{ alg: "sha-512" }] },
  ],
  [
    "hash-empty",
    "device.fw_hash_sha2_512",
    "absent",
    device({ fw_hash_sha2_512: undefined }),
    { digests: [{ alg: "sha-384" }] },
  ],
  [
    "hash-none",
    "device",
    "both empty",
    device({ fw_hash_sha2_384: "", fw_hash_sha2_512: "" }),
    { digests: [] },
  ],
  [
    "hash-sha256-in-sha512",
    "device.fw_hash_sha2_512",
    "SHA-256",
    device({ fw_hash_sha2_512: hex("a", 32) }),
    { digests: [{}, { alg: "sha-256" }] },
  ],
  ["scope-text", "audit.scope_number", "text", audit({ scope_number: "2" }), { scope: 2 }],
  ["scope-text", "audit.scope_number", "dotted", audit({ scope_number: "2.0" }), { scope: 2 }],
  [
    "scope-unreadable",
    "audit.scope_number",
    "two numbers",
    audit({ scope_number: "1.2" }),
    { scope: undefined },
  ],
  [
    "scope-unreadable",
    "audit.scope_number",
    "beyond",
    audit({ scope_number: 4 }),
    { scope: undefined },
  ],
  [
    "scope-absent",
    "audit.scope_number",
    "absent",
    audit({ scope_number: undefined }),
    { scope: undefined },
  ],
  [
    "scope-old-member",
    "audit.scope",
    "older",
    audit({ scope_number: undefined, scope: "3" }),
    { scope: 3 },
  ],
  [
    "date-form",
    "audit.completion_date",
    "one digit",
    audit({ completion_date: "2025-8-13" }),
    { completed: { written: "2025-8-13", day: "2025-08-13" } },
  ],
  [
    "date-unreadable",
    "audit.completion_date",
    "no such day",
    audit({ completion_date: "2025-02-30" }),
    { completed: { day: undefined } },
  ],
  [
    "date-unreadable",
    "audit.completion_date",
    "words",
    audit({ completion_date: "soon" }),
    { completed: { written: "soon", day: undefined } },
  ],
  [
    "tag-absent",
    "device.repo_tag",
    "absent",
    device({ repo_tag: undefined }),
    { device: { repoTag: undefined } },
  ],
  [
    "tag-absent",
    "device.repo_tag",
    "empty",
    device({ repo_tag: "" }),
    { device: { repoTag: undefined } },
  ],
  [
    "category-absent",
    "device.category",
    "absent",
    device({ category: undefined }),
    { device: { category: undefined } },
  ],
  [
    "version-absent",
    "device.fw_version",
    "empty",
    device({ fw_version: "" }),
    { device: { firmwareVersion: undefined } },
  ],
  [
    "version-absent",
    "device.fw_version",
    "zero",
    device({ fw_version: "0" }),
    { device: { firmwareVersion: undefined } },
  ],
  [
    "version-comment",
    "device.fw_version",
    "comment",
    device({ fw_version: "7 (= 0x7)" }),
    { device: { firmwareVersion: "7 (= 0x7)" } },
  ],
  [
    "text-untrimmed",
    "device.product",
    "blank",
    device({ product: "Root of Trust " }),
    { device: { product: "Root of Trust" } },
  ],
  ["cvss-version-assumed", "audit.cvss_version", "absent", audit({ cvss_version: undefined }), {}],
  [
    "vector-form",
    "audit.issues[0].cvss_vector",
    "slash",
    issueWith({ cvss_vector: "/CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L" }),
    { issues: [{ vector: { score: 3.7 } }] },
  ],
  [
    "vector-prefix-absent",
    "audit.issues[0].cvss_vector",
    "bare",
    issueWith({ cvss_vector: "AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L" }),
    { issues: [{ vector: { score: 3.7 } }] },
  ],
  [
    "vector-absent",
    "audit.issues[0].cvss_vector",
    "N/A",
    issueWith({ cvss_vector: "N/A" }),
    { issues: [{ vector: undefined }] },
  ],
  [
    "vector-absent",
    "audit.issues[0].cvss_vector",
    "absent",
    issueWith({ cvss_vector: undefined }),
    { issues: [{ vector: undefined }] },
  ],
  [
    "vector-unreadable",
    "audit.issues[0].cvss_vector",
    "words",
    issueWith({ cvss_vector: "high" }),
    { issues: [{ vector: undefined, statedScore: 3.7, severity: { band: "unknown" } }] },
  ],
  [
    "vector-version",
    "audit.issues[0].cvss_vector",
    "4.0 under 3.1",
    issueWith({ cvss_vector: "AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:L/VA:L" }),
    { issues: [{ vector: { version: "4.0" } }] },
  ],
  [
    "vector-incomplete",
    "audit.issues[0].cvss_vector",
    "4.0 short",
    issueWith({ cvss_vector: "AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:L/VA:L" }),
    {},
  ],
  [
    "score-not-vector",
    "audit.issues[0].cvss_score",
    "lower than that of 4.0",
    issueWith({ cvss_vector: "AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H" }),
    { issues: [{ statedScore: 3.7, severity: { band: "critical", score: 9.3 } }] },
  ],
  [
    "score-not-vector",
    "audit.issues[0].cvss_score",
    "lower",
    issueWith({ cvss_score: "2.1" }),
    { issues: [{ statedScore: 2.1, severity: { score: 3.7 } }] },
  ],
  [
    "score-not-vector",
    "audit.issues[0].cvss_score",
    "higher",
    issueWith({ cvss_score: "9.9" }),
    { issues: [{ severity: { band: "critical", score: 9.9 } }] },
  ],
  [
    "score-unreadable",
    "audit.issues[0].cvss_score",
    "words",
    issueWith({ cvss_score: "low" }),
    { issues: [{ statedScore: undefined, severity: { band: "unknown", score: undefined } }] },
  ],
  [
    "score-unreadable",
    "audit.issues[0].cvss_score",
    "beyond",
    issueWith({ cvss_score: "10.1" }),
    { issues: [{ statedScore: undefined, severity: { band: "unknown" } }] },
  ],
  [
    "title-not-band",
    "audit.issues[0].title",
    "milder",
    issueWith({ title: "[INFO] Console" }),
    { issues: [{ severity: { band: "low" } }] },
  ],
  [
    "cwe-text",
    "audit.issues[0].cwe",
    "text",
    issueWith({ cwe: "CWE-390: Error without action" }),
    { issues: [{ cwe: "CWE-390" }] },
  ],
  [
    "cwe-none",
    "audit.issues[0].cwe",
    "none",
    issueWith({ cwe: "none" }),
    { issues: [{ cwe: undefined }] },
  ],
  [
    "cwe-none",
    "audit.issues[0].cwe",
    "null",
    issueWith({ cwe: null }),
    { issues: [{ cwe: undefined }] },
  ],
  [
    "cwe-unreadable",
    "audit.issues[0].cwe",
    "words",
    issueWith({ cwe: "overflow" }),
    { issues: [{ cwe: undefined }] },
  ],
  [
    "cve-none",
    "audit.issues[0].cve",
    "empty",
    issueWith({ cve: "" }),
    { issues: [{ cve: undefined }] },
  ],
  [
    "cve-none",
    "audit.issues[0].cve",
    "none",
    issueWith({ cve: "None" }),
    { issues: [{ cve: undefined }] },
  ],
  [
    "manifest-hash-unlabelled",
    "device.manifest",
    "no label",
    device({ manifest: [{ file_name: "a", file_hash: hex("a", 32) }] }),
    { manifest: [{ digests: [{ alg: "sha-256" }] }] },
  ],
  [
    "manifest-hash-upper-case",
    "device.manifest[0].file_hash",
    "upper",
    device({ manifest: [{ file_name: "a", file_hash: hex("A", 64) }] }),
    { manifest: [{ digests: [{ value: hex("a", 64) }] }] },
  ],
  [
    "manifest-mismatch",
    "device.manifest",
    "other digest",
    device({ manifest: [{ file_name: "a", file_hash: hex("a", 64) }] }),
    { manifestAgrees: false },
  ],
];

describe("what is otherwise than the format says", () => {
  test.each(rows.map(([code, path, name, value, want]) => ({ code, path, name, value, want })))(
    "is put right and told as $code: $name",
    ({ code, path, value, want }) => {
      const { report, codes } = read(value);
      expect(codes).toContain(`${code} ${path}`);
      expect(report).toMatchObject(want);
    },
  );

  test("has unknown severity where neither score nor vector can be read", () => {
    const { report } = read(issueWith({ cvss_score: "", cvss_vector: "N/A" }));
    expect(report.issues[0]?.severity).toStrictEqual({ band: "unknown", score: undefined });
  });

  test("has the severity of its vector where no score is stated", () => {
    const { report } = read(issueWith({ cvss_score: "N/A" }));
    expect(report.issues[0]?.severity).toStrictEqual({ band: "low", score: 3.7 });
  });

  test("has a CVE where one is named", () => {
    expect(read(issueWith({ cve: " CVE-2026-1 " })).report.issues[0]?.cve).toBe("CVE-2026-1");
  });

  test("has a manifest that agrees, names beyond ASCII escaped", () => {
    // Digests by Python's hashlib over json.dumps(manifest, separators=(",", ":")).
    const manifest = [{ file_name: "é€😀.bin", file_hash: hex("a", 32) }];
    const { report } = read(device({ manifest, ...MANIFEST_DIGESTS }));
    expect(report.manifestAgrees).toBe(true);
  });
});

const MANIFEST_DIGESTS = {
  fw_hash_sha2_384:
    "5b99d360b6c1bd9710dd58e5c6ad82e1f2babda0d74301df323c09e959865cf1dc62e59626ccde93686545dfe413a376",
  fw_hash_sha2_512:
    "42f71d15f4ee3d91e0e81e358a81c9f7d55b0ce721845c9f2be8a411b7c9edf86cfc601f02d8be64c3ba4b5bbd487151d5cd1d2595aef4ff20fea3b759adc880",
};

describe("whatever stands for a report", () => {
  test("is read or refused, and nothing else", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        try {
          readReport(value as Json, new Findings());
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
    );
  });
});
