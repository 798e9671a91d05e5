import { checkHash, emptyRoot, nodeHash } from "./hash.js";
import { coverRanges, foldRanges, type LeafRange, type NodeId } from "./node.js";
import { checkSize } from "./size.js";

/**
 * Yields the root over all leaf hashes (RFC 9162 §2.1.1); that of no leaves is {@link emptyRoot}.
 *
 * Works level by level and shares no step with {@link rootFromNodes}, so each can check the other.
 * Costs one node hash per leaf.
 *
 * @throws {@link MerkleError} `MERKLE_HASH_LENGTH`
 */
export function treeRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  leafHashes.forEach(checkHash);
  let level = leafHashes;
  while (level.length > 1) level = parents(level);
  const [root] = level;
  return root === undefined ? emptyRoot() : new Uint8Array(root);
}

/**
 * Yields the ids of the nodes whose hashes give the root at `size`, left to right; none for size 0.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`
 */
export function rootNodes(size: number): readonly NodeId[] {
  return coverRanges(rootRanges(size));
}

/**
 * Yields the root at `size` (RFC 9162 §2.1.1) from the hashes of {@link rootNodes}, in that order.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
 */
export function rootFromNodes(size: number, hashes: readonly Uint8Array[]): Uint8Array {
  const [root] = foldRanges(rootRanges(size), hashes);
  return root ?? emptyRoot();
}

function rootRanges(size: number): readonly LeafRange[] {
  checkSize(size);
  return size === 0 ? [] : [{ start: 0, end: size }];
}

function parents(level: readonly Uint8Array[]): readonly Uint8Array[] {
  const above: Uint8Array[] = [];
  let left: Uint8Array | undefined;
  for (const hash of level) {
    if (left === undefined) {
      left = hash;
    } else {
      above.push(nodeHash(left, hash));
      left = undefined;
    }
  }
  // A node without a right sibling stands unchanged on the next level.
  if (left !== undefined) above.push(left);
  return above;
}
