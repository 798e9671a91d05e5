import { MerkleError } from "./error.js";
import { checkHash, nodeHash } from "./hash.js";
import { coverRange, foldRight, type LeafRange, type NodeId } from "./node.js";
import { checkIndex, checkSize, splitPoint } from "./size.js";

/** A subtree whose hash is known to lead to the root; its halves are, once both have been looked at. */
interface ProvenNode extends LeafRange {
  readonly hash: Uint8Array;
  halves: { readonly left: ProvenNode; readonly right: ProvenNode } | undefined;
}

/**
 * A tree under a known root, as far as it has been looked at: makes inclusion paths that lead to the
 * root, and hashes each node above them once, however many paths run through it.
 *
 * The paths of leaves that stand side by side have all but their lowest elements in common, so a
 * batch costs about one hash a leaf, where proving each path by itself costs one a level.
 *
 * Grows by two nodes a level for every path that leaves those already known; {@link ProvenTree.nodes}
 * tells how far.
 */
export class ProvenTree {
  readonly size: number;
  readonly #root: ProvenNode;
  #nodes = 1;

  /**
   * @param size - at least 1
   * @param root - the root that is trusted for that size
   *
   * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_HASH_LENGTH`
   */
  constructor(size: number, root: Uint8Array) {
    checkSize(size);
    checkHash(root);
    this.size = size;
    this.#root = { start: 0, end: size, hash: root, halves: undefined };
  }

  /** Nodes that are held. */
  get nodes(): number {
    return this.#nodes;
  }

  /**
   * Yields the ids of the stored nodes that {@link ProvenTree.prove} needs for a leaf, in the order in
   * which it takes their hashes: none where the whole path is known already.
   *
   * @throws {@link MerkleError} `MERKLE_INDEX_OUT_OF_RANGE`
   */
  wanted(index: number): readonly NodeId[] {
    checkIndex(index, this.size);
    const ids: NodeId[] = [];
    let range: LeafRange = this.#lowest(index);
    while (range.end - range.start > 1) {
      const [left, right] = split(range);
      ids.push(...coverRange(left), ...coverRange(right));
      range = index < left.end ? left : right;
    }
    return ids;
  }

  /**
   * Yields the inclusion path of a leaf (RFC 9162 §2.1.3.1), leaf to root, once it leads to the root.
   * `hashes` are those of {@link ProvenTree.wanted}, asked for since the last path was proven.
   *
   * @throws {@link MerkleError} `MERKLE_ROOT_MISMATCH` when the leaf or a hash is not of this tree,
   * `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`, `MERKLE_INDEX_OUT_OF_RANGE`
   */
  prove(index: number, leaf: Uint8Array, hashes: readonly Uint8Array[]): readonly Uint8Array[] {
    checkIndex(index, this.size);
    const path: Uint8Array[] = [];
    let taken = 0;
    const take = (range: LeafRange): Uint8Array => {
      const from = taken;
      taken += coverRange(range).length;
      if (taken > hashes.length) throw wrongNumber(hashes.length);
      return foldRight(hashes.slice(from, taken));
    };
    let node = this.#root;
    while (node.end - node.start > 1) {
      const { left, right } = node.halves ?? this.#expand(node, take);
      const isLeft = index < left.end;
      path.push(isLeft ? right.hash : left.hash);
      node = isLeft ? left : right;
    }
    if (taken !== hashes.length) throw wrongNumber(hashes.length);
    requireSame(leaf, node.hash, node);
    return path.reverse();
  }

  #lowest(index: number): ProvenNode {
    let node = this.#root;
    for (let { halves } = node; halves !== undefined; { halves } = node) {
      node = index < halves.left.end ? halves.left : halves.right;
    }
    return node;
  }

  #expand(
    node: ProvenNode,
    take: (range: LeafRange) => Uint8Array,
  ): NonNullable<ProvenNode["halves"]> {
    const [first, second] = split(node);
    const left = { ...first, hash: take(first), halves: undefined };
    const right = { ...second, hash: take(second), halves: undefined };
    requireSame(nodeHash(left.hash, right.hash), node.hash, node);
    node.halves = { left, right };
    this.#nodes += 2;
    return node.halves;
  }
}

// RFC 9162 §2.1.1: the left half is the largest perfect tree that is smaller than the whole.
function split({ start, end }: LeafRange): readonly [LeafRange, LeafRange] {
  const middle = start + splitPoint(end - start);
  return [
    { start, end: middle },
    { start: middle, end },
  ];
}

function requireSame(hash: Uint8Array, proven: Uint8Array, { start, end }: LeafRange): void {
  checkHash(hash);
  for (let i = 0; i < proven.length; i++) {
    if (hash[i] === proven[i]) continue;
    throw new MerkleError(
      "MERKLE_ROOT_MISMATCH",
      `leaves ${start} to ${end - 1} do not lead to the root`,
    );
  }
}

function wrongNumber(got: number): MerkleError {
  return new MerkleError("MERKLE_PATH_LENGTH", `${got} hashes are not those that were wanted`);
}
