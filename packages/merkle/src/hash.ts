import { sha256 } from "#crypto";
import { MerkleError } from "./error.js";

export { sha256 };

/** Bytes in every hash of the tree, and in every entry of a bundle. */
export const HASH_BYTES = 32;

// RFC 9162 §2.1.1: the prefixes keep a node from ever being read as a leaf (D1).
const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

// Reused by every nodeHash call: nothing in it outlives the call, and a fresh array of 65 bytes
// costs more than the hash.
const nodeInput = new Uint8Array(1 + 2 * HASH_BYTES);
nodeInput[0] = NODE_PREFIX;

/** Yields the root of the tree without leaves, SHA-256 of nothing (RFC 9162 §2.1.1). */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array(0));
}

/** Yields the leaf hash of an entry of any length, SHA-256(0x00 ‖ entry) (RFC 9162 §2.1.1). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + entry.length);
  input[0] = LEAF_PREFIX;
  input.set(entry, 1);
  return sha256(input);
}

/**
 * Yields the hash of the node above two subtrees, SHA-256(0x01 ‖ left ‖ right) (RFC 9162 §2.1.1).
 *
 * @throws {@link MerkleError} `MERKLE_HASH_LENGTH`
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  checkHash(left);
  checkHash(right);
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return sha256(nodeInput);
}

/** Refuses a hash that is not exactly 32 bytes, before it is hashed. */
export function checkHash(hash: Uint8Array): void {
  // D1: hashes are exactly 32 bytes.
  if (hash.length !== HASH_BYTES) {
    throw new MerkleError(
      "MERKLE_HASH_LENGTH",
      `wrong hash length ${hash.length}, want ${HASH_BYTES}`,
    );
  }
}

/** Refuses a list of hashes that has not exactly `count` elements of 32 bytes. */
export function checkHashes(hashes: readonly Uint8Array[], count: number): void {
  // D2: surplus and missing hashes are refused alike.
  if (hashes.length !== count) {
    throw new MerkleError(
      "MERKLE_PATH_LENGTH",
      `wrong number of hashes ${hashes.length}, want ${count}`,
    );
  }
  hashes.forEach(checkHash);
}

/** Refuses a computed root that differs from the expected one, or an expected one that is no hash. */
export function checkRoot(computed: Uint8Array, expected: Uint8Array): void {
  checkHash(expected);
  // Roots are public, so the comparison need not run in constant time.
  if (!computed.every((byte, i) => byte === expected[i])) {
    throw new MerkleError(
      "MERKLE_ROOT_MISMATCH",
      `proof leads to root ${hexPrefix(computed)}, want ${hexPrefix(expected)}`,
    );
  }
}

function hexPrefix(hash: Uint8Array): string {
  const digits = Array.from(hash.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  return `${digits.join("")}…`;
}
