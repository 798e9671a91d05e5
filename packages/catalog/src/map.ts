import { bitAt, isSame } from "./bytes.js";
import { EMPTY_LIST, extendList } from "./list.js";
import type { ListedEntry } from "./list.js";
import { EMPTY_PART, joinParts, leafPart } from "./tree.js";
import type { Leaf, MapPath, Part } from "./tree.js";

interface LeafNode {
  leaf: Leaf;
  part: Part | undefined;
}

interface BranchNode {
  readonly children: [Node | undefined, Node | undefined];
  part: Part | undefined;
}

type Node = LeafNode | BranchNode;

/** What becomes of the leaf of a key. */
interface Put {
  readonly key: Uint8Array;
  readonly change: (leaf: Leaf | undefined) => Leaf;
}

/**
 * The index as it grows, in memory: the list of each key, and the tree over them. What changed since
 * the last root is hashed when a root is asked for. Some 600 bytes for each key.
 */
export class IndexMap {
  // Owned by #put.
  #root: Node | undefined;
  #size = 0;

  /** How many keys there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds an entry to the list of a key; its index is above all that are in the list. */
  add(key: Uint8Array, listed: ListedEntry): void {
    const change = (leaf: Leaf | undefined): Leaf => ({
      key: leaf?.key ?? key.slice(),
      list: extendList(leaf?.list ?? EMPTY_LIST, listed),
    });
    this.#root = this.#put(this.#root, 0, { key, change });
  }

  /** Sets the list of a key, as when going on from where an earlier run stopped. */
  set(leaf: Leaf): void {
    this.#root = this.#put(this.#root, 0, { key: leaf.key, change: () => leaf });
  }

  /** Yields the root of the tree. */
  root(): Uint8Array {
    return partAt(this.#root).digest.slice();
  }

  /** Yields the way to a key. */
  prove(key: Uint8Array): MapPath {
    const siblings: Uint8Array[] = [];
    let node = this.#root;
    while (node !== undefined && "children" in node) {
      const bit = bitAt(key, siblings.length);
      siblings.push(partAt(node.children[bit === 1 ? 0 : 1]).digest);
      node = node.children[bit];
    }
    return { siblings, end: node?.leaf };
  }

  /** Yields all leaves, in the order of their keys. */
  *leaves(): Generator<Leaf, void, undefined> {
    const open: (Node | undefined)[] = [this.#root];
    while (open.length > 0) {
      const node = open.pop();
      if (node === undefined) continue;
      if ("leaf" in node) yield node.leaf;
      else open.push(node.children[1], node.children[0]);
    }
  }

  #put(node: Node | undefined, depth: number, put: Put): Node {
    const { key, change } = put;
    if (node === undefined) {
      this.#size++;
      return { leaf: change(undefined), part: undefined };
    }
    if ("leaf" in node) {
      if (isSame(node.leaf.key, key)) {
        node.leaf = change(node.leaf);
        node.part = undefined;
        return node;
      }
      const branch: BranchNode = { children: [undefined, undefined], part: undefined };
      branch.children[bitAt(node.leaf.key, depth)] = node;
      return this.#put(branch, depth, put);
    }
    const bit = bitAt(key, depth);
    node.children[bit] = this.#put(node.children[bit], depth + 1, put);
    node.part = undefined;
    return node;
  }
}

function partAt(node: Node | undefined): Part {
  if (node === undefined) return EMPTY_PART;
  node.part ??= "leaf" in node ? leafPart(node.leaf) : joinParts(...partsOf(node));
  return node.part;
}

function partsOf({ children: [left, right] }: BranchNode): [Part, Part] {
  return [partAt(left), partAt(right)];
}
