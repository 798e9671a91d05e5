// Inclusion paths: sound ones at the sizes where the shape of the tree changes, and each way in
// which a path can fail to fit its index and size.
import {
  foldInclusion,
  inclusionLength,
  inclusionPath,
  leafHash,
  LEAVES,
  namedHash,
  root,
} from "./reference/tree.mjs";

const SPEC = "RFC 9162 §2.1.3.2";
const hex = (bytes) => Buffer.from(bytes).toString("hex");

function proofOf(index, size) {
  const leaves = LEAVES.slice(0, size);
  return {
    index,
    size,
    leafHash: hex(leafHash(LEAVES[index])),
    path: inclusionPath(index, leaves).map(hex),
    root: hex(root(leaves)),
  };
}

/** A sound proof in a tree too large to build: any path of the right length implies some root. */
function proofBeyond(index, size) {
  const leaf = namedHash("leaf");
  const length = inclusionLength(index, size);
  const path = Array.from({ length }, (_, at) => namedHash(`sibling ${String(at)}`));
  const implied = foldInclusion({ index, size, leaf, path });
  return { index, size, leafHash: hex(leaf), path: path.map(hex), root: hex(implied) };
}

function good(behaviour, description, input) {
  const output = { root: input.root };
  return {
    kind: "merkle/inclusion",
    behaviour,
    description,
    spec: SPEC,
    expect: "ok",
    input,
    output,
  };
}

function bad(behaviour, description, expect, input) {
  const rest = { spec: SPEC, expect, input, output: null };
  return { kind: "merkle/inclusion", behaviour, description, ...rest };
}

const BASE = proofOf(3, 7);
const FLIPPED = BASE.path[0].replace(/.$/, (digit) => (parseInt(digit, 16) ^ 1).toString(16));
const BIG = 2 ** 32;

export const recipes = [
  good("only-leaf", "The only leaf of a tree has an empty path", proofOf(0, 1)),
  good("first-of-two", "Left leaf of the smallest tree with a node", proofOf(0, 2)),
  good("last-on-ragged-edge", "Last leaf of size 7, whose path skips levels", proofOf(6, 7)),
  good("middle-of-seven", "A leaf below a full and an unfinished subtree", BASE),
  good("first-of-eight", "First leaf of a perfect tree", proofOf(0, 8)),
  good("last-of-eight", "Last leaf of a perfect tree", proofOf(7, 8)),
  good("last-of-five", "A leaf that is a whole right subtree by itself", proofOf(4, 5)),
  good(
    "index-above-32-bits",
    "Index and size above 2^32, where 32-bit arithmetic truncates",
    proofBeyond(BIG + 5, 2 * BIG + 3),
  ),
  good(
    "index-above-31-bits",
    "Index above 2^31, where signed shifts turn negative",
    proofBeyond(2 ** 31 + 1, 2 ** 31 + 7),
  ),
  good(
    "largest-size",
    "Last leaf of the largest tree whose size is a safe integer",
    proofBeyond(2 ** 53 - 2, 2 ** 53 - 1),
  ),
  bad("path-one-hash-too-long", "One hash more than index and size allow", "MERKLE_PATH_LENGTH", {
    ...BASE,
    path: [...BASE.path, hex(namedHash("surplus"))],
  }),
  bad("path-one-hash-too-short", "One hash less than index and size demand", "MERKLE_PATH_LENGTH", {
    ...BASE,
    path: BASE.path.slice(0, -1),
  }),
  bad("path-empty", "No hashes for a leaf that has siblings", "MERKLE_PATH_LENGTH", {
    ...BASE,
    path: [],
  }),
  bad("only-leaf-with-a-path", "A tree of size 1 has no siblings", "MERKLE_PATH_LENGTH", {
    ...proofOf(0, 1),
    path: [hex(namedHash("surplus"))],
  }),
  bad("index-equals-size", "The first index outside of the tree", "MERKLE_INDEX_OUT_OF_RANGE", {
    ...BASE,
    index: 7,
  }),
  bad("index-above-size", "An index far outside of the tree", "MERKLE_INDEX_OUT_OF_RANGE", {
    ...BASE,
    index: 3 + BIG,
  }),
  bad("index-negative", "An index below 0", "MERKLE_INDEX_OUT_OF_RANGE", { ...BASE, index: -1 }),
  bad("index-fraction", "An index that is no integer", "MERKLE_INDEX_OUT_OF_RANGE", {
    ...BASE,
    index: 2.5,
  }),
  bad(
    "index-and-size-swapped",
    "Index and size in each other's place",
    "MERKLE_INDEX_OUT_OF_RANGE",
    {
      ...BASE,
      index: BASE.size,
      size: BASE.index,
    },
  ),
  bad("size-zero", "The empty tree includes nothing", "MERKLE_INDEX_OUT_OF_RANGE", {
    ...BASE,
    index: 0,
    size: 0,
    path: [],
  }),
  bad("size-beyond-safe-integers", "A size of 2^53, no longer exact", "MERKLE_SIZE_INVALID", {
    ...BASE,
    size: 2 ** 53,
  }),
  bad("hash-of-31-bytes", "A path element one byte too short", "MERKLE_HASH_LENGTH", {
    ...BASE,
    path: [BASE.path[0].slice(2), ...BASE.path.slice(1)],
  }),
  bad("hash-of-33-bytes", "A path element one byte too long", "MERKLE_HASH_LENGTH", {
    ...BASE,
    path: [...BASE.path.slice(0, -1), `${BASE.path.at(-1)}00`],
  }),
  bad("leaf-hash-of-31-bytes", "A leaf hash one byte too short", "MERKLE_HASH_LENGTH", {
    ...BASE,
    leafHash: BASE.leafHash.slice(2),
  }),
  bad("root-empty", "A root that is no hash", "MERKLE_HASH_LENGTH", { ...BASE, root: "" }),
  bad("path-bit-flipped", "The last bit of the first sibling is flipped", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    path: [FLIPPED, ...BASE.path.slice(1)],
  }),
  bad("path-reversed", "Siblings from root to leaf", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    path: BASE.path.toReversed(),
  }),
  bad("leaf-of-another-index", "The path of a neighbour", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    leafHash: proofOf(2, 7).leafHash,
  }),
  bad("leaf-hashed-as-node", "A leaf hash without its prefix 0x00", "MERKLE_ROOT_MISMATCH", {
    ...BASE,
    leafHash: hex(namedHash(LEAVES[3])),
  }),
  bad("index-truncated-to-32-bits", "The low 32 bits of a larger index", "MERKLE_ROOT_MISMATCH", {
    ...proofBeyond(BIG + 5, 2 * BIG + 3),
    index: 5,
  }),
];
