import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { leafHash } from "./hash.js";
import { inclusionPath, inclusionNodes, verifyInclusion } from "./inclusion.js";
import type { NodeId } from "./node.js";
import { ProvenTree } from "./proven.js";
import { treeRoot } from "./root.js";
import { outcomeOf } from "./testing/refusal.js";

const leavesOf = (size: number): readonly Uint8Array[] =>
  Array.from({ length: size }, (_, i) => leafHash(Uint8Array.of(i, i >> 8)));

/** The hash of any node, from the leaves. */
const nodeOf =
  (leaves: readonly Uint8Array[]) =>
  ({ level, index }: NodeId): Uint8Array =>
    treeRoot(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));

/** A leaf's own place in the array; `undefined` is a defect of the test. */
function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`nothing at ${index}`);
  return item;
}

describe("ProvenTree", () => {
  test("gives the paths of RFC 9162, whatever was asked before", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 30 }),
        (size, picks) => {
          const leaves = leavesOf(size);
          const root = treeRoot(leaves);
          const tree = new ProvenTree(size, root);
          for (const pick of picks) {
            const index = pick % size;
            const leaf = at(leaves, index);
            const path = tree.prove(index, leaf, tree.wanted(index).map(nodeOf(leaves)));
            const own = inclusionNodes(index, size).map(nodeOf(leaves));
            expect(path).toEqual(inclusionPath(index, size, own));
            verifyInclusion({ index, size, path }, leaf, root);
            expect(tree.wanted(index)).toEqual([]);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a leaf beside one that was proven wants nothing more", () => {
    const leaves = leavesOf(8);
    const tree = new ProvenTree(8, treeRoot(leaves));
    tree.prove(4, at(leaves, 4), tree.wanted(4).map(nodeOf(leaves)));
    expect(tree.wanted(5)).toEqual([]);
    expect(tree.prove(5, at(leaves, 5), [])).toHaveLength(3);
    expect(tree.nodes).toBe(7);
  });

  test("what is still wanted is the end of what was wanted before another path was proven", () => {
    const leaves = leavesOf(37);
    const tree = new ProvenTree(37, treeRoot(leaves));
    const before = tree.wanted(20);
    tree.prove(30, at(leaves, 30), tree.wanted(30).map(nodeOf(leaves)));
    const after = tree.wanted(20);
    expect(after.length).toBeGreaterThan(0);
    expect(before.slice(before.length - after.length)).toEqual(after);
  });

  test("one flipped bit in any hash, or in the leaf, is refused and leaves the tree as it was", () => {
    const size = 21;
    const leaves = leavesOf(size);
    const tree = new ProvenTree(size, treeRoot(leaves));
    for (let index = 0; index < size; index++) {
      const hashes = tree.wanted(index).map(nodeOf(leaves));
      const own = inclusionNodes(index, size).map(nodeOf(leaves));
      const leaf = at(leaves, index);
      for (let i = 0; i <= hashes.length; i++) {
        const damaged = [...hashes, leaf].map((hash) => new Uint8Array(hash));
        const victim = at(damaged, i);
        victim[i % 32] = (victim[i % 32] ?? 0) ^ 1;
        const fresh = new ProvenTree(size, treeRoot(leaves));
        expect(
          outcomeOf(() => fresh.prove(index, at(damaged, hashes.length), damaged.slice(0, -1))),
        ).toBe("MERKLE_ROOT_MISMATCH");
        const path = fresh.prove(index, leaf, fresh.wanted(index).map(nodeOf(leaves)));
        expect(path).toEqual(inclusionPath(index, size, own));
      }
    }
  });

  test.each<[string, () => unknown, string]>([
    ["size -1", () => new ProvenTree(-1, leafHash(Uint8Array.of(1))), "MERKLE_SIZE_INVALID"],
    ["a root of 31 bytes", () => new ProvenTree(1, new Uint8Array(31)), "MERKLE_HASH_LENGTH"],
    ["an index beyond it", () => eight().wanted(8), "MERKLE_INDEX_OUT_OF_RANGE"],
    [
      "a leaf beyond it",
      () => eight().prove(8, at(leavesOf(8), 0), []),
      "MERKLE_INDEX_OUT_OF_RANGE",
    ],
    ["too few hashes", () => eight().prove(0, at(leavesOf(8), 0), []), "MERKLE_PATH_LENGTH"],
    [
      "too many hashes",
      () => {
        const tree = eight();
        const hashes = tree.wanted(0).map(nodeOf(leavesOf(8)));
        return tree.prove(0, at(leavesOf(8), 0), [...hashes, at(hashes, 0)]);
      },
      "MERKLE_PATH_LENGTH",
    ],
    [
      "a leaf of 31 bytes",
      () => new ProvenTree(1, at(leavesOf(1), 0)).prove(0, new Uint8Array(31), []),
      "MERKLE_HASH_LENGTH",
    ],
  ])("refuses %s", (_name, act, code) => {
    expect(outcomeOf(act)).toBe(code);
  });
});

function eight(): ProvenTree {
  return new ProvenTree(8, treeRoot(leavesOf(8)));
}
