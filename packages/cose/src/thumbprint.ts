import { encodeBase64url } from "./base64url.js";
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

/**
 * Yields what people and scripts know a key by: its SHA-256 thumbprint (RFC 9679), or a `kid` that is
 * one, in base64url without padding, which are 43 characters. A key set of SCRAPI names it so in its
 * addresses, and a trust file by its `kid`.
 */
export function formatThumbprint(key: { thumbprint(): Uint8Array } | Uint8Array): string {
  return encodeBase64url(key instanceof Uint8Array ? key : key.thumbprint());
}
