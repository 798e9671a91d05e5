import { MerkleError } from "./error.js";
import { checkHashes, nodeHash } from "./hash.js";
import { floorLog2 } from "./size.js";

/**
 * Names a perfect subtree: the node over leaves index·2^level up to, but not including,
 * (index + 1)·2^level. Level 0 is the leaf hashes. Once its last leaf is there, a node never changes,
 * so its hash can be stored under its id.
 */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** A node with its hash. */
export interface TreeNode {
  readonly id: NodeId;
  readonly hash: Uint8Array;
}

/**
 * The leaves below one subtree of the RFC 9162 recursion: `start` up to, but not including, `end`.
 *
 * A left subtree is perfect. A right one may be ragged; it then has no id of its own and its hash is
 * folded from the perfect subtrees that cover it.
 */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Refuses ids that no tree of a safe size can hold. */
export function checkNode(id: NodeId): void {
  const integral = Number.isSafeInteger(id.level) && Number.isSafeInteger(id.index);
  const end = (id.index + 1) * 2 ** id.level;
  if (!integral || id.level < 0 || id.index < 0 || end > Number.MAX_SAFE_INTEGER) {
    throw new MerkleError(
      "MERKLE_INDEX_OUT_OF_RANGE",
      `no tree has a node at level ${id.level}, index ${id.index}`,
    );
  }
}

/** Yields the perfect subtrees that cover each range, range by range and left to right within one. */
export function coverRanges(ranges: readonly LeafRange[]): readonly NodeId[] {
  return ranges.flatMap(coverRange);
}

/**
 * Yields the hash of each range from the hashes of {@link coverRanges}, in the same order.
 *
 * @throws {@link MerkleError} `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
 */
export function foldRanges(
  ranges: readonly LeafRange[],
  hashes: readonly Uint8Array[],
): readonly Uint8Array[] {
  const covers = ranges.map((range) => coverRange(range).length);
  checkHashes(
    hashes,
    covers.reduce((sum, length) => sum + length, 0),
  );
  let taken = 0;
  return covers.map((length) => {
    const from = taken;
    taken += length;
    return foldRight(hashes.slice(from, taken));
  });
}

/**
 * Yields the root over perfect subtrees that stand side by side, largest first, as a new array.
 *
 * RFC 9162 splits at the largest power of two, so the first subtree is the whole left side of the
 * root, the second that of the rest, and so on: the fold starts at the right. There must be one.
 */
export function foldRight(hashes: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(hashes.reduceRight((right, left) => nodeHash(left, right)));
}

/** Yields the perfect subtrees that cover a range, left to right. */
export function coverRange(range: LeafRange): readonly NodeId[] {
  const nodes: NodeId[] = [];
  let start = range.start;
  while (start < range.end) {
    const level = floorLog2(range.end - start);
    const width = 2 ** level;
    // Exact: in the recursion a subtree starts at a multiple of the power of two that covers it.
    nodes.push({ level, index: start / width });
    start += width;
  }
  return nodes;
}
