import { describe, expect, test } from "@jest/globals";
import {
  consistencyNodes,
  consistencyPath,
  decodeBundle,
  leafHash,
  nodeFromTile,
  treeRoot,
  verifyConsistency,
} from "@tallystick/merkle";
import fc from "fast-check";

import { Edge } from "./edge.js";
import { bodyKey, bundleKey, digestKey, openRow, tileKey } from "./layout.js";
import { decodePlacement } from "./record.js";
import { buildRound, consistencyOf } from "./round.js";
import { entryOf, range, request } from "./testing/bench.js";
import { digestsOf, growTo, roundOf, submissionFor } from "./testing/rounds.js";

const leaves = (size: number): readonly Uint8Array[] =>
  range(0, size).map((n) => leafHash(entryOf(n)));

describe("the proof that a round extends the tree before it", () => {
  const steps: readonly (readonly [number, number])[] = [
    ...range(1, 18).flatMap((from) => range(from + 1, 20).map((to) => [from, to] as const)),
    ...[255, 256, 257, 300, 511, 512].flatMap((from) =>
      [1, 2, 255, 256, 257, 800].map((by) => [from, from + by] as const),
    ),
  ];

  test("holds, and is the one that the leaves make", () => {
    for (const [from, to] of steps) {
      const round = roundOf(growTo(from).edge, range(from, to));
      const proof = consistencyOf(round);
      const all = leaves(to);
      const nodes = consistencyNodes(from, to).map(({ level, index }) =>
        treeRoot(all.slice(index * 2 ** level, (index + 1) * 2 ** level)),
      );
      const path = consistencyPath(from, to, nodes);
      expect(proof).toEqual({ oldSize: from, newSize: to, path });
      verifyConsistency(proof, treeRoot(leaves(from)), round.root);
    }
  });

  test("is none where a node is not at hand: LOG_CORRUPT", () => {
    const round = roundOf(growTo(6).edge, range(6, 9));
    expect(() => consistencyOf({ ...round, completed: [] })).toThrow("node 1/3 is missing");
  });
});

describe("a round", () => {
  test.each([
    [0, 1],
    [0, 255],
    [0, 256],
    [0, 257],
    [1, 2],
    [200, 300],
    [255, 256],
    [255, 257],
    [256, 257],
    [511, 513],
    [100, 1100],
  ])("from %d to %d has the root of all leaves", (from, to) => {
    const round = roundOf(growTo(from).edge, range(from, to));
    expect(round.root).toEqual(treeRoot(leaves(to)));
    expect(round.after.size).toBe(to);
    expect(round.after.root()).toEqual(round.root);
  });

  test("rewrites the bundle it widens and begins others", () => {
    const round = roundOf(growTo(300).edge, range(300, 800));
    expect(round.bundles.map(({ index }) => index)).toEqual([1, 2, 3]);
    const widths = round.bundles.map(({ row }) => decodeBundle(openRow(row)).length);
    expect(widths).toEqual([256, 256, 32]);
    const entries = round.bundles.flatMap(({ row }) => decodeBundle(openRow(row)));
    expect(entries).toEqual(digestsOf(range(256, 800)));
    expect(round.bundles.map(({ row }) => row.key)).toEqual([1, 2, 3].map(bundleKey));
  });

  test("writes each tile once, with its final width", () => {
    const round = roundOf(growTo(300).edge, range(300, 800));
    const tiles = round.tiles.map(({ level, index, row }) => [
      level,
      index,
      openRow(row).length / 32,
    ]);
    expect(tiles.sort()).toEqual([
      [0, 1, 256],
      [0, 2, 256],
      [0, 3, 32],
      [1, 0, 3],
    ]);
  });

  test("leaves tiles of levels that it does not reach alone", () => {
    const round = roundOf(growTo(300).edge, range(300, 310));
    expect(round.tiles.map(({ level, index }) => [level, index])).toEqual([[0, 1]]);
    expect(round.after.tiles[1]).toEqual(round.before.tiles[1]);
  });

  test("stores the place of each entry under its digest, and its body under its index", () => {
    const { entries } = roundOf(growTo(10).edge, range(10, 14));
    entries.forEach(({ entry, index, placement, body }, i) => {
      const { body: bytes, collateral } = request(10 + i);
      expect([index, entry]).toEqual([10 + i, entryOf(10 + i)]);
      expect([placement.key, body.key]).toEqual([digestKey(entry), bodyKey(index)]);
      expect(decodePlacement(openRow(placement))).toEqual({ index, collateral });
      expect(openRow(body)).toEqual(bytes);
    });
  });

  test("is pure: the same twice, and the edge before it unchanged", () => {
    const { edge } = growTo(250);
    const root = edge.root();
    const one = roundOf(edge, range(250, 260));
    const two = roundOf(edge, range(250, 260));
    expect(two.tiles).toEqual(one.tiles);
    expect(two.bundles).toEqual(one.bundles);
    expect(edge.root()).toEqual(root);
    expect(edge.bundle).toHaveLength(250);
  });

  test("many of any sizes are one of all", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        let edge = Edge.empty();
        const stored = new Map<string, Uint8Array>();
        for (const length of lengths) {
          const round = roundOf(edge, range(edge.size, edge.size + length));
          for (const { row } of [...round.tiles, ...round.bundles]) {
            stored.set(Buffer.from(row.key).toString("hex"), row.value);
          }
          edge = round.after;
        }
        const whole = roundOf(Edge.empty(), range(0, edge.size));
        expect(edge.root()).toEqual(whole.root);
        for (const { row } of [...whole.tiles, ...whole.bundles]) {
          expect(stored.get(Buffer.from(row.key).toString("hex"))).toEqual(row.value);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("a hash on the next tile level is that of a full tile below", () => {
    const round = roundOf(Edge.empty(), range(0, 600));
    const tile = (level: number, index: number): Uint8Array =>
      openRow(
        round.tiles.find((t) => t.level === level && t.index === index)?.row ?? {
          key: tileKey({ level, index }),
          value: new Uint8Array(),
        },
      );
    const upper = tile(1, 0);
    for (const index of [0, 1]) {
      const below = Array.from({ length: 256 }, (_, i) =>
        tile(0, index).subarray(32 * i, 32 * i + 32),
      );
      const node = { level: 8, index };
      expect(nodeFromTile(upper, { level: 1, index: 0 }, node)).toEqual(treeRoot(below));
    }
  });

  test("keeps the order of its submissions", () => {
    const order = [7, 3, 5];
    const round = buildRound(
      Edge.empty(),
      order.map((n) => submissionFor(n)),
    );
    expect(round.entries.map(({ entry }) => entry)).toEqual(digestsOf(order));
    expect(round.root).toEqual(treeRoot(order.map((n) => leafHash(entryOf(n)))));
  });
});
