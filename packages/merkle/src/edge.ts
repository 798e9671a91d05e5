import { checkHash, checkHashes, emptyRoot, nodeHash } from "./hash.js";
import { foldRight, type TreeNode } from "./node.js";
import { rootNodes } from "./root.js";
import { checkSize, half } from "./size.js";

/**
 * The right edge of a growing tree: the hashes of {@link rootNodes} at its size, which is all it takes
 * to append leaves and to know the root. At most 53 hashes, whatever the size.
 *
 * Hashes handed out are the edge's own; callers do not write to them.
 */
export class RightEdge {
  // Owned by the edge and changed by append alone; left to right, one per set bit of the size.
  readonly #hashes: Uint8Array[];
  #size: number;

  private constructor(size: number, hashes: readonly Uint8Array[]) {
    this.#size = size;
    this.#hashes = hashes.map((hash) => new Uint8Array(hash));
  }

  /** Yields the edge of the tree without leaves. */
  static empty(): RightEdge {
    return new RightEdge(0, []);
  }

  /**
   * Yields the edge of the tree of `size` leaves from the hashes of {@link rootNodes}, in that order.
   *
   * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
   */
  static from(size: number, hashes: readonly Uint8Array[]): RightEdge {
    checkHashes(hashes, rootNodes(size).length);
    return new RightEdge(size, hashes);
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends a leaf hash and yields every node that it completes, the leaf itself first and then upward.
   *
   * Throws before anything changes. Costs one node hash per leaf on average.
   *
   * @throws {@link MerkleError} `MERKLE_HASH_LENGTH`, `MERKLE_SIZE_INVALID` if the tree is full
   */
  append(leaf: Uint8Array): readonly TreeNode[] {
    checkHash(leaf);
    const next = this.#size + 1;
    checkSize(next);
    let node: TreeNode = { id: { level: 0, index: this.#size }, hash: new Uint8Array(leaf) };
    const completed = [node];
    for (const left of this.#takeCompleted()) {
      const id = { level: node.id.level + 1, index: half(node.id.index) };
      node = { id, hash: nodeHash(left, node.hash) };
      completed.push(node);
    }
    this.#hashes.push(node.hash);
    this.#size = next;
    return completed;
  }

  /** Yields the root at the present size (RFC 9162 §2.1.1). */
  root(): Uint8Array {
    return this.#size === 0 ? emptyRoot() : foldRight(this.#hashes);
  }

  /** Yields the hashes of {@link rootNodes} at the present size, in that order. */
  hashes(): readonly Uint8Array[] {
    return [...this.#hashes];
  }

  /** Yields an edge that grows on its own from here. */
  clone(): RightEdge {
    return new RightEdge(this.#size, this.#hashes);
  }

  /** Removes and yields the left siblings of the nodes that the next leaf completes, upward. */
  #takeCompleted(): readonly Uint8Array[] {
    let count = 0;
    for (let index = this.#size; index % 2 === 1; index = half(index)) count++;
    return this.#hashes.splice(this.#hashes.length - count).reverse();
  }
}
