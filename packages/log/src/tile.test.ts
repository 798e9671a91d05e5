import { describe, expect, test } from "@jest/globals";
import { leafHash, nodeFromTile, treeRoot } from "@tallystick/merkle";

import { range } from "./testing/bench.js";
import { ExpandedTile, formatPosition, nodeOver, parentOf, splitHashes } from "./tile.js";

const hashes = range(0, 256).map((n) => leafHash(Uint8Array.of(n)));
const concatenated = (width: number): Uint8Array => Buffer.concat(hashes.slice(0, width));

describe("an expanded tile", () => {
  test.each([
    [0, 0],
    [0, 3],
    [2, 0],
    [1, 2 ** 33],
  ])("at %d/%d yields each node as folding the stored tile does", (level, index) => {
    const position = { level, index };
    const tile = ExpandedTile.expand(position, hashes);
    for (const height of range(0, 8)) {
      for (const n of [0, 1, 256 / 2 ** height - 1].filter((m) => m < 256 / 2 ** height)) {
        const id = { level: level * 8 + height, index: (index * 256) / 2 ** height + n };
        expect(tile.node(id)).toEqual(nodeFromTile(concatenated(256), position, id));
      }
    }
  });

  test.each([1, 2, 3, 127, 128, 129, 255])(
    "of width %d has the nodes below it and no more",
    (width) => {
      const position = { level: 0, index: 1 };
      const tile = ExpandedTile.expand(position, hashes.slice(0, width));
      expect(tile.width).toBe(width);
      for (const height of range(0, 8)) {
        const complete = Math.floor(width / 2 ** height);
        const first = 256 / 2 ** height;
        for (const n of range(0, complete)) {
          const want = treeRoot(hashes.slice(n * 2 ** height, (n + 1) * 2 ** height));
          expect(tile.node({ level: height, index: first + n })).toEqual(want);
        }
        expect(() => tile.node({ level: height, index: first + complete })).toThrow(
          expect.objectContaining({ code: "LOG_CORRUPT" }),
        );
      }
      expect(tile.top()).toBeUndefined();
    },
  );

  test("is the same when it is packed, and can be widened", () => {
    const position = { level: 0, index: 1 };
    const loose = ExpandedTile.expand(position, hashes.slice(0, 129));
    const packed = loose.pack();
    const ids = range(0, 8).flatMap((level) =>
      range(0, Math.floor(129 / 2 ** level)).map((n) => ({ level, index: 256 / 2 ** level + n })),
    );
    expect(ids.map((id) => packed.node(id))).toEqual(ids.map((id) => loose.node(id)));
    expect([packed.width, packed.encode(129)]).toEqual([129, loose.encode(129)]);
    for (const index of [-1, 129]) {
      expect(() => packed.node({ level: 0, index: 256 + index })).toThrow(
        expect.objectContaining({ code: "LOG_CORRUPT" }),
      );
    }
    expect(packed.widen(hashes).top()).toEqual(treeRoot(hashes));
    expect(packed.widen(hashes).pack().top()).toEqual(treeRoot(hashes));
  });

  test("has a top when it is full: the node of the tile above", () => {
    expect(ExpandedTile.expand({ level: 0, index: 0 }, hashes).top()).toEqual(treeRoot(hashes));
  });

  test("encodes any prefix of its hashes", () => {
    const tile = ExpandedTile.expand({ level: 0, index: 0 }, hashes);
    for (const width of [1, 7, 255, 256]) {
      expect([...tile.encode(width)]).toEqual([...concatenated(width)]);
    }
  });
});

describe("positions", () => {
  test.each([
    [
      { level: 0, index: 0 },
      { level: 1, index: 0 },
      { level: 8, index: 0 },
    ],
    [
      { level: 0, index: 255 },
      { level: 1, index: 0 },
      { level: 8, index: 255 },
    ],
    [
      { level: 0, index: 256 },
      { level: 1, index: 1 },
      { level: 8, index: 256 },
    ],
    [
      { level: 2, index: 2 ** 20 },
      { level: 3, index: 4096 },
      { level: 24, index: 2 ** 20 },
    ],
  ])("above %j", (position, parent, node) => {
    expect(parentOf(position)).toEqual(parent);
    expect(nodeOver(position)).toEqual(node);
  });

  test("have texts of their own", () => {
    const texts = [
      [1, 11],
      [11, 1],
      [1, 1],
      [111, 1],
    ].map(([level = 0, index = 0]) => formatPosition({ level, index }));
    expect(new Set(texts).size).toBe(4);
  });
});

describe("splitHashes", () => {
  test("undoes concatenation", () => {
    expect(splitHashes(concatenated(3)).map((hash) => [...hash])).toEqual(
      hashes.slice(0, 3).map((hash) => [...hash]),
    );
    expect(splitHashes(new Uint8Array())).toEqual([]);
  });

  test("leaves an odd rest out, so that the width is wrong and seen", () => {
    expect(splitHashes(concatenated(2).subarray(0, 63))).toHaveLength(1);
  });
});
