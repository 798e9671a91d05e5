import { describe, expect, test } from "@jest/globals";
import { emptyRoot, leafHash, treeRoot } from "@tallystick/merkle";
import fc from "fast-check";

import { LeafRows } from "./leaf-rows.js";
import { range } from "./testing/bench.js";

const LEAVES = range(0, 256).map((n) => leafHash(Uint8Array.of(n)));

describe("the rows over the leaves of a bundle", () => {
  test("lead to the root by definition, however they grew", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 64 }), { maxLength: 8 }), (steps) => {
        let rows = LeafRows.none;
        for (const step of steps) {
          const grown = rows.widen(LEAVES.slice(rows.width, rows.width + step));
          expect(grown.root()).toEqual(treeRoot(LEAVES.slice(0, grown.width)));
          expect(grown.leaves).toEqual(LEAVES.slice(0, grown.width));
          rows = grown;
        }
      }),
    );
  });

  test("lead to the root of every width", () => {
    for (let width = 0; width <= LEAVES.length; width++) {
      const leaves = LEAVES.slice(0, width);
      expect(LeafRows.of(leaves).root()).toEqual(treeRoot(leaves));
    }
  });

  test("do not change when they are widened", () => {
    const rows = LeafRows.of(LEAVES.slice(0, 5));
    rows.widen(LEAVES.slice(5, 9));
    expect(rows.root()).toEqual(treeRoot(LEAVES.slice(0, 5)));
    expect(LeafRows.none.root()).toEqual(emptyRoot());
  });
});
