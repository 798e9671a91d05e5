import { getPublicKey, hashes, Point, sign, utils, verify } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { CoseError } from "./error.js";

// The synchronous half of @noble/ed25519 takes its hash from here.
hashes.sha512 = (message) => sha512(message);

/**
 * Checks that an encoded point is one on which all Ed25519 verifiers agree: canonical, of prime
 * order, not of small order. RFC 8032 leaves the other points open, and libraries answer
 * differently about signatures under them, so they are refused with the key.
 *
 * Costs about 2 ms; done once for each key.
 *
 * @throws {@link CoseError} `COSE_KEY_WEAK`
 */
export function vetEd25519(x: Uint8Array): void {
  let point: Point;
  try {
    point = Point.fromBytes(x, false);
  } catch (cause) {
    throw new CoseError("COSE_KEY_WEAK", "not a canonical Ed25519 point", { cause });
  }
  if (point.isSmallOrder()) throw new CoseError("COSE_KEY_WEAK", "Ed25519 point of small order");
  if (!point.isTorsionFree()) throw new CoseError("COSE_KEY_WEAK", "Ed25519 point of mixed order");
}

/** Yields the public key of a 32-byte seed (RFC 8032 §5.1.5). */
export function publicOfSeed(seed: Uint8Array): Uint8Array {
  return new Uint8Array(getPublicKey(seed));
}

/** Yields a new seed from the platform's random source. */
export function generateEd25519(): Uint8Array {
  return utils.randomSecretKey();
}

/** Yields the signature (RFC 8032 §5.1.6). */
export function signEd25519(message: Uint8Array, seed: Uint8Array): Uint8Array {
  return sign(message, seed);
}

/**
 * Yields whether the signature holds by RFC 8032 §5.1.7 without the cofactor, as OpenSSL decides.
 *
 * The library multiplies by the cofactor, which hides a torsion part of R. With a vetted key, R
 * free of torsion makes both equations the same.
 */
export function isEd25519Signature(
  signature: Uint8Array,
  message: Uint8Array,
  x: Uint8Array,
): boolean {
  if (!verify(signature, message, x, { zip215: false })) return false;
  return Point.fromBytes(signature.subarray(0, 32), false).isTorsionFree();
}
