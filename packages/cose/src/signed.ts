import type { Algorithm } from "./algorithm.js";
import type { PublicMaterial } from "./material.js";

/** What a signature is said to cover, and the signature. */
export interface Signed {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Yields whether a signature may be given to an implementation at all.
 *
 * The length is fixed by algorithm and key (RFC 9053 §2.1: r and s as long as the order; RFC 8017
 * §8.1.2: as long as the modulus), so DER-encoded ECDSA signatures fall here. An Ed25519 R that
 * encodes the identity is refused, because some implementations take it and others do not; no
 * honest signer makes it.
 */
export function isShaped(
  algorithm: Algorithm,
  key: PublicMaterial,
  signature: Uint8Array,
): boolean {
  const want = key.kty === "RSA" ? key.n.length : algorithm.signatureBytes;
  if (signature.length !== want) return false;
  return key.kty !== "OKP" || !isIdentity(signature.subarray(0, 32));
}

function isIdentity(point: Uint8Array): boolean {
  return point.every((byte, i) => byte === (i === 0 ? 1 : 0));
}
