import { digest, encodeHex } from "@tallystick/cose";

/** Who publishes in these suites. */
export const VENDOR = "https://vendor.example";

/** Yields the firmware of a version. */
export const rom = (version: number): Uint8Array => new TextEncoder().encode(`firmware ${version}`);

/** Yields the report on the firmware of a version, with one open issue unless the score is `none`. */
export function report(version: number, score: string, more: object = {}): string {
  const vectors: Readonly<Record<string, string>> = {
    "5.3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
    "": "N/A",
  };
  const issue = {
    title: `${score === "5.3" ? "[MEDIUM] " : ""}Debug port stays open`,
    cvss_score: score,
    cvss_vector: vectors[score] ?? "",
    cwe: "CWE-1191",
    description: "The port answers before the lock.",
    cve: null,
  };
  return JSON.stringify({
    review_framework_version: "2.1",
    device: {
      vendor: "Example Silicon",
      product: "Root of Trust",
      category: "RoT",
      repo_tag: `release-${version}`,
      fw_version: `${version}.0.1`,
      fw_hash_sha2_384: encodeHex(digest("sha-384", rom(version))),
      fw_hash_sha2_512: encodeHex(digest("sha-512", rom(version))),
    },
    audit: {
      srp: "Example Lab",
      methodology: "whitebox",
      completion_date: "2026-03-09",
      report_version: "1.0",
      scope_number: 1,
      cvss_version: "3.1",
      issues: score === "none" ? [] : [issue],
      ...more,
    },
  });
}
