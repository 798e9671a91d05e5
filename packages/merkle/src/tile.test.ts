import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { leafHash } from "./hash.js";
import { GIANT_SIZES } from "./testing/giant.js";
import * as reference from "./testing/reference.js";
import { outcomeOf } from "./testing/refusal.js";
import { nodeFromTile, TILE_HEIGHT, TILE_WIDTH, tileOf, tileWidth } from "./tile.js";

const anyNode = fc
  .tuple(fc.integer({ min: 0, max: 52 }), fc.maxSafeNat())
  .map(([level, n]) => ({ level, index: n % (2 ** (53 - level) - 1 || 1) }));

describe("the tile of a node", () => {
  test.each([
    { name: "first leaf", node: { level: 0, index: 0 }, tile: { level: 0, index: 0 } },
    { name: "last leaf of a tile", node: { level: 0, index: 255 }, tile: { level: 0, index: 0 } },
    {
      name: "first leaf of the next",
      node: { level: 0, index: 256 },
      tile: { level: 0, index: 1 },
    },
    { name: "top of a tile's fold", node: { level: 7, index: 3 }, tile: { level: 0, index: 1 } },
    { name: "a full tile's hash", node: { level: 8, index: 1 }, tile: { level: 1, index: 0 } },
    { name: "level 16", node: { level: 16, index: 257 }, tile: { level: 2, index: 1 } },
    {
      name: "a leaf past 2^32",
      node: { level: 0, index: 2 ** 32 + 7 },
      tile: { level: 0, index: 2 ** 24 },
    },
    {
      name: "last leaf of all",
      node: { level: 0, index: 2 ** 53 - 2 },
      tile: { level: 0, index: 2 ** 45 - 1 },
    },
    { name: "the highest node", node: { level: 52, index: 0 }, tile: { level: 6, index: 0 } },
  ])("$name", ({ node, tile }) => {
    expect(tileOf(node)).toEqual(tile);
  });

  test("is the one whose leaves cover those of the node, by bigint", () => {
    fc.assert(
      fc.property(anyNode, (node) => {
        const { level, index } = tileOf(node);
        const start = BigInt(node.index) << BigInt(node.level);
        const end = start + (1n << BigInt(node.level));
        const span = 256n ** BigInt(level + 1);
        expect(Math.floor(node.level / TILE_HEIGHT)).toBe(level);
        expect(BigInt(index) * span <= start && end <= BigInt(index + 1) * span).toBe(true);
      }),
    );
  });

  test.each([
    { name: "negative level", level: -1, index: 0 },
    { name: "fractional level", level: 0.5, index: 0 },
    { name: "negative index", level: 0, index: -1 },
    { name: "index NaN", level: 0, index: Number.NaN },
    { name: "end past 2^53 - 1", level: 53, index: 0 },
    { name: "level 2000", level: 2000, index: 0 },
  ])("no tile for a node of $name", (node) => {
    expect(outcomeOf(() => tileOf(node))).toBe("MERKLE_INDEX_OUT_OF_RANGE");
  });
});

describe("tile width", () => {
  test.each([
    { level: 0, index: 0, size: 0, width: 0 },
    { level: 0, index: 0, size: 1, width: 1 },
    { level: 0, index: 0, size: 255, width: 255 },
    { level: 0, index: 0, size: 256, width: 256 },
    { level: 0, index: 1, size: 256, width: 0 },
    { level: 1, index: 0, size: 255, width: 0 },
    { level: 1, index: 0, size: 511, width: 1 },
    // The example of C2SP tlog-tiles: a tree of 70,000 leaves.
    { level: 0, index: 272, size: 70_000, width: 256 },
    { level: 0, index: 273, size: 70_000, width: 112 },
    { level: 1, index: 0, size: 70_000, width: 256 },
    { level: 1, index: 1, size: 70_000, width: 17 },
    { level: 2, index: 0, size: 70_000, width: 1 },
    { level: 3, index: 0, size: 70_000, width: 0 },
    { level: 0, index: 2 ** 24, size: 2 ** 32 + 7, width: 7 },
    { level: 4, index: 0, size: 2 ** 32 + 7, width: 1 },
    { level: 0, index: 2 ** 45 - 1, size: 2 ** 53 - 2, width: 254 },
    { level: 6, index: 0, size: 2 ** 53 - 2, width: 31 },
    { level: 63, index: 0, size: 2 ** 53 - 1, width: 0 },
    { level: 0, index: 2 ** 53 - 1, size: 2 ** 53 - 1, width: 0 },
  ])("of tile $level/$index at size $size is $width", ({ level, index, size, width }) => {
    expect(tileWidth(level, index, size)).toBe(width);
  });

  test.each(GIANT_SIZES)("at size %i the last tile of each level is W16's, by bigint", (size) => {
    for (let level = 0; level < TILE_HEIGHT; level++) {
      const hashes = BigInt(size) / 256n ** BigInt(level);
      const last = Number(hashes / 256n);
      expect(tileWidth(level, last, size)).toBe(Number(hashes % 256n));
      if (last > 0) expect(tileWidth(level, last - 1, size)).toBe(TILE_WIDTH);
      expect(tileWidth(level, last + 1, size)).toBe(0);
    }
  });

  test.each([
    { name: "size", level: 0, index: 0, size: -1, code: "MERKLE_SIZE_INVALID" },
    { name: "level above 63", level: 64, index: 0, size: 1, code: "MERKLE_TILE_INVALID" },
    { name: "negative level", level: -1, index: 0, size: 1, code: "MERKLE_TILE_INVALID" },
    { name: "negative index", level: 0, index: -1, size: 1, code: "MERKLE_TILE_INVALID" },
    { name: "index NaN", level: 0, index: Number.NaN, size: 1, code: "MERKLE_TILE_INVALID" },
  ])("refuses $name", ({ level, index, size, code }) => {
    expect(outcomeOf(() => tileWidth(level, index, size))).toBe(code);
  });
});

describe("a node from its tile", () => {
  const entries = reference.entriesTo(2 * TILE_WIDTH);
  const leaves = entries.map(leafHash);
  const tile = (first: number, width: number): Uint8Array =>
    Uint8Array.from(Buffer.concat(leaves.slice(first, first + width)));

  test("every node of a full tile is the root of its leaves", () => {
    const full = tile(TILE_WIDTH, TILE_WIDTH);
    for (let level = 0; level < TILE_HEIGHT; level++) {
      const count = 2 ** level;
      for (let start = TILE_WIDTH; start < 2 * TILE_WIDTH; start += count) {
        const hash = nodeFromTile(full, { level: 0, index: 1 }, { level, index: start / count });
        expect(hash).toEqual(reference.mth(entries, start, start + count));
      }
    }
  });

  test("a partial tile yields what it reaches over and refuses the rest", () => {
    const home = { level: 0, index: 1 };
    const partial = tile(TILE_WIDTH, 5);
    const want = reference.mth(entries, TILE_WIDTH, TILE_WIDTH + 4);
    expect(nodeFromTile(partial, home, { level: 2, index: 64 })).toEqual(want);
    for (const node of [
      { level: 0, index: TILE_WIDTH + 5 },
      { level: 1, index: 130 },
      { level: 3, index: 32 },
    ]) {
      expect(outcomeOf(() => nodeFromTile(partial, home, node))).toBe("MERKLE_TILE_INVALID");
    }
  });

  test.each([
    { name: "another tile", bytes: tile(0, 256), at: { level: 0, index: 1 } },
    { name: "another level", bytes: tile(0, 256), at: { level: 1, index: 0 } },
    { name: "no hashes", bytes: new Uint8Array(0), at: { level: 0, index: 0 } },
    { name: "half a hash", bytes: tile(0, 2).subarray(1), at: { level: 0, index: 0 } },
    { name: "257 hashes", bytes: tile(0, 257), at: { level: 0, index: 0 } },
  ])("is refused from $name", ({ bytes, at }) => {
    expect(outcomeOf(() => nodeFromTile(bytes, at, { level: 0, index: 0 }))).toBe(
      "MERKLE_TILE_INVALID",
    );
  });

  test("does not share memory with the tile", () => {
    const bytes = Buffer.from(tile(0, 1));
    const hash = nodeFromTile(bytes, { level: 0, index: 0 }, { level: 0, index: 0 });
    bytes.fill(0);
    expect(hash).toEqual(leaves[0]);
    expect(Object.getPrototypeOf(hash)).toBe(Uint8Array.prototype);
  });
});
