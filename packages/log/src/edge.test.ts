import { describe, expect, test } from "@jest/globals";
import { leafHash, RightEdge, tileWidth, treeRoot } from "@tallystick/merkle";

import { Edge, edgeTiles } from "./edge.js";
import { entryOf, range } from "./testing/bench.js";
import { growTo } from "./testing/rounds.js";

describe("edgeTiles", () => {
  test.each([
    [0, []],
    [1, [[0, 0, 1]]],
    [255, [[0, 0, 255]]],
    [256, [[1, 0, 1]]],
    [
      257,
      [
        [0, 1, 1],
        [1, 0, 1],
      ],
    ],
    [65536, [[2, 0, 1]]],
    [
      65536 + 256 + 3,
      [
        [0, 257, 3],
        [1, 1, 1],
        [2, 0, 1],
      ],
    ],
    [
      2 ** 40 + 5,
      [
        [0, 2 ** 32, 5],
        [5, 0, 1],
      ],
    ],
  ])("of size %d", (size, tiles) => {
    expect(edgeTiles(size).map(({ level, index, width }) => [level, index, width])).toEqual(tiles);
  });

  test.each([1, 300, 65535, 70000, 2 ** 33 + 12345, 2 ** 53 - 1])(
    "of size %d have the widths that tlog-tiles gives them",
    (size) => {
      for (const { level, index, width } of edgeTiles(size)) {
        expect(tileWidth(level, index, size)).toBe(width);
        expect(tileWidth(level, index + 1, size)).toBe(0);
      }
    },
  );
});

describe("Edge", () => {
  test("is empty at first", () => {
    expect(Edge.empty().size).toBe(0);
    expect(Edge.empty().root()).toEqual(treeRoot([]));
  });

  test.each([1, 2, 255, 256, 257, 511, 512, 513, 1000])(
    "comes back from its parts at %d",
    (size) => {
      const { edge } = growTo(size);
      const again = Edge.from({ size, bundle: edge.bundle, tiles: edge.tiles });
      const root = treeRoot(range(0, size).map((n) => leafHash(entryOf(n))));
      expect(again.root()).toEqual(root);
      expect(edge.root()).toEqual(root);
      expect(again.nodes().hashes()).toEqual(edge.nodes().hashes());
    },
  );

  test("is not changed by growing its nodes", () => {
    const { edge } = growTo(5);
    const root = edge.root();
    edge.nodes().append(leafHash(entryOf("more")));
    expect(edge.root()).toEqual(root);
    expect(edge.nodes().size).toBe(5);
  });

  test("does not come back from a tile that is too narrow", () => {
    const { edge } = growTo(5);
    const tiles = [edge.tiles[0]?.slice(0, 4) ?? []];
    expect(() => Edge.from({ size: 5, bundle: edge.bundle, tiles })).toThrow();
  });

  test("works beyond 2^32, where every node comes from a partial tile", () => {
    const size = 2 ** 40 + 2 ** 33 + 3;
    const tiles: Uint8Array[][] = [[], [], [], [], [], []];
    for (const { level, width } of edgeTiles(size)) {
      tiles[level] = range(0, width).map((n) => leafHash(Uint8Array.of(level, n)));
    }
    const edge = Edge.from({ size, bundle: [], tiles });
    expect(edge.root()).toEqual(RightEdge.from(size, edge.nodes().hashes()).root());
    expect(edge.nodes().size).toBe(size);
  });
});
