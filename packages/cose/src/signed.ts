import type { KeyType } from "./algorithm.js";
import type { HashName } from "./digest.js";
import type { PublicMaterial } from "./material.js";

/** What a signature is said to cover, and the signature. */
export interface Signed {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * All that an implementation of "#crypto" has to know of a signature operation beside the key. An
 * Algorithm is one; certificates have others.
 */
export interface Operation {
  readonly kty: KeyType;
  /** What the message is hashed with; null for Ed25519 and ML-DSA. */
  readonly hash: HashName | null;
  /** Length of a signature; null for RSA, where it is that of the modulus. */
  readonly signatureBytes: number | null;
  /** Of RSA; PSS by default. */
  readonly padding?: "pss" | "pkcs1";
  /** Of RSA-PSS; as long as the digest by default (RFC 8230 §2). */
  readonly saltBytes?: number;
}

/** Yields the hash of an operation that has one. */
export function hashOf({ kty, hash }: Operation): HashName {
  if (hash === null) throw new TypeError(`${kty} has no hash`);
  return hash;
}

/** Yields the length of the salt of an RSA-PSS signature. */
export function saltLengthOf(operation: Operation): number {
  return operation.saltBytes ?? Number(hashOf(operation).slice("sha-".length)) / 8;
}

/**
 * Yields whether a signature may be given to an implementation at all.
 *
 * The length is fixed by operation and key (RFC 9053 §2.1: r and s as long as the order; RFC 8017
 * §8.1.2: as long as the modulus), so DER-encoded ECDSA signatures fall here. An Ed25519 R that
 * encodes the identity is refused, because some implementations take it and others do not; no
 * honest signer makes it.
 */
export function isShaped(
  operation: Operation,
  key: PublicMaterial,
  signature: Uint8Array,
): boolean {
  const want = key.kty === "RSA" ? key.n.length : operation.signatureBytes;
  if (signature.length !== want) return false;
  return key.kty !== "OKP" || !isIdentity(signature.subarray(0, 32));
}

function isIdentity(point: Uint8Array): boolean {
  return point.every((byte, i) => byte === (i === 0 ? 1 : 0));
}
