import { MerkleError } from "./error.js";
import { checkHashes, checkRoot, nodeHash } from "./hash.js";
import { coverRanges, foldRanges, type LeafRange, type NodeId } from "./node.js";
import { pathSides, type Side } from "./path.js";
import { checkSize, half, splitPoint } from "./size.js";

/**
 * The claim that the first `oldSize` leaves of a tree of `newSize` leaves are the old tree, with the
 * nodes that show it.
 */
export interface ConsistencyProof {
  readonly oldSize: number;
  readonly newSize: number;
  readonly path: readonly Uint8Array[];
}

/**
 * Yields the ids of the stored nodes that {@link consistencyPath} needs (RFC 9162 §2.1.4.1), in path
 * order; none if the sizes are equal.
 *
 * Requires 0 \< oldSize \<= newSize: every tree extends the empty one, which no path can show.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`
 */
export function consistencyNodes(oldSize: number, newSize: number): readonly NodeId[] {
  return coverRanges(subproofRanges(oldSize, newSize));
}

/**
 * Yields the consistency path (RFC 9162 §2.1.4.1) from the hashes of {@link consistencyNodes}, in that
 * order. Empty if the sizes are equal.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`
 */
export function consistencyPath(
  oldSize: number,
  newSize: number,
  hashes: readonly Uint8Array[],
): readonly Uint8Array[] {
  return foldRanges(subproofRanges(oldSize, newSize), hashes);
}

/**
 * Yields the one length that a consistency path between two sizes can have; 0 if they are equal.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`
 */
export function consistencyPathLength(oldSize: number, newSize: number): number {
  const { seeded, sides } = pathShape(oldSize, newSize);
  return sides.length + (seeded ? 0 : 1);
}

/**
 * Yields the new root that a consistency path implies (RFC 9162 §2.1.4.2), given that it also leads to
 * `oldRoot`.
 *
 * D4: the caller takes `oldRoot` from its own state, never from whoever sent the path. The new root
 * counts for nothing until it is compared, or a signature over it verified.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_PATH_LENGTH`, `MERKLE_HASH_LENGTH`,
 * `MERKLE_ROOT_MISMATCH`
 */
export function rootFromConsistencyPath(proof: ConsistencyProof, oldRoot: Uint8Array): Uint8Array {
  const { seeded, sides } = pathShape(proof.oldSize, proof.newSize);
  // D2: exact path length.
  checkHashes(proof.path, sides.length + (seeded ? 0 : 1));
  const [seed = oldRoot, ...steps] = seeded ? [oldRoot, ...proof.path] : proof.path;
  let older: Uint8Array = new Uint8Array(seed);
  let newer = older;
  steps.forEach((step, i) => {
    if (sides[i] === "left") {
      older = nodeHash(step, older);
      newer = nodeHash(step, newer);
    } else {
      newer = nodeHash(newer, step);
    }
  });
  checkRoot(older, oldRoot);
  return newer;
}

/**
 * Returns if the path leads to both roots (RFC 9162 §2.1.4.2), or, for equal sizes, if it is empty and
 * the roots are equal; throws otherwise.
 *
 * D4: the caller takes `oldRoot` from its own state.
 *
 * @throws {@link MerkleError} `MERKLE_ROOT_MISMATCH`, `MERKLE_SIZE_INVALID`, `MERKLE_PATH_LENGTH`,
 * `MERKLE_HASH_LENGTH`
 */
export function verifyConsistency(
  proof: ConsistencyProof,
  oldRoot: Uint8Array,
  newRoot: Uint8Array,
): void {
  checkRoot(rootFromConsistencyPath(proof, oldRoot), newRoot);
}

function checkSizes(oldSize: number, newSize: number): void {
  checkSize(oldSize);
  checkSize(newSize);
  if (oldSize === 0 || oldSize > newSize) {
    throw new MerkleError(
      "MERKLE_SIZE_INVALID",
      `no consistency path from size ${oldSize} to ${newSize}, want 0 < old <= new`,
    );
  }
}

/** What the sizes alone say about a path: whether the old root starts it unsent, and the sides. */
interface PathShape {
  readonly seeded: boolean;
  readonly sides: readonly Side[];
}

function pathShape(oldSize: number, newSize: number): PathShape {
  checkSizes(oldSize, newSize);
  if (oldSize === newSize) return { seeded: true, sides: [] };
  let fn = oldSize - 1;
  let sn = newSize - 1;
  while (fn % 2 === 1) {
    fn = half(fn);
    sn = half(sn);
  }
  // fn reaches 0 only if the old tree is perfect: then it is a node of the new one.
  return { seeded: fn === 0, sides: pathSides(fn, sn) };
}

function subproofRanges(oldSize: number, newSize: number): readonly LeafRange[] {
  checkSizes(oldSize, newSize);
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = newSize;
  while (end !== oldSize) {
    const middle = start + splitPoint(end - start);
    if (oldSize <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // A subtree that starts at 0 is the whole old tree, whose root the verifier has.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}
