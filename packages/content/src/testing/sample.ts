import { encodeBase64url, PrivateKey } from "@tallystick/cose";

import { ReviewKeys } from "../sfr/keys.js";

const encoder = new TextEncoder();

/** A report as JSON has it. */
export interface SampleReport {
  readonly review_framework_version: string;
  readonly device: Readonly<Record<string, string>>;
  readonly audit: {
    readonly issues: readonly Readonly<Record<string, string | null>>[];
    readonly [name: string]: unknown;
  };
}

/** A report with nothing unusual about it; the digests are those of no firmware. */
export const REPORT: SampleReport = {
  review_framework_version: "2.1",
  device: {
    vendor: "Example Silicon",
    product: "Root of Trust",
    category: "RoT (rom.bin)",
    repo_tag: "release-7",
    fw_version: "7.0.1",
    fw_hash_sha2_384: "ab".repeat(48),
    fw_hash_sha2_512: "cd".repeat(64),
  },
  audit: {
    srp: "Example Lab",
    methodology: "whitebox",
    completion_date: "2026-03-09",
    report_version: "1.0",
    scope_number: 1,
    cvss_version: "3.1",
    issues: [
      {
        title: "[LOW] Serial console stays open",
        cvss_score: "3.7",
        cvss_vector: "CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L",
        cwe: "CWE-1191",
        description: "The console answers before the lock.",
        cve: null,
      },
    ],
  },
};

/** The keys that samples are signed with: ES512 and PS384, each the only one of its kind. */
export const LAB: PrivateKey = await PrivateKey.generate("ES512");
export const RSA_LAB: PrivateKey = await PrivateKey.generate("PS384");

export const LAB_KEYS: ReviewKeys = new ReviewKeys([
  { provider: "Example Lab", key: LAB.publicKey, kids: ["lab"] },
]);

export const TIME = 1_790_000_000;

/** Yields the report with some members of a part replaced; `undefined` leaves one out. */
export function reportWith(part: "device" | "audit", members: object): object {
  return { ...REPORT, [part]: { ...REPORT[part], ...members } };
}

/** Yields the report with members of its issue replaced; `undefined` leaves one out. */
export function issueWith(members: object): object {
  return reportWith("audit", { issues: [{ ...REPORT.audit.issues[0], ...members }] });
}

export function jsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Yields a compact JWS over the payload, under the header as given. */
export async function signJws(
  payload: Uint8Array,
  header: object = { alg: "ES512", kid: "lab", typ: "JWT" },
  key: PrivateKey = LAB,
): Promise<Uint8Array> {
  const covered = `${encodeBase64url(jsonBytes(header))}.${encodeBase64url(payload)}`;
  const signature = await key.sign(encoder.encode(covered));
  return encoder.encode(`${covered}.${encodeBase64url(signature)}`);
}
