import { describe, expect, test } from "@jest/globals";
import { emptyRoot, encodeBundle, leafHash, rootNodes, treeRoot } from "@tallystick/merkle";

import { Edge } from "./edge.js";
import { bodyKey, digestKey, openRow, sealRow } from "./layout.js";
import { Recount } from "./recount.js";
import { encodePlacement } from "./record.js";
import type { Round } from "./round.js";
import type { Row } from "./store.js";
import { entryOf, range } from "./testing/bench.js";
import { digestsOf, type Grown, grow, growTo, roundOf } from "./testing/rounds.js";

const rootOf = (size: number): Uint8Array =>
  treeRoot(range(0, size).map((n) => leafHash(entryOf(n))));

// A payload with one bit turned, under a checksum that fits: damage from before it was sealed.
function turned({ key, value }: Row, bit: number): Row {
  const payload = openRow({ key, value }).slice();
  const place = Math.floor(bit / 8) % payload.length;
  payload[place] = (payload[place] ?? 0) ^ (1 << (bit % 8));
  return sealRow(key, payload);
}

describe("a recount", () => {
  test.each([
    [0, 1],
    [0, 256],
    [1, 255],
    [255, 256],
    [255, 257],
    [256, 257],
    [300, 1400],
    [511, 512],
    [512, 513],
    [1023, 1025],
  ])("from %d to %d agrees with the definition at both ends", (from, to) => {
    const { edge, recount } = growTo(from);
    const counted = recount.count(roundOf(edge, range(from, to)), digestsOf(range(from, to)));
    expect([counted.oldSize, counted.newSize]).toEqual([from, to]);
    expect(counted.oldRoot).toEqual(from === 0 ? emptyRoot() : rootOf(from));
    expect(counted.newRoot).toEqual(rootOf(to));
  });

  test("goes on from its own result, round after round", () => {
    let grown: Grown = growTo(0);
    for (const [from, to] of [
      [0, 3],
      [3, 256],
      [256, 258],
      [258, 900],
      [900, 1024],
      [1024, 1030],
    ] as const) {
      grown = grow(grown, range(from, to));
      expect(grown.recount.root(grown.edge.bundle.map(leafHash))).toEqual(rootOf(to));
    }
  });

  test.each([1, 2, 3, 4, 5, 7, 8, 1000])(
    "seeded over %d bundles leads to their root",
    (bundles) => {
      const hashes = range(0, bundles).map((n) => leafHash(Uint8Array.of(n % 256, n / 256)));
      const peaks = rootNodes(bundles).map(({ level, index }) =>
        treeRoot(hashes.slice(index * 2 ** level, (index + 1) * 2 ** level)),
      );
      expect(Recount.seed(bundles, peaks).root([])).toEqual(treeRoot(hashes));
    },
  );

  test("of nothing leads to the empty root", () => {
    expect(Recount.seed(0, []).root([])).toEqual(emptyRoot());
  });

  test("does not change itself", () => {
    const { edge, recount } = growTo(600);
    const digests = digestsOf(range(600, 900));
    const one = recount.count(roundOf(edge, range(600, 900)), digests);
    const two = recount.count(roundOf(edge, range(600, 900)), digests);
    expect(two.newRoot).toEqual(one.newRoot);
  });
});

describe.each<[string, Grown]>([
  ["seeded from what is stored", growTo(300)],
  ["that counted the round before", grow(growTo(257), range(257, 300))],
])("a recount %s refuses", (_state, { edge, recount }) => {
  const added = range(300, 600);
  const digests = digestsOf(added);
  const round = roundOf(edge, added);

  function expectRefused(damaged: Partial<Round>, why: RegExp): void {
    expect(() => recount.count({ ...round, ...damaged }, digests)).toThrow(
      expect.objectContaining({
        code: "LOG_CORRUPT",
        message: expect.stringMatching(why) as unknown,
      }),
    );
  }

  test("nothing that is as it was built", () => {
    expect(recount.count(round, digests).newRoot).toEqual(round.root);
  });

  test.each(range(0, round.bundles.length))("a bit turned in new entries of bundle row %d", (i) => {
    const bundles = round.bundles.map((bundle, n) =>
      n === i ? { ...bundle, row: turned(bundle.row, 8 * (34 * 50 + 10)) } : bundle,
    );
    expectRefused({ bundles }, /differs/);
  });

  test("a bit turned in an old entry of the bundle it widens", () => {
    const bundles = round.bundles.map((bundle, n) =>
      n === 0 ? { ...bundle, row: turned(bundle.row, 8 * 10) } : bundle,
    );
    // The leaves no longer match the tile; the old root would be another one, too.
    expectRefused({ bundles }, /tile 0\/1 differs/);
  });

  test("an old entry exchanged in bundle and tile alike, by its old root", () => {
    const other = growTo(0);
    const forged = grow(other, [...range(0, 256), 9999, ...range(257, 300)]);
    const forgedRound = roundOf(forged.edge, added);
    const counted = recount.count(forgedRound, digests);
    expect(counted.oldRoot).not.toEqual(rootOf(300));
    expect(counted.newRoot).toEqual(forgedRound.root);
  });

  test.each(range(0, round.tiles.length))(
    "a bit turned in tile row %d, at its start or end",
    (i) => {
      const { row } = round.tiles[i] ?? { row: { key: new Uint8Array(), value: new Uint8Array() } };
      for (const bit of [3, 8 * (openRow(row).length - 1)]) {
        const tiles = round.tiles.map((tile, n) =>
          n === i ? { ...tile, row: turned(row, bit) } : tile,
        );
        expectRefused({ tiles }, /tile/);
      }
    },
  );

  test("a bit turned in memory in what the edge had of an upper tile", () => {
    const [leaves = [], [first = new Uint8Array()] = []] = edge.tiles;
    const bent = first.slice();
    bent[0] = (bent[0] ?? 0) ^ 1;
    // The nodes of the edge are good, so the root claimed is; only the tile to be stored is not.
    const bentEdge = Edge.grown(
      { size: 300, bundle: edge.bundle, tiles: [leaves, [bent]] },
      edge.nodes(),
    );
    expect(() => recount.count(roundOf(bentEdge, added), digests)).toThrow(
      "tiles lead to another root",
    );
  });

  test("a tile left out, or one too many", () => {
    expectRefused({ tiles: round.tiles.slice(1) }, /differs|want/);
    const extra = { level: 3, index: 0, row: sealRow(Uint8Array.of(1), new Uint8Array(32)) };
    expectRefused({ tiles: [...round.tiles, extra] }, /tiles, want/);
  });

  test("bundles out of order, left out, or partial in the middle", () => {
    expectRefused({ bundles: [...round.bundles].reverse() }, /order|partial/);
    expectRefused({ bundles: round.bundles.slice(1) }, /order/);
    expectRefused({ bundles: round.bundles.slice(0, -1) }, /entries in the bundles/);
    const [first, ...others] = round.bundles;
    const partial = sealRow(first?.row.key ?? new Uint8Array(), encodeBundle(digests.slice(0, 5)));
    expectRefused({ bundles: [{ index: 1, row: partial }, ...others] }, /partial/);
  });

  test.each<[string, (row: Round["entries"][number]) => Partial<Round["entries"][number]>, RegExp]>(
    [
      ["a bit turned in a body", ({ body }) => ({ body: turned(body, 5) }), /body of 350/],
      [
        "a body under another index",
        ({ body }) => ({ body: sealRow(bodyKey(1), openRow(body)) }),
        /key of body/,
      ],
      [
        "the body of another entry",
        ({ body }) => ({ body: sealRow(body.key, new TextEncoder().encode("body 1")) }),
        /body of 350/,
      ],
      [
        "an index row under another digest",
        ({ placement }) => ({ placement: sealRow(digestKey(entryOf(1)), openRow(placement)) }),
        /key of placement/,
      ],
      [
        "an index row that points elsewhere",
        ({ entry }) => ({
          placement: sealRow(
            digestKey(entry),
            encodePlacement({ index: 7, collateral: new Uint8Array() }),
          ),
        }),
        /placement of 350/,
      ],
      [
        "a row whose checksum broke",
        ({ body }) => ({ body: { key: body.key, value: body.value.map((byte) => byte ^ 1) } }),
        /checksum/,
      ],
    ],
  )("%s", (_name, change, why) => {
    const entries = round.entries.map((rows, i) =>
      i === 50 ? { ...rows, ...change(rows) } : rows,
    );
    expectRefused({ entries }, why);
  });

  test("entries other than those that came in", () => {
    const others = [...digests.slice(0, -1), entryOf("other")];
    expect(() => recount.count(round, others)).toThrow("bundle differs at 599");
    expect(() => recount.count(round, digests.slice(1))).toThrow("entries in the bundles");
  });
});
