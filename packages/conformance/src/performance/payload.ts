import { createHash, randomFillSync } from "node:crypto";

import { PrivateKey, encodeBase64url } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";

/** What statements of a bench are about: bytes that mean nothing, a signed review report, or a bill. */
export type PayloadOrder =
  | { readonly kind: "random"; readonly bytes: number }
  | { readonly kind: "report"; readonly lab: Jwk }
  | { readonly kind: "bill" };

/** Who reviews, in reports and in the policies that ask for them. */
export const PROVIDER = "Example Lab";

/** Whose product is reviewed. */
export const VENDOR = "Example Silicon";

/** Content type of signed reports. */
export const REPORT_TYPE = "application/jose";

/** Content type of bills of materials. */
export const BILL_TYPE = "application/vnd.cyclonedx+json";

/** Components of a bill. */
const COMPONENTS = 50;

/** Makes payloads of one kind, each of them another. */
export interface PayloadMaker {
  readonly contentType: string;
  readonly make: () => Uint8Array | Promise<Uint8Array>;
}

/** Yields what makes payloads of a kind. */
export function payloadMaker(order: PayloadOrder): PayloadMaker {
  switch (order.kind) {
    case "random": {
      // So that no two are the same, and a database that compresses finds nothing to compress.
      const make = (): Uint8Array => randomFillSync(new Uint8Array(order.bytes));
      return { contentType: "application/octet-stream", make };
    }
    case "report": {
      const lab = PrivateKey.fromJwk(order.lab);
      return { contentType: REPORT_TYPE, make: () => signedReport(lab, randomHex(48)) };
    }
    case "bill":
      return { contentType: BILL_TYPE, make: () => bill(randomHex(16)) };
  }
}

/** Yields a report about the firmware with a SHA-384 digest, in hexadecimal, signed as providers do. */
export async function signedReport(lab: PrivateKey, digest: string): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const issue = {
    title: "[LOW] Console stays open",
    cvss_score: "2.2",
    cwe: "CWE-1299",
    cve: null,
  };
  const report = {
    review_framework_version: "2.1",
    device: {
      ...{ vendor: VENDOR, product: "Root of Trust", category: "RoT", repo_tag: "r" },
      ...{ fw_version: digest.slice(0, 8), fw_hash_sha2_384: digest, fw_hash_sha2_512: "" },
    },
    audit: {
      ...{ srp: PROVIDER, methodology: "whitebox", completion_date: "2026-03-09" },
      ...{ report_version: "1.0", scope_number: 1, cvss_version: "3.1" },
      issues: [
        { ...issue, cvss_vector: "CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:N", description: "" },
      ],
    },
  };
  const part = (value: object): string => encodeBase64url(encoder.encode(JSON.stringify(value)));
  const covered = `${part({ alg: "ES512", kid: "lab" })}.${part(report)}`;
  const signature = await lab.sign(encoder.encode(covered));
  return encoder.encode(`${covered}.${encodeBase64url(signature)}`);
}

/** Yields a bill of fifty components, each with a package URL and a digest of its own. */
function bill(seed: string): Uint8Array {
  const components = Array.from({ length: COMPONENTS }, (_, i) => ({
    ...{ type: "firmware", name: `part-${i}`, version: seed.slice(0, 8) },
    purl: `pkg:generic/part-${i}@${seed}`,
    hashes: [{ alg: "SHA-256", content: hexDigest(`${seed} ${i}`) }],
  }));
  const bom = {
    ...{ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
    serialNumber: `urn:uuid:${uuidOf(seed)}`,
    metadata: { component: { type: "firmware", name: "image", version: seed } },
    components,
  };
  return new TextEncoder().encode(JSON.stringify(bom));
}

function randomHex(bytes: number): string {
  return randomFillSync(Buffer.alloc(bytes)).toString("hex");
}

function hexDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function uuidOf(hex: string): string {
  const at = [0, 8, 12, 16, 20, 32];
  return at
    .slice(1)
    .map((end, i) => hex.slice(at[i], end))
    .join("-");
}
