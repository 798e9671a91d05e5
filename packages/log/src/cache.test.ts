import { describe, expect, test } from "@jest/globals";

import { TileCache } from "./cache.js";
import { range } from "./testing/bench.js";
import { ExpandedTile } from "./tile.js";

const tileAt = (index: number): ExpandedTile =>
  ExpandedTile.expand({ level: 0, index }, [new Uint8Array(32).fill(index)]);

describe("the tile cache", () => {
  test("finds what it keeps, by level and index", () => {
    const cache = new TileCache(4);
    const [one, two] = [tileAt(1), tileAt(2)];
    cache.keep({ level: 0, index: 1 }, one);
    cache.keep({ level: 1, index: 1 }, two);
    expect(cache.find({ level: 0, index: 1 })).toBe(one);
    expect(cache.find({ level: 1, index: 1 })).toBe(two);
    expect(cache.find({ level: 1, index: 0 })).toBeUndefined();
  });

  test("never holds more than its bound", () => {
    const cache = new TileCache(3);
    for (const index of range(0, 50)) {
      cache.keep({ level: 0, index }, tileAt(index));
      expect(cache.count).toBe(Math.min(index + 1, 3));
    }
    expect(range(0, 50).filter((index) => cache.find({ level: 0, index }))).toEqual([47, 48, 49]);
  });

  test("lets go of what was used longest ago", () => {
    const cache = new TileCache(2);
    cache.keep({ level: 0, index: 1 }, tileAt(1));
    cache.keep({ level: 0, index: 2 }, tileAt(2));
    cache.find({ level: 0, index: 1 });
    cache.keep({ level: 0, index: 3 }, tileAt(3));
    expect(cache.find({ level: 0, index: 2 })).toBeUndefined();
    expect(cache.find({ level: 0, index: 1 })).toBeDefined();
  });

  test("keeps one tile per place", () => {
    const cache = new TileCache(2);
    const newer = tileAt(1);
    cache.keep({ level: 0, index: 1 }, tileAt(1));
    cache.keep({ level: 0, index: 1 }, newer);
    expect(cache.count).toBe(1);
    expect(cache.find({ level: 0, index: 1 })).toBe(newer);
  });
});
