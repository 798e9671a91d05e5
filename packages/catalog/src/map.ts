import { DIGEST_BYTES, bitAt, isSame } from "./bytes.js";
import { EMPTY_LIST, extendList } from "./list.js";
import type { ListState, ListedEntry } from "./list.js";
import { Numbers, Rows } from "./rows.js";
import { EMPTY_PART, joinParts, leafPart } from "./tree.js";
import type { Leaf, MapPath, Part } from "./tree.js";

/** 0 for nothing, n + 1 for branch n, -(n + 1) for leaf n. */
type Node = number;

const NOTHING: Node = 0;

/** Where a node hangs: below a branch, on one of its sides; below nothing it is the root. */
interface Place {
  readonly branch: Node;
  readonly bit: 0 | 1;
}

const AT_ROOT: Place = { branch: NOTHING, bit: 0 };

/**
 * The index as it grows, in memory: the list of each key, and the tree over them. What changed since
 * the last root is hashed when a root is asked for. Some 150 bytes for each key, in arrays of numbers.
 */
export class IndexMap {
  // All owned by #put and what it calls; the digests of branches and which are stale by #partOf too.
  #root: Node = NOTHING;
  readonly #keys = new Rows(DIGEST_BYTES);
  readonly #lists = new Rows(DIGEST_BYTES);
  readonly #counts = new Numbers();
  // Two for each branch.
  readonly #children = new Numbers();
  readonly #digests = new Rows(DIGEST_BYTES);
  // 1 where the digest of the branch is that of its children.
  readonly #known = new Rows(1);

  /** How many keys there are. */
  get size(): number {
    return this.#keys.size;
  }

  /** Adds an entry to the list of a key; its index is above all that are in the list. */
  add(key: Uint8Array, listed: ListedEntry): void {
    this.#put(key, (list) => extendList(list, listed));
  }

  /** Sets the list of a key, as when going on from where an earlier run stopped. */
  set({ key, list }: Leaf): void {
    this.#put(key, () => list);
  }

  /** Yields the root of the tree. */
  root(): Uint8Array {
    return this.#partOf(this.#root).digest.slice();
  }

  /** Yields the way to a key. */
  prove(key: Uint8Array): MapPath {
    const siblings: Uint8Array[] = [];
    let node = this.#root;
    while (node > NOTHING) {
      const bit = bitAt(key, siblings.length);
      siblings.push(this.#partOf(this.#child(node, bit === 1 ? 0 : 1)).digest.slice());
      node = this.#child(node, bit);
    }
    return { siblings, end: node === NOTHING ? undefined : this.#leaf(node) };
  }

  /** Yields all leaves, in the order of their keys. */
  *leaves(): Generator<Leaf, void, undefined> {
    const open: Node[] = [this.#root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (node < NOTHING) yield this.#leaf(node);
      else if (node > NOTHING) open.push(this.#child(node, 1), this.#child(node, 0));
    }
  }

  #put(key: Uint8Array, change: (list: ListState) => ListState): void {
    let place = AT_ROOT;
    let node = this.#root;
    let depth = 0;
    while (node > NOTHING) {
      this.#known.at(node - 1)[0] = 0;
      place = { branch: node, bit: bitAt(key, depth++) };
      node = this.#child(place.branch, place.bit);
    }
    const known = node < NOTHING ? this.#leaf(node) : undefined;
    const isThere = known !== undefined && isSame(known.key, key);
    // Before anything is changed, since it may throw.
    const list = change(isThere ? known.list : EMPTY_LIST);
    if (isThere) {
      this.#setList(node, list);
      return;
    }
    if (known !== undefined) place = this.#split(node, { place, depth, key });
    const leaf = this.#newLeaf(key);
    this.#setList(leaf, list);
    this.#hang(leaf, place);
  }

  /** Puts branches over a leaf as far as another key goes its way, and yields where they part. */
  #split(
    leaf: Node,
    {
      place,
      depth,
      key,
    }: { readonly place: Place; readonly depth: number; readonly key: Uint8Array },
  ): Place {
    const found = this.#keys.at(-leaf - 1);
    let above = place;
    for (let at = depth; ; at++) {
      const branch = this.#newBranch();
      this.#hang(branch, above);
      const [old, bit] = [bitAt(found, at), bitAt(key, at)];
      above = { branch, bit };
      if (old === bit) continue;
      this.#hang(leaf, { branch, bit: old });
      return above;
    }
  }

  #newLeaf(key: Uint8Array): Node {
    this.#lists.push();
    const number = this.#keys.push();
    this.#keys.at(number).set(key);
    return -number - 1;
  }

  #newBranch(): Node {
    this.#known.push();
    return this.#digests.push() + 1;
  }

  #hang(node: Node, { branch, bit }: Place): void {
    if (branch === NOTHING) this.#root = node;
    else this.#children.set(2 * (branch - 1) + bit, node);
  }

  #child(branch: Node, bit: 0 | 1): Node {
    return this.#children.at(2 * (branch - 1) + bit);
  }

  #leaf(node: Node): Leaf {
    const number = -node - 1;
    const list = { count: this.#counts.at(number), digest: this.#lists.at(number).slice() };
    return { key: this.#keys.at(number).slice(), list };
  }

  #setList(leaf: Node, { count, digest }: ListState): void {
    this.#counts.set(-leaf - 1, count);
    this.#lists.at(-leaf - 1).set(digest);
  }

  #partOf(node: Node): Part {
    if (node === NOTHING) return EMPTY_PART;
    if (node < NOTHING) return leafPart(this.#leaf(node));
    // A branch stands over two leaves at least.
    const known: Part = { digest: this.#digests.at(node - 1), weight: 2 };
    if (this.#known.at(node - 1)[0] === 1) return known;
    const [left, right] = [this.#child(node, 0), this.#child(node, 1)];
    known.digest.set(joinParts(this.#partOf(left), this.#partOf(right)).digest);
    this.#known.at(node - 1)[0] = 1;
    return known;
  }
}
