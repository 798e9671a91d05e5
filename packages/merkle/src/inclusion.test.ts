import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { leafHash } from "./hash.js";
import {
  inclusionNodes,
  inclusionPath,
  inclusionPathLength,
  rootFromInclusionPath,
  verifyInclusion,
} from "./inclusion.js";
import { rootFromNodes, rootNodes, treeRoot } from "./root.js";
import { outcomeOf } from "./testing/refusal.js";

const hash = leafHash(Uint8Array.of(1));
const short = hash.subarray(1);

const badIndexes = [
  { name: "index equal to size", index: 7, size: 7, code: "MERKLE_INDEX_OUT_OF_RANGE" },
  { name: "empty tree", index: 0, size: 0, code: "MERKLE_INDEX_OUT_OF_RANGE" },
  { name: "negative index", index: -1, size: 7, code: "MERKLE_INDEX_OUT_OF_RANGE" },
  { name: "fractional index", index: 0.5, size: 7, code: "MERKLE_INDEX_OUT_OF_RANGE" },
  { name: "index NaN", index: Number.NaN, size: 7, code: "MERKLE_INDEX_OUT_OF_RANGE" },
  { name: "index beyond 2^53", index: 2 ** 64, size: 7, code: "MERKLE_INDEX_OUT_OF_RANGE" },
  { name: "negative size", index: 0, size: -7, code: "MERKLE_SIZE_INVALID" },
  { name: "fractional size", index: 0, size: 7.5, code: "MERKLE_SIZE_INVALID" },
  { name: "size NaN", index: 0, size: Number.NaN, code: "MERKLE_SIZE_INVALID" },
  { name: "size 2^53", index: 0, size: 2 ** 53, code: "MERKLE_SIZE_INVALID" },
  { name: "infinite size", index: 0, size: Infinity, code: "MERKLE_SIZE_INVALID" },
];

describe("refused indexes and sizes", () => {
  test.each(badIndexes)("$name", ({ index, size, code }) => {
    const runs = [
      () => inclusionNodes(index, size),
      () => inclusionPath(index, size, []),
      () => inclusionPathLength(index, size),
      () => rootFromInclusionPath({ index, size, path: [] }, hash),
    ];
    expect(runs.map(outcomeOf)).toEqual([code, code, code, code]);
  });

  test("the message says what came", () => {
    expect(() => inclusionNodes(7, 7)).toThrow("leaf index 7 is not in a tree of size 7");
  });
});

describe("assembly", () => {
  test("a ragged sibling takes more nodes than path elements", () => {
    expect(inclusionNodes(0, 7)).toEqual([
      { level: 0, index: 1 },
      { level: 1, index: 1 },
      { level: 1, index: 2 },
      { level: 0, index: 6 },
    ]);
    expect(inclusionPathLength(0, 7)).toBe(3);
  });

  test.each([
    { name: "too few hashes", hashes: [hash, hash, hash], code: "MERKLE_PATH_LENGTH" },
    { name: "too many hashes", hashes: Array(5).fill(hash), code: "MERKLE_PATH_LENGTH" },
    { name: "a short hash", hashes: [hash, short, hash, hash], code: "MERKLE_HASH_LENGTH" },
  ])("inclusion of 0 in 7 from $name is refused", ({ hashes, code }) => {
    expect(outcomeOf(() => inclusionPath(0, 7, hashes as Uint8Array[]))).toBe(code);
  });

  test.each([
    { name: "size 0 with a hash", size: 0, hashes: [hash], code: "MERKLE_PATH_LENGTH" },
    { name: "size 7 with two", size: 7, hashes: [hash, hash], code: "MERKLE_PATH_LENGTH" },
    { name: "size 1 with a short hash", size: 1, hashes: [short], code: "MERKLE_HASH_LENGTH" },
    { name: "negative size", size: -1, hashes: [], code: "MERKLE_SIZE_INVALID" },
  ])("root of $name is refused", ({ size, hashes, code }) => {
    expect(outcomeOf(() => rootFromNodes(size, hashes))).toBe(code);
  });

  test("no root from a leaf of wrong length, alone or among others", () => {
    expect(outcomeOf(() => treeRoot([short]))).toBe("MERKLE_HASH_LENGTH");
    expect(outcomeOf(() => treeRoot([hash, hash, short]))).toBe("MERKLE_HASH_LENGTH");
  });

  test("results do not share memory with what they were made from", () => {
    const [own] = inclusionPath(0, 2, [hash]);
    const results = [
      own,
      treeRoot([hash]),
      rootFromNodes(1, [hash]),
      rootFromInclusionPath({ index: 0, size: 1, path: [] }, hash),
    ];
    expect(results).toEqual([hash, hash, hash, hash]);
    expect(results.map((result) => result?.buffer === hash.buffer)).not.toContain(true);
  });
});

describe("verification", () => {
  const proof = { index: 0, size: 2, path: [leafHash(Uint8Array.of(2))] };

  test.each([
    { name: "leaf", run: () => rootFromInclusionPath(proof, short) },
    { name: "path element", run: () => rootFromInclusionPath({ ...proof, path: [short] }, hash) },
    {
      name: "root",
      run: () => {
        verifyInclusion(proof, hash, short);
      },
    },
    { name: "empty leaf", run: () => rootFromInclusionPath(proof, new Uint8Array(0)) },
  ])("D1: a $name of wrong length is refused", ({ run }) => {
    expect(outcomeOf(run)).toBe("MERKLE_HASH_LENGTH");
  });

  test("a mismatch names both roots by a prefix only", () => {
    const run = (): void => {
      verifyInclusion(proof, hash, new Uint8Array(32).fill(0xab));
    };
    expect(run).toThrow(/^proof leads to root [0-9a-f]{8}…, want abababab…$/);
  });

  test("the last leaf of size 5 has a path of one element, on the left", () => {
    const path = [hash];
    const root = rootFromInclusionPath({ index: 4, size: 5, path }, leafHash(Uint8Array.of(9)));
    expect(root).toEqual(treeRoot([hash, leafHash(Uint8Array.of(9))]));
    expect(rootNodes(5)).toHaveLength(2);
  });

  test("any numbers and bytes yield a root or this package's error", () => {
    const number = fc.oneof(fc.nat(40), fc.maxSafeInteger(), fc.double());
    const near32 = fc.uint8Array({ minLength: 31, maxLength: 33 });
    const exact = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const path = fc.oneof(near32, exact).chain((first) => fc.array(fc.constant(first)));
    const claim = fc.record({ index: number, size: number, path, leaf: near32 });
    fc.assert(
      fc.property(claim, ({ leaf, ...claimed }) => {
        if (outcomeOf(() => rootFromInclusionPath(claimed, leaf)) !== "ok") return;
        expect(rootFromInclusionPath(claimed, leaf)).toHaveLength(32);
        expect(claimed.path).toHaveLength(inclusionPathLength(claimed.index, claimed.size));
      }),
      { numRuns: 1000 },
    );
  });
});
