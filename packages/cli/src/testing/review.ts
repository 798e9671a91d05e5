import { digest, encodeHex } from "@tallystick/cose";

import type { Workspace } from "./workspace.js";

/** Who publishes in these suites. */
export const VENDOR = "https://vendor.example";

/** Whose notices count for any target. */
export const OPERATOR = "https://operator.example";

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

/**
 * Writes a policy for registrations by the vendor and the operator, of reports by either of two labs,
 * and makes the keys of the operator and the second lab.
 */
export async function writeRegistration(workspace: Workspace): Promise<void> {
  await workspace.must("keygen", "--alg", "ES256", "--out", "operator.jwk");
  await workspace.must("keygen", "--alg", "ES384", "--out", "other-lab.jwk");
  const [vendor, operator, lab, other] = await Promise.all(
    ["vendor", "operator", "lab", "other-lab"].map((name) => workspace.json(`${name}.pub.jwk`)),
  );
  const keys = [
    { provider: "Example Lab", key: lab },
    { provider: "Other Lab", key: other },
  ];
  const reviewed = { contentTypes: ["application/jose"], keys };
  await workspace.write(
    "registration.json",
    JSON.stringify({
      format: "tallystick-policy/1",
      issuers: [
        { iss: VENDOR, keys: [vendor] },
        { iss: OPERATOR, keys: [operator] },
      ],
      algorithms: ["ES256"],
      maxStatementBytes: 1_048_576,
      rules: [
        { name: "reviewed", use: "reviewSignature", with: reviewed },
        { name: "own", use: "noticeIssuer", with: { operators: [OPERATOR] } },
      ],
    }),
  );
}

/** Writes a policy for appraisals that trusts the keys of the vendor and of the lab. */
export async function writeAppraisal(
  workspace: Workspace,
  name: string,
  changes: object = {},
): Promise<void> {
  const [vendor, lab] = [
    await workspace.json("vendor.pub.jwk"),
    await workspace.json("lab.pub.jwk"),
  ];
  const trust = await workspace.json("trust.json");
  await workspace.write(
    name,
    JSON.stringify({
      format: "tallystick-appraisal/1",
      trust: { services: trust["services"], issuers: [{ iss: VENDOR, keys: [vendor] }] },
      reviewKeys: [{ provider: "Example Lab", key: lab }],
      ...changes,
    }),
  );
}
