import { expect, test } from "@jest/globals";
import fc from "fast-check";

import { Accumulator } from "./accumulator.js";

const joined = (pieces: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(pieces.map((piece) => Buffer.from(piece))));

test("is its pieces one behind the other, less what was dropped, and leaves views alone", () => {
  const step = fc.tuple(fc.uint8Array({ maxLength: 50 }), fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const held = new Accumulator();
      const views: (readonly [Uint8Array, Uint8Array])[] = [];
      let want = new Uint8Array();
      for (const [piece, drop] of steps) {
        held.add(piece);
        want = new Uint8Array(joined([want, piece]));
        const view = held.bytes();
        views.push([view, want]);
        const count = drop % 3 === 0 ? drop % (want.length + 1) : 0;
        held.drop(count);
        want = want.slice(count);
        expect(held.length).toBe(want.length);
      }
      // What was given out before a drop is nobody's to write over.
      const [last] = views.slice(-1);
      if (last !== undefined) expect(new Uint8Array(last[0])).toEqual(last[1]);
      expect(new Uint8Array(held.bytes())).toEqual(want);
    }),
  );
});

test("takes up no more than twice what came, however small the pieces", () => {
  const held = new Accumulator();
  for (let i = 0; i < 100_000; i++) held.add(Uint8Array.of(i));
  expect(held.length).toBe(100_000);
  expect(held.bytes().buffer.byteLength).toBeLessThanOrEqual(200_000);
});

test("does not copy what comes in one piece", () => {
  const held = new Accumulator();
  const piece = Uint8Array.of(1, 2, 3);
  held.add(piece);
  expect(held.bytes().buffer).toBe(piece.buffer);
});
