import { encodePublicNumbers } from "./cose-key.js";
import { digest } from "./digest.js";
import { encodeCbor } from "./encode.js";
import type { PublicMaterial } from "./material.js";

/**
 * Yields the SHA-256 thumbprint of a public key (RFC 9679 §4): the digest over the deterministic
 * encoding of its required members. y of an EC2 key is always in full.
 */
export function computeThumbprint(material: PublicMaterial): Uint8Array {
  return digest("sha-256", encodeCbor(encodePublicNumbers(material)));
}
