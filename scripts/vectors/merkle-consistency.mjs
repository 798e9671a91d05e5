// Consistency paths: sound ones where the old tree is, or is not, a node of the new one, and each
// way in which a path can fail to connect two roots.
import { consistencyPath, foldConsistency, LEAVES, namedHash, root } from "./reference/tree.mjs";

const SPEC = "RFC 9162 §2.1.4.2";
const hex = (bytes) => Buffer.from(bytes).toString("hex");

function proofOf(oldSize, newSize) {
  const leaves = LEAVES.slice(0, newSize);
  return {
    oldSize,
    newSize,
    path: consistencyPath(oldSize, leaves).map(hex),
    oldRoot: hex(root(leaves.slice(0, oldSize))),
    newRoot: hex(root(leaves)),
  };
}

/** A sound proof between trees too large to build; `length` is what the sizes demand. */
function proofBeyond(oldSize, newSize, length) {
  const path = Array.from({ length }, (_, at) => namedHash(`node ${String(at)}`));
  const { oldRoot, newRoot } = foldConsistency({ oldSize, newSize, path });
  return { oldSize, newSize, path: path.map(hex), oldRoot: hex(oldRoot), newRoot: hex(newRoot) };
}

function good(behaviour, description, input) {
  const output = { newRoot: input.newRoot };
  const rest = { spec: SPEC, expect: "ok", input, output };
  return { kind: "merkle/consistency", behaviour, description, ...rest };
}

function bad(behaviour, description, expect, input) {
  const rest = { spec: SPEC, expect, input, output: null };
  return { kind: "merkle/consistency", behaviour, description, ...rest };
}

const BASE = proofOf(3, 7);
const PERFECT = proofOf(4, 7);
const BIG = 2 ** 32;
const SURPLUS = hex(namedHash("surplus"));

export const recipes = [
  good("one-to-two", "The smallest growth", proofOf(1, 2)),
  good("one-to-eight", "The old tree is a single leaf", proofOf(1, 8)),
  good("two-to-five", "The old tree is a perfect subtree of the new one", proofOf(2, 5)),
  good("three-to-seven", "The old tree has a ragged edge", BASE),
  good("four-to-seven", "The old root is a node of the new tree and is not sent", PERFECT),
  good("six-to-eight", "The new tree is perfect", proofOf(6, 8)),
  good("seven-to-eight", "The last leaf completes the tree", proofOf(7, 8)),
  good("equal-sizes", "Equal sizes take an empty path and equal roots", {
    ...proofOf(5, 5),
    path: [],
  }),
  good(
    "sizes-above-32-bits",
    "Sizes above 2^32, where 32-bit arithmetic truncates",
    proofBeyond(BIG + 3, 2 * BIG + 1, 35),
  ),
  bad("path-one-hash-too-long", "One hash more than the sizes allow", "MERKLE_PATH_LENGTH", {
    ...BASE,
    path: [...BASE.path, SURPLUS],
  }),
  bad("path-one-hash-too-short", "One hash less than the sizes demand", "MERKLE_PATH_LENGTH", {
    ...BASE,
    path: BASE.path.slice(0, -1),
  }),
  bad("path-empty", "No hashes between different sizes", "MERKLE_PATH_LENGTH", {
    ...BASE,
    path: [],
  }),
  bad(
    "old-root-sent-though-known",
    "A perfect old tree's root leads the path",
    "MERKLE_PATH_LENGTH",
    {
      ...PERFECT,
      path: [PERFECT.oldRoot, ...PERFECT.path],
    },
  ),
  bad("equal-sizes-with-a-path", "Equal sizes leave nothing to show", "MERKLE_PATH_LENGTH", {
    ...proofOf(5, 5),
    path: [SURPLUS],
  }),
  bad("equal-sizes-other-root", "Two roots of one size: a fork", "MERKLE_ROOT_MISMATCH", {
    ...proofOf(5, 5),
    path: [],
    newRoot: SURPLUS,
  }),
  bad("sizes-swapped", "Old and new size in each other's place", "MERKLE_SIZE_INVALID", {
    ...BASE,
    oldSize: BASE.newSize,
    newSize: BASE.oldSize,
  }),
  bad("old-size-zero", "No path starts at the empty tree", "MERKLE_SIZE_INVALID", {
    ...BASE,
    oldSize: 0,
  }),
  bad("old-size-negative", "A size below 0", "MERKLE_SIZE_INVALID", { ...BASE, oldSize: -3 }),
  bad("new-size-fraction", "A size that is no integer", "MERKLE_SIZE_INVALID", {
    ...BASE,
    newSize: 7.5,
  }),
  bad("new-size-beyond-safe-integers", "A size of 2^53, no longer exact", "MERKLE_SIZE_INVALID", {
    ...BASE,
    newSize: 2 ** 53,
  }),
  bad("hash-of-31-bytes", "A path element one byte too short", "MERKLE_HASH_LENGTH", {
    ...BASE,
    path: [BASE.path[0].slice(2), ...BASE.path.slice(1)],
  }),
  bad("old-root-of-33-bytes", "An old root one byte too long", "MERKLE_HASH_LENGTH", {
    ...BASE,
    oldRoot: `${BASE.oldRoot}00`,
  }),
  bad("roots-swapped", "Old and new root in each other's place", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    oldRoot: BASE.newRoot,
    newRoot: BASE.oldRoot,
  }),
  bad("old-root-of-another-tree", "The path connects other trees", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    oldRoot: proofOf(2, 7).oldRoot,
  }),
  bad(
    "new-root-of-another-tree",
    "The old tree fits, the new one does not",
    "MERKLE_ROOT_MISMATCH",
    {
      ...BASE,
      newRoot: proofOf(3, 6).newRoot,
    },
  ),
  bad("path-reversed", "Nodes from root to leaf", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    path: BASE.path.toReversed(),
  }),
];
