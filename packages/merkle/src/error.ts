/**
 * Why a tree operation was refused. Codes are stable; see docs/errors.md.
 *
 * - `MERKLE_SIZE_INVALID`: a size is no safe integer, or does not fit the other size.
 * - `MERKLE_INDEX_OUT_OF_RANGE`: a leaf index or node id lies outside the tree.
 * - `MERKLE_HASH_LENGTH`: a hash or entry is not exactly 32 bytes.
 * - `MERKLE_PATH_LENGTH`: a path or list of node hashes has more or fewer elements than its sizes fix.
 * - `MERKLE_ROOT_MISMATCH`: a proof does not lead to the root it is held against.
 * - `MERKLE_TILE_INVALID`: a tile, entry bundle, or the path or id of one is malformed.
 */
export type MerkleErrorCode =
  | "MERKLE_SIZE_INVALID"
  | "MERKLE_INDEX_OUT_OF_RANGE"
  | "MERKLE_HASH_LENGTH"
  | "MERKLE_PATH_LENGTH"
  | "MERKLE_ROOT_MISMATCH"
  | "MERKLE_TILE_INVALID";

/** The one error of this package; {@link MerkleError.code} tells the cases apart. */
export class MerkleError extends Error {
  readonly code: MerkleErrorCode;

  constructor(code: MerkleErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MerkleError";
    this.code = code;
  }
}
