import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  consistencyNodes,
  consistencyPath,
  consistencyPathLength,
  rootFromConsistencyPath,
  verifyConsistency,
} from "./consistency.js";
import { emptyRoot, leafHash, nodeHash } from "./hash.js";
import { outcomeOf } from "./testing/refusal.js";

const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
const short = a.subarray(1);

describe("refused sizes", () => {
  test.each([
    { name: "from the empty tree", oldSize: 0, newSize: 8 },
    { name: "empty to empty", oldSize: 0, newSize: 0 },
    { name: "shrinking", oldSize: 8, newSize: 7 },
    { name: "negative", oldSize: -1, newSize: 8 },
    { name: "fractional old", oldSize: 1.5, newSize: 8 },
    { name: "fractional new", oldSize: 1, newSize: 8.5 },
    { name: "new NaN", oldSize: 1, newSize: Number.NaN },
    { name: "new 2^53", oldSize: 1, newSize: 2 ** 53 },
  ])("$name", ({ oldSize, newSize }) => {
    const runs = [
      () => consistencyNodes(oldSize, newSize),
      () => consistencyPath(oldSize, newSize, []),
      () => consistencyPathLength(oldSize, newSize),
      () => rootFromConsistencyPath({ oldSize, newSize, path: [] }, emptyRoot()),
    ];
    expect(new Set(runs.map(outcomeOf))).toEqual(new Set(["MERKLE_SIZE_INVALID"]));
  });

  test("the message says what came", () => {
    expect(() => consistencyNodes(8, 7)).toThrow(
      "no consistency path from size 8 to 7, want 0 < old <= new",
    );
  });
});

describe("equal sizes", () => {
  const still = { oldSize: 5, newSize: 5, path: [] };

  test("an empty path and equal roots hold", () => {
    expect(consistencyNodes(5, 5)).toEqual([]);
    expect(consistencyPathLength(5, 5)).toBe(0);
    const root = rootFromConsistencyPath(still, a);
    expect(root).toEqual(a);
    expect(root.buffer).not.toBe(a.buffer);
  });

  test.each([
    { name: "another root", path: [], newRoot: b, code: "MERKLE_ROOT_MISMATCH" },
    { name: "a path", path: [a], newRoot: a, code: "MERKLE_PATH_LENGTH" },
  ])("$name is refused", ({ path, newRoot, code }) => {
    const run = (): void => {
      verifyConsistency({ ...still, path }, a, newRoot);
    };
    expect(outcomeOf(run)).toBe(code);
  });
});

describe("assembly and verification", () => {
  test("plan of 6 to 8, old subtree first", () => {
    expect(consistencyNodes(6, 8)).toEqual([
      { level: 1, index: 2 },
      { level: 1, index: 3 },
      { level: 2, index: 0 },
    ]);
  });

  test.each([
    { name: "one too few", hashes: [a, b] },
    { name: "one too many", hashes: [a, b, a, b] },
  ])("a path from $name is refused", ({ hashes }) => {
    expect(outcomeOf(() => consistencyPath(6, 8, hashes))).toBe("MERKLE_PATH_LENGTH");
  });

  const proof = { oldSize: 1, newSize: 2, path: [b] };

  test.each([
    { name: "path element", path: [short], oldRoot: a, newRoot: b },
    { name: "old root", path: [b], oldRoot: short, newRoot: b },
    { name: "new root", path: [b], oldRoot: a, newRoot: short },
  ])("D1: a $name of wrong length is refused", ({ path, oldRoot, newRoot }) => {
    const run = (): void => {
      verifyConsistency({ ...proof, path }, oldRoot, newRoot);
    };
    expect(outcomeOf(run)).toBe("MERKLE_HASH_LENGTH");
  });

  test("swapped roots are refused", () => {
    const newRoot = nodeHash(a, b);
    verifyConsistency(proof, a, newRoot);
    const run = (): void => {
      verifyConsistency(proof, newRoot, a);
    };
    expect(outcomeOf(run)).toBe("MERKLE_ROOT_MISMATCH");
  });

  test("any numbers and bytes yield a root or this package's error", () => {
    const number = fc.oneof(fc.nat(40), fc.maxSafeInteger(), fc.double());
    const near32 = fc.uint8Array({ minLength: 31, maxLength: 33 });
    const exact = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const path = fc.oneof(near32, exact).chain((first) => fc.array(fc.constant(first)));
    const claim = fc.record({ oldSize: number, newSize: number, path, root: near32 });
    fc.assert(
      fc.property(claim, ({ root, ...claimed }) => {
        if (outcomeOf(() => rootFromConsistencyPath(claimed, root)) !== "ok") return;
        expect(rootFromConsistencyPath(claimed, root)).toHaveLength(32);
        expect(claimed.path).toHaveLength(consistencyPathLength(claimed.oldSize, claimed.newSize));
      }),
      { numRuns: 1000 },
    );
  });
});
