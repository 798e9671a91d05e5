import {
  decodeCbor,
  isCborArray,
  spliceArray,
  spliceByteStrings,
  spliceUnsigned,
} from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";
import type { ConsistencyProof, InclusionProof } from "@tallystick/merkle";

import { fromCose } from "./cause.js";
import { ReceiptError } from "./error.js";

/** Keys of the proofs map, label 396 (RFC 9942 §5.2, §5.3). */
export const PROOF = { inclusion: -1, consistency: -2 } as const;

/** Which relation a receipt proves. */
export type ProofKind = keyof typeof PROOF;

/**
 * Encodes an inclusion proof of vds 1 (RFC 9942 §5.2).
 *
 *   inclusion-proof = bstr .cbor [ tree-size: uint, leaf-index: uint, inclusion-path: [ + bstr ] ]
 */
export function encodeInclusionProof({ size, index, path }: InclusionProof): Uint8Array {
  return spliceArray([spliceUnsigned(size), spliceUnsigned(index), spliceByteStrings(path)]);
}

/**
 * Encodes a consistency proof of vds 1 (RFC 9942 §5.3).
 *
 *   consistency-proof = bstr .cbor [ tree-size-1: uint, tree-size-2: uint, consistency-path: [ + bstr ] ]
 */
export function encodeConsistencyProof({ oldSize, newSize, path }: ConsistencyProof): Uint8Array {
  return spliceArray([spliceUnsigned(oldSize), spliceUnsigned(newSize), spliceByteStrings(path)]);
}

/**
 * Decodes an inclusion proof of vds 1. Sizes and path length are for the fold to judge.
 *
 * @throws {@link ReceiptError} `RECEIPT_MALFORMED`
 */
export function decodeInclusionProof(bytes: Uint8Array): InclusionProof {
  const [size, index, path] = decodeTriple(bytes);
  return { size, index, path };
}

/**
 * Decodes a consistency proof of vds 1. Sizes and path length are for the fold to judge.
 *
 * @throws {@link ReceiptError} `RECEIPT_MALFORMED`
 */
export function decodeConsistencyProof(bytes: Uint8Array): ConsistencyProof {
  const [oldSize, newSize, path] = decodeTriple(bytes);
  return { oldSize, newSize, path };
}

/**
 * Yields what the receipt proves and the encoded proofs, from the value of label 396.
 *
 * R9, R10, R13, R14: a map with -1 or -2, an array of byte strings. D3: the map is closed, and the
 * two kinds never share a receipt, as there is one signature and so one root.
 *
 * @throws {@link ReceiptError} `RECEIPT_PROOF_MISSING`, `RECEIPT_MALFORMED`
 */
export function decodeProofs(vdp: CborMap): { kind: ProofKind; proofs: readonly Uint8Array[] } {
  const keys = [...vdp.keys()];
  if (keys.length === 0) throw new ReceiptError("RECEIPT_PROOF_MISSING", "proofs map is empty");
  if (keys.length > 1) {
    throw new ReceiptError("RECEIPT_MALFORMED", `proofs map has ${keys.length} keys, want 1`);
  }
  const kind = keys[0] === PROOF.inclusion ? "inclusion" : "consistency";
  if (keys[0] !== PROOF[kind]) {
    throw new ReceiptError("RECEIPT_PROOF_MISSING", "proofs map holds no proof type known here");
  }
  const proofs = vdp.get(PROOF[kind]);
  if (!isCborArray(proofs) || proofs.length === 0 || !proofs.every(isBytes)) {
    throw new ReceiptError("RECEIPT_MALFORMED", `${kind} proofs are not an array of byte strings`);
  }
  return { kind, proofs };
}

function decodeTriple(bytes: Uint8Array): [number, number, readonly Uint8Array[]] {
  const value = decodeStrict(bytes);
  if (!isCborArray(value) || value.length !== 3) {
    throw new ReceiptError("RECEIPT_MALFORMED", "proof is not an array of three");
  }
  const [first, second, path] = value;
  if (!isSize(first) || !isSize(second)) {
    throw new ReceiptError("RECEIPT_MALFORMED", "proof sizes are not unsigned integers below 2^53");
  }
  if (!isCborArray(path) || !path.every(isBytes)) {
    throw new ReceiptError("RECEIPT_MALFORMED", "proof path is not an array of byte strings");
  }
  return [first, second, path];
}

/** Decodes CBOR under the strict rules (D5), restating a refusal in this package's codes. */
export function decodeStrict(bytes: Uint8Array): CborValue {
  try {
    return decodeCbor(bytes);
  } catch (error) {
    throw fromCose(error);
  }
}

function isSize(value: CborValue): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Yields whether the value is a byte string, for narrowing. */
export function isBytes(value: CborValue): value is Uint8Array {
  return value instanceof Uint8Array;
}
