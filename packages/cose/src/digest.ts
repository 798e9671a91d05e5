import { digestBytes } from "#crypto";
import { CoseError } from "./error.js";
import type { CborValue } from "./value.js";

/** Hash functions by their names in the IANA "Named Information Hash Algorithm" registry. */
export type HashName = "sha-256" | "sha-384" | "sha-512";

/** One hash function: its name, COSE number (RFC 9054 §2.1) and digest length. */
export interface HashAlgorithm {
  readonly id: number;
  readonly name: HashName;
  readonly bytes: number;
}

/** Every hash function of this library (RFC 9054 §2.1). */
export const HASH_ALGORITHMS: readonly HashAlgorithm[] = [
  { id: -16, name: "sha-256", bytes: 32 },
  { id: -43, name: "sha-384", bytes: 48 },
  { id: -44, name: "sha-512", bytes: 64 },
];

/** Yields the digest of the bytes (FIPS 180-4). */
export function digest(name: HashName, bytes: Uint8Array): Uint8Array {
  return digestBytes(name, bytes);
}

/**
 * Yields the hash function with this COSE number (RFC 9054 §2.1).
 *
 * @throws {@link CoseError} `COSE_ALG_UNSUPPORTED`
 */
export function hashById(id: CborValue): HashAlgorithm {
  const found = HASH_ALGORITHMS.find((hash) => hash.id === id);
  if (found === undefined) {
    const got = typeof id === "number" || typeof id === "bigint" ? id.toString() : typeof id;
    throw new CoseError("COSE_ALG_UNSUPPORTED", `unsupported hash algorithm ${got}`);
  }
  return found;
}

/**
 * Yields the hash function with this name.
 *
 * @throws {@link CoseError} `COSE_ALG_UNSUPPORTED`
 */
export function hashByName(name: string): HashAlgorithm {
  const found = HASH_ALGORITHMS.find((hash) => hash.name === name);
  if (found === undefined) {
    throw new CoseError(
      "COSE_ALG_UNSUPPORTED",
      `unsupported hash name, want one of ${HASH_ALGORITHMS.map(({ name }) => name).join(", ")}`,
    );
  }
  return found;
}
