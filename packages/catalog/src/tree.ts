import { DIGEST_BYTES, bitAt, encodeNumber, isSame, sha256 } from "./bytes.js";
import { CatalogError } from "./error.js";
import { EMPTY_LIST } from "./list.js";
import type { ListState } from "./list.js";

/** A list under its key. */
export interface Leaf {
  readonly key: Uint8Array;
  readonly list: ListState;
}

/** The way from the root to where a key is, or would be. */
export interface MapPath {
  /** The digests beside the way, that under the root first. */
  readonly siblings: readonly Uint8Array[];
  /** What stands at its end: the leaf of the key or of another, or nothing. */
  readonly end: Leaf | undefined;
}

/** A part of the tree: all leaves whose keys begin with the same bits. */
export interface Part {
  readonly digest: Uint8Array;
  /** 0, 1, or 2 for more. */
  readonly weight: 0 | 1 | 2;
  /** The one leaf of a part of weight 1. */
  readonly leaf?: Leaf;
}

/** Most digests beside a way: a key has no more bits. */
export const MAX_DEPTH = 256;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const ROOT_DEPTH = 0;

/** The part without leaves; its digest is 32 zero bytes. */
export const EMPTY_PART: Part = Object.freeze({ digest: new Uint8Array(DIGEST_BYTES), weight: 0 });

/** Yields the part that is one leaf, wherever in the tree it stands. */
export function leafPart(leaf: Leaf): Part {
  const { key, list } = leaf;
  return { digest: sha256(LEAF, key, encodeNumber(list.count), list.digest), weight: 1, leaf };
}

/** Yields the part over two: a leaf that has no other beside it rises to where it is alone. */
export function joinParts(left: Part, right: Part): Part {
  if (left.weight === 0 && right.weight < 2) return right;
  if (right.weight === 0 && left.weight < 2) return left;
  return { digest: sha256(NODE, left.digest, right.digest), weight: 2 };
}

/** Yields the part that leaves make up, which are in the order of their keys and share `depth` bits. */
export function partOf(leaves: readonly Leaf[], depth: number = ROOT_DEPTH): Part {
  const [first] = leaves;
  if (first === undefined) return EMPTY_PART;
  if (leaves.length === 1) return leafPart(first);
  const [left, right] = split(leaves, depth);
  return joinParts(partOf(left, depth + 1), partOf(right, depth + 1));
}

/** Yields the way to a key from a part that leaves make up, as {@link partOf} takes them. */
export function pathIn(
  leaves: readonly Leaf[],
  key: Uint8Array,
  depth: number = ROOT_DEPTH,
): MapPath {
  const siblings: Uint8Array[] = [];
  let rest = leaves;
  for (let at = depth; rest.length > 1; at++) {
    const [left, right] = split(rest, at);
    const isRight = bitAt(key, at) === 1;
    siblings.push(partOf(isRight ? left : right, at + 1).digest);
    rest = isRight ? right : left;
  }
  return { siblings, end: rest[0] };
}

/**
 * Yields the list of a key once the way leads to it from the root; the empty one, where the way shows
 * that the map has none.
 *
 * @throws {@link CatalogError} `CATALOG_PROOF_INVALID`
 */
export function verifyPath(
  { siblings, end }: MapPath,
  key: Uint8Array,
  root: Uint8Array,
): ListState {
  const depth = siblings.length;
  if (depth > MAX_DEPTH) throw invalid(`it has ${depth} digests, want at most ${MAX_DEPTH}`);
  if (end !== undefined) requirePlace(end, key, depth);
  let digest = end === undefined ? EMPTY_PART.digest : leafPart(end).digest;
  for (let at = depth - 1; at >= 0; at--) {
    const sibling = siblings[at] ?? EMPTY_PART.digest;
    digest = bitAt(key, at) === 1 ? sha256(NODE, sibling, digest) : sha256(NODE, digest, sibling);
  }
  if (!isSame(digest, root)) throw invalid("it leads to another root");
  return end !== undefined && isSame(end.key, key) ? end.list : EMPTY_LIST;
}

// Another leaf shows that the key is not there by standing where the key would have to be.
function requirePlace({ key: found, list }: Leaf, key: Uint8Array, depth: number): void {
  for (let at = 0; at < depth; at++) {
    if (bitAt(found, at) !== bitAt(key, at)) throw invalid("it ends at a leaf of another place");
  }
  if (list.count === 0) throw invalid("it ends at a leaf without entries");
}

function split(
  leaves: readonly Leaf[],
  depth: number,
): readonly [readonly Leaf[], readonly Leaf[]] {
  let [low, high] = [0, leaves.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const leaf = leaves[middle];
    if (leaf !== undefined && bitAt(leaf.key, depth) === 0) low = middle + 1;
    else high = middle;
  }
  return [leaves.slice(0, low), leaves.slice(low)];
}

function invalid(how: string): CatalogError {
  return new CatalogError("CATALOG_PROOF_INVALID", `the proof does not hold: ${how}`);
}
