import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  consistencyNodes,
  consistencyPath,
  consistencyPathLength,
  rootFromConsistencyPath,
  verifyConsistency,
} from "./consistency.js";
import {
  inclusionNodes,
  inclusionPath,
  inclusionPathLength,
  rootFromInclusionPath,
} from "./inclusion.js";
import type { NodeId } from "./node.js";
import { rootFromNodes, rootNodes } from "./root.js";
import { floorLog2, half, splitPoint } from "./size.js";
import * as giant from "./testing/giant.js";
import { flipBit, outcomeOf } from "./testing/refusal.js";

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const spell = (nodes: readonly NodeId[]): readonly string[] =>
  nodes.map(({ level, index }) => `${level}/${index}`);

const whole = (size: number): giant.Range => ({ start: 0n, end: BigInt(size) });

/** The stored nodes of the tree whose leaf `marked` is the odd one. */
function read(marked: number, nodes: readonly NodeId[]): readonly Uint8Array[] {
  return nodes.map(({ level, index }) => {
    const start = BigInt(index) << BigInt(level);
    return giant.rangeRoot(BigInt(marked), { start, end: start + (1n << BigInt(level)) });
  });
}

/** Pairs where 32-bit, 53-bit or tile arithmetic would show. */
const pairs = giant.GIANT_SIZES.flatMap((size) =>
  giant.indexesIn(size).map((index) => [index, size] as const),
);

/** Any size up to 2^53 - 1, as often small as giant, and an index in it. */
const anyPair = fc
  .tuple(fc.integer({ min: 1, max: 53 }), fc.maxSafeNat(), fc.maxSafeNat())
  .map(([bits, a, b]): readonly [number, number] => {
    const size = 1 + (a % (2 ** bits - 1));
    return [b % size, size];
  });

describe("size arithmetic", () => {
  test.each(Array.from({ length: 53 }, (_, bit) => bit))("around 2^%i", (bit) => {
    for (const n of [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]) {
      if (n < 1 || !Number.isSafeInteger(n)) continue;
      expect(floorLog2(n)).toBe(giant.bitLength(BigInt(n)) - 1);
      expect(half(n)).toBe(Number(BigInt(n) / 2n));
      if (n > 1) expect(splitPoint(n)).toBe(Number(giant.split(BigInt(n))));
    }
  });

  test("at the largest size", () => {
    expect(floorLog2(Number.MAX_SAFE_INTEGER)).toBe(52);
    expect(splitPoint(Number.MAX_SAFE_INTEGER)).toBe(2 ** 52);
  });
});

function checkInclusion([index, size]: readonly [number, number]): void {
  const [i, n] = [BigInt(index), BigInt(size)];
  const ranges = giant.pathRanges(i, whole(size));
  const nodes = inclusionNodes(index, size);
  expect(spell(nodes)).toEqual(ranges.flatMap(giant.nodesOf));

  // Exact path length as standards state it: inner and border bits of index and last index.
  const inner = giant.bitLength(i ^ (n - 1n));
  const length = inner + giant.onesIn(i >> BigInt(inner));
  expect(inclusionPathLength(index, size)).toBe(length);

  const path = inclusionPath(index, size, read(index, nodes));
  const leaf = giant.leafOf(i, i);
  const root = hex(giant.rangeRoot(i, whole(size)));
  expect(path.map(hex)).toEqual(ranges.map((range) => hex(giant.rangeRoot(i, range))));
  expect(hex(rootFromInclusionPath({ index, size, path }, leaf))).toBe(root);
  expect(hex(giant.rootFromPath([i, n], leaf, path))).toBe(root);
  expect(hex(rootFromNodes(size, read(index, rootNodes(size))))).toBe(root);
}

describe("inclusion beyond 2^32, against bigint", () => {
  test.each(pairs)("leaf %i of %i", (index, size) => {
    checkInclusion([index, size]);
  });

  test("any leaf of any tree", () => {
    fc.assert(fc.property(anyPair, checkInclusion));
  });

  test("the path of another leaf is refused", () => {
    fc.assert(
      fc.property(anyPair, fc.maxSafeNat(), ([index, size], other) => {
        fc.pre(other % size !== index);
        const path = inclusionPath(index, size, read(index, inclusionNodes(index, size)));
        const leaf = giant.leafOf(0n, 0n);
        const claim = { index: other % size, size, path };
        const length = inclusionPathLength(claim.index, size);
        const want = giant.rangeRoot(BigInt(index), whole(size));
        if (length !== path.length) {
          expect(outcomeOf(() => rootFromInclusionPath(claim, leaf))).toBe("MERKLE_PATH_LENGTH");
        } else {
          expect(hex(rootFromInclusionPath(claim, leaf))).not.toBe(hex(want));
        }
      }),
    );
  });
});

function checkConsistency([oldSize, newSize]: readonly [number, number]): void {
  const marked = oldSize - 1;
  const ranges = giant.proofRanges(BigInt(oldSize), whole(newSize));
  const nodes = consistencyNodes(oldSize, newSize);
  expect(spell(nodes)).toEqual(ranges.flatMap(giant.nodesOf));
  expect(consistencyPathLength(oldSize, newSize)).toBe(ranges.length);
  if (oldSize < newSize) expect(ranges.length).toBe(statedLength(oldSize, newSize));

  const path = consistencyPath(oldSize, newSize, read(marked, nodes));
  const oldRoot = giant.rangeRoot(BigInt(marked), whole(oldSize));
  const newRoot = giant.rangeRoot(BigInt(marked), whole(newSize));
  const proof = { oldSize, newSize, path };
  expect(hex(rootFromConsistencyPath(proof, oldRoot))).toBe(hex(newRoot));
  for (let i = 0; i < path.length; i++) {
    const bent = path.with(i, flipBit(path[i] ?? oldRoot, (i * 37) % 256));
    const code = outcomeOf(() => {
      verifyConsistency({ ...proof, path: bent }, oldRoot, newRoot);
    });
    expect([i, code]).toEqual([i, "MERKLE_ROOT_MISMATCH"]);
  }
}

/** The inclusion length at oldSize - 1, less the trailing zeros of oldSize, plus 1 unless perfect. */
function statedLength(oldSize: number, newSize: number): number {
  const m = BigInt(oldSize);
  const zeros = giant.bitLength(m & -m) - 1;
  const seed = giant.onesIn(m) === 1 ? 0 : 1;
  return inclusionPathLength(oldSize - 1, newSize) - zeros + seed;
}

describe("consistency beyond 2^32, against bigint", () => {
  test.each(pairs)("size after leaf %i, to %i", (index, size) => {
    checkConsistency([index + 1, size]);
  });

  test("any two sizes", () => {
    const sizes = anyPair.map(([index, size]) => [index + 1, size] as const);
    fc.assert(fc.property(sizes, checkConsistency));
  });
});

describe("root nodes beyond 2^32, against bigint", () => {
  test.each(giant.GIANT_SIZES)("size %i", (size) => {
    expect(spell(rootNodes(size))).toEqual(giant.nodesOf(whole(size)));
  });
});
