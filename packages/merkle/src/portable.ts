import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";

/** Yields the SHA-256 digest (FIPS 180-4) of `bytes`, computed in JavaScript for any runtime. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes);
}
