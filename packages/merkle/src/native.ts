import { hash } from "node:crypto";

const DIGEST_BYTES = 32;

/** Yields the SHA-256 digest (FIPS 180-4) of `bytes`, computed by Node. */
export function sha256(bytes: Uint8Array): Uint8Array {
  // A Latin-1 string is the cheapest form in which Node returns a digest: one call, no Buffer.
  const text = hash("sha256", bytes, "binary");
  const digest = new Uint8Array(DIGEST_BYTES);
  for (let i = 0; i < DIGEST_BYTES; i++) digest[i] = text.charCodeAt(i);
  return digest;
}
