import { checkHash, checkHashes, checkRoot, nodeHash } from "./hash.js";
import { coverRanges, foldRanges, type LeafRange, type NodeId } from "./node.js";
import { pathSides } from "./path.js";
import { checkIndex, splitPoint } from "./size.js";

/**
 * The claim that a leaf stands at `index` in a tree of `size` leaves, with the siblings that show it,
 * leaf to root. Only the root is ever signed: several (index, size) pairs fold a path to one root, so
 * neither is proven by it.
 */
export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  readonly path: readonly Uint8Array[];
}

/**
 * Yields the ids of the stored nodes that {@link inclusionPath} needs (RFC 9162 §2.1.3.1).
 *
 * In path order, from leaf to root. There can be more ids than path elements: a sibling on the ragged
 * right edge is folded from several nodes, left to right.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_INDEX_OUT_OF_RANGE`
 */
export function inclusionNodes(index: number, size: number): readonly NodeId[] {
  return coverRanges(siblingRanges(index, size));
}

/**
 * Yields the inclusion path (RFC 9162 §2.1.3.1), leaf to root, from the hashes of
 * {@link inclusionNodes}, in that order. Empty for the only leaf of a tree.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_INDEX_OUT_OF_RANGE`,
 * `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
 */
export function inclusionPath(
  index: number,
  size: number,
  hashes: readonly Uint8Array[],
): readonly Uint8Array[] {
  return foldRanges(siblingRanges(index, size), hashes);
}

/**
 * Yields the one length that an inclusion path for `index` in a tree of `size` leaves can have.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_INDEX_OUT_OF_RANGE`
 */
export function inclusionPathLength(index: number, size: number): number {
  checkIndex(index, size);
  return pathSides(index, size - 1).length;
}

/**
 * Yields the root that an inclusion path implies for a leaf hash (RFC 9162 §2.1.3.2).
 *
 * Any path of the right shape implies some root: nothing is proven until that root is compared, or a
 * signature over it verified. Index and size fix the path length, so a path of any other length is
 * refused before anything is hashed.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_INDEX_OUT_OF_RANGE`,
 * `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
 */
export function rootFromInclusionPath(proof: InclusionProof, leaf: Uint8Array): Uint8Array {
  checkIndex(proof.index, proof.size);
  const sides = pathSides(proof.index, proof.size - 1);
  // D2: exact path length.
  checkHashes(proof.path, sides.length);
  checkHash(leaf);
  let hash: Uint8Array = new Uint8Array(leaf);
  proof.path.forEach((sibling, i) => {
    hash = sides[i] === "left" ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
  });
  return hash;
}

/**
 * Returns if the path leads from the leaf hash to `root` (RFC 9162 §2.1.3.2), and throws otherwise.
 *
 * @throws {@link MerkleError} `MERKLE_ROOT_MISMATCH`, `MERKLE_SIZE_INVALID`,
 * `MERKLE_INDEX_OUT_OF_RANGE`, `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
 */
export function verifyInclusion(proof: InclusionProof, leaf: Uint8Array, root: Uint8Array): void {
  checkRoot(rootFromInclusionPath(proof, leaf), root);
}

function siblingRanges(index: number, size: number): readonly LeafRange[] {
  checkIndex(index, size);
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}
