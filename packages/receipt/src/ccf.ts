import { encodeHex, isCborArray, isCborMap } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { HASH_BYTES, sha256 } from "@tallystick/merkle";

import { ReceiptError } from "./error.js";
import { decodeStrict, isBytes } from "./proof.js";

/** Longest evidence string of a CCF leaf, in UTF-8 bytes (draft-ietf-scitt-receipts-ccf-profile §3). */
const MAX_EVIDENCE_BYTES = 1024;

interface PathElement {
  readonly left: boolean;
  readonly hash: Uint8Array;
}

/**
 * Computes the root that a CCF ledger's inclusion proof implies for `entry`
 * (draft-ietf-scitt-receipts-ccf-profile-06 §3.1).
 *
 * There are no domain separation prefixes: leaf and node differ by the length of what is hashed, so
 * the size checks here carry the security.
 *
 *   h = HASH(internal-transaction-hash || HASH(internal-evidence) || data-hash), then per element
 *   h = HASH(hash || h) if left, else HASH(h || hash)
 *
 * @throws {@link ReceiptError} `RECEIPT_MALFORMED`, `RECEIPT_INCLUSION_INVALID`
 */
export function rootFromCcfProof(proof: Uint8Array, entry: Uint8Array): Uint8Array {
  const value = decodeStrict(proof);
  if (!isCborMap(value) || value.size !== 2) throw malformed("proof is not a map of leaf and path");
  const { transactionHash, evidence, dataHash } = decodeLeaf(value.get(1));
  if (encodeHex(dataHash) !== encodeHex(entry)) {
    throw new ReceiptError("RECEIPT_INCLUSION_INVALID", "proof is about another entry");
  }
  const evidenceHash = sha256(new TextEncoder().encode(evidence));
  let hash = sha256(concat(transactionHash, evidenceHash, dataHash));
  for (const element of decodePath(value.get(2))) {
    hash = element.left ? sha256(concat(element.hash, hash)) : sha256(concat(hash, element.hash));
  }
  return hash;
}

function decodeLeaf(value: CborValue): {
  transactionHash: Uint8Array;
  evidence: string;
  dataHash: Uint8Array;
} {
  if (!isCborArray(value) || value.length !== 3) throw malformed("leaf is not an array of three");
  const [transactionHash, evidence, dataHash] = value;
  if (!isHash(transactionHash) || !isHash(dataHash)) throw malformed("leaf hash is not 32 bytes");
  if (typeof evidence !== "string" || evidence === "") throw malformed("leaf lacks evidence");
  if (new TextEncoder().encode(evidence).length > MAX_EVIDENCE_BYTES) {
    throw malformed(`leaf evidence is longer than ${MAX_EVIDENCE_BYTES} bytes`);
  }
  return { transactionHash, evidence, dataHash };
}

function decodePath(value: CborValue): PathElement[] {
  if (!isCborArray(value) || value.length === 0) throw malformed("path is not a non-empty array");
  return value.map((element) => {
    if (!isCborArray(element) || element.length !== 2) throw malformed("path element is no pair");
    const [left, hash] = element;
    if (typeof left !== "boolean" || !isHash(hash)) throw malformed("path element is ill-typed");
    return { left, hash };
  });
}

function isHash(value: CborValue): value is Uint8Array {
  return isBytes(value) && value.length === HASH_BYTES;
}

function malformed(message: string): ReceiptError {
  return new ReceiptError("RECEIPT_MALFORMED", `ccf: ${message}`);
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
