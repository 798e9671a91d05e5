import { encodeBase64url, type PrivateKey } from "@tallystick/cose";

import { bytesOf } from "./sample.js";

/** A review report of OCP S.A.F.E. with nothing unusual about it, members set otherwise as a test says. */
export function reportWith(
  device: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    review_framework_version: "2.1",
    device: {
      vendor: "Example Silicon",
      product: "Root of Trust",
      category: "RoT",
      repo_tag: "release-7",
      fw_version: "7.0.1",
      fw_hash_sha2_384: "ab".repeat(48),
      fw_hash_sha2_512: "cd".repeat(64),
      ...device,
    },
    audit: {
      srp: "Example Lab",
      methodology: "whitebox",
      completion_date: "2026-03-09",
      report_version: "1.0",
      scope_number: 1,
      cvss_version: "3.1",
      issues: [],
    },
  };
}

/** Yields a compact JWS over the payload. */
export async function signJws(
  payload: Uint8Array,
  key: PrivateKey,
  header: object = { alg: "ES512", kid: "lab" },
): Promise<Uint8Array> {
  const covered = `${encodeBase64url(bytesOf(header))}.${encodeBase64url(payload)}`;
  const encoder = new TextEncoder();
  const signature = await key.sign(encoder.encode(covered));
  return encoder.encode(`${covered}.${encodeBase64url(signature)}`);
}
