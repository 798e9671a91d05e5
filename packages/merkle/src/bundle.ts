import { MerkleError } from "./error.js";
import { checkHash, HASH_BYTES } from "./hash.js";
import { checkTileWidth } from "./tile.js";

// W17: each entry stands behind its length, a big-endian uint16. Entries of this log are digests, so
// the length is always 0x0020.
const PREFIX_BYTES = 2;
const RECORD_BYTES = PREFIX_BYTES + HASH_BYTES;

/**
 * Yields the entry bundle of 1 to 256 entries of 32 bytes (W17), 34 bytes for each.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`, `MERKLE_HASH_LENGTH`
 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  checkTileWidth(entries.length);
  const bundle = new Uint8Array(entries.length * RECORD_BYTES);
  entries.forEach((entry, i) => {
    checkHash(entry);
    const start = i * RECORD_BYTES;
    bundle[start + 1] = HASH_BYTES;
    bundle.set(entry, start + PREFIX_BYTES);
  });
  return bundle;
}

/**
 * Yields the entries of an entry bundle (W17), copied.
 *
 * Refuses entries of any other length than 32 bytes, truncated bundles, and those of none or more than
 * 256 entries.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`, `MERKLE_HASH_LENGTH`
 */
export function decodeBundle(bytes: Uint8Array): readonly Uint8Array[] {
  const width = bytes.length / RECORD_BYTES;
  checkTileWidth(width);
  return Array.from({ length: width }, (_, i) => {
    const start = i * RECORD_BYTES;
    checkPrefix(bytes.subarray(start, start + PREFIX_BYTES));
    return new Uint8Array(bytes.subarray(start + PREFIX_BYTES, start + RECORD_BYTES));
  });
}

function checkPrefix(prefix: Uint8Array): void {
  const [high = 0, low = 0] = prefix;
  const length = high * 256 + low;
  if (length !== HASH_BYTES) {
    throw new MerkleError("MERKLE_HASH_LENGTH", `wrong entry length ${length}, want ${HASH_BYTES}`);
  }
}
