import { describe, expect, test } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyConsistency } from "./consistency.js";
import { verifyInclusion } from "./inclusion.js";
import { outcomeOf } from "./testing/refusal.js";
import { sharedFolder } from "./testing/shared.js";

const SUITE = "transparency-dev/merkle vectors";

// The vectors say only whether a proof holds. This says why each of the others does not: by outcome
// and folder, the names of the files.
const EXPECTED: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  ok: {
    "consistency/0": ["happy-path"],
  },
  MERKLE_SIZE_INVALID: {
    "consistency/2": ["size2-div-_2"],
    "consistency/3": ["size1-XOR-_2"],
    "consistency/4": ["size2-div-_2"],
    "consistency/additional": [
      "consistency-check-on-empty-tree-size1-is-zero-is-useless",
      "size1-is-greater-than-size2",
      "size1-is-zero-and-size2-is-not-zero",
      "sizes-are-equal-zero-but-roots-are-not",
    ],
  },
  MERKLE_INDEX_OUT_OF_RANGE: {
    "inclusion/0": ["leafIdx-XOR-_2", "leafIdx-sub-_1", "treeSize-div-_2"],
    "inclusion/3": ["treeSize-div-_2"],
    "inclusion/additional/0": ["empty-root-and-random-leaf", "random-leaf"],
    "inclusion/additional/2": ["empty-root-and-random-leaf", "random-leaf"],
    "inclusion/additional/3": ["empty-root-and-random-leaf", "random-leaf"],
  },
  MERKLE_PATH_LENGTH: {
    "consistency/1": [
      "empty-proof",
      "preceding-proof-_0",
      "preceding-root2",
      "size1-plus-_1",
      "size2-div-_2",
      "trailing-root1",
      "truncated-proof",
    ],
    "consistency/2": [
      "empty-proof",
      "preceding-proof-_0",
      "preceding-root2",
      "size1-plus-_1",
      "trailing-root1",
      "truncated-proof",
    ],
    "consistency/3": [
      "empty-proof",
      "preceding-garbage",
      "preceding-root1",
      "size1-sub-_1",
      "size2-mul-_2",
      "trailing-garbage",
      "trailing-root2",
    ],
    "consistency/4": [
      "empty-proof",
      "preceding-proof-_0",
      "preceding-root2",
      "size1-plus-_1",
      "trailing-root1",
      "truncated-proof",
    ],
    "consistency/additional": ["sizes-match-but-proof-is-not-empty-and-sizes-are-one"],
    "inclusion/0": ["preceding-root", "trailing-garbage"],
    "inclusion/1": [
      "inserted-component",
      "preceding-root",
      "removed-component",
      "trailing-root",
      "treeSize-mul-_2",
    ],
    "inclusion/2": [
      "inserted-component",
      "preceding-root",
      "removed-component",
      "trailing-root",
      "treeSize-mul-_2",
    ],
    "inclusion/3": ["leafIdx-XOR-_2", "leafIdx-sub-_1", "preceding-garbage", "trailing-garbage"],
    "inclusion/4": [
      "inserted-component",
      "preceding-root",
      "removed-component",
      "trailing-root",
      "treeSize-mul-_2",
    ],
  },
  MERKLE_HASH_LENGTH: {
    "consistency/1": ["wrong-root2"],
    "consistency/2": ["wrong-root2"],
    "consistency/3": ["wrong-root1"],
    "consistency/4": ["wrong-root2"],
    "consistency/additional": [
      "roots-do-not-not-match-and-sizes-are-one",
      "sizes-are-equal-one-but-roots-are-not",
    ],
    "inclusion/0": ["wrong-leaf"],
    "inclusion/3": ["wrong-leaf"],
    "inclusion/additional/1": ["random-leaf"],
    "inclusion/single-entry": ["empty-leaf", "empty-root"],
  },
  MERKLE_ROOT_MISMATCH: {
    "consistency/1": ["modified-proof_0-bit-_4", "modified-proof_2-bit-_4", "swapped-roots"],
    "consistency/2": ["modified-proof_0-bit-_4", "modified-proof_2-bit-_4", "swapped-roots"],
    "consistency/3": ["modified-proof_0-bit-_4"],
    "consistency/4": ["modified-proof_0-bit-_4", "modified-proof_2-bit-_4", "swapped-roots"],
    "inclusion/0": ["empty-root"],
    "inclusion/1": [
      "empty-root",
      "leafIdx-plus-_1",
      "modified-proof_0_-bit-_3",
      "modified-proof_2_-bit-_3",
    ],
    "inclusion/2": [
      "empty-root",
      "leafIdx-plus-_1",
      "modified-proof_0_-bit-_3",
      "modified-proof_2_-bit-_3",
    ],
    "inclusion/3": ["empty-root", "random-root"],
    "inclusion/4": [
      "empty-root",
      "leafIdx-plus-_1",
      "modified-proof_0_-bit-_3",
      "modified-proof_2_-bit-_3",
    ],
    "inclusion/additional/1": ["empty-root-and-random-leaf"],
  },
};

interface Vector {
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface InclusionVector extends Vector {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
}

interface ConsistencyVector extends Vector {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
}

const bytes = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

function verifyVector(vector: InclusionVector | ConsistencyVector): void {
  const path = (vector.proof ?? []).map(bytes);
  if ("leafIdx" in vector) {
    const proof = { index: vector.leafIdx, size: vector.treeSize, path };
    verifyInclusion(proof, bytes(vector.leafHash), bytes(vector.root));
  } else {
    const proof = { oldSize: vector.size1, newSize: vector.size2, path };
    verifyConsistency(proof, bytes(vector.root1), bytes(vector.root2));
  }
}

const expected = Object.entries(EXPECTED).flatMap(([outcome, folders]) =>
  Object.entries(folders).flatMap(([folder, names]) =>
    names.map((name) => ({ file: `${folder}/${name}.json`, outcome })),
  ),
);

const vectors = sharedFolder(SUITE, "vectors", "merkle") ?? "";
const suite = vectors === "" ? describe.skip : describe;

suite(SUITE, () => {
  test("none is missing here or there", () => {
    const files = readdirSync(vectors, { recursive: true, encoding: "utf8" });
    const found = files.filter((file) => file.endsWith(".json"));
    expect(found.sort()).toEqual(expected.map(({ file }) => file).sort());
    expect(expected).toHaveLength(103);
  });

  test.each(expected)("$file: $outcome", ({ file, outcome }) => {
    const vector = JSON.parse(readFileSync(join(vectors, file), "utf8")) as
      InclusionVector | ConsistencyVector;
    expect(vector.wantErr).toBe(outcome !== "ok");
    const reached = outcomeOf(() => {
      verifyVector(vector);
    });
    expect(reached).toBe(outcome);
  });
});
