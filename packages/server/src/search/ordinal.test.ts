import { expect, test } from "@jest/globals";
import { encodeHex } from "@tallystick/cose";
import fc from "fast-check";

import { decodeOrdinal, encodeOrdinal } from "./ordinal.js";

const MAX = Number.MAX_SAFE_INTEGER;
const ordinals = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(70_000),
  fc.constantFrom(0, 1, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, MAX - 1, MAX),
);

test("a number is its length and its bytes", () => {
  const shown = [0, 1, 255, 256, 2 ** 32, MAX].map((value) => encodeHex(encodeOrdinal(value)));
  expect(shown).toStrictEqual([
    ...["00", "0101", "01ff", "020100", "050100000000", "071fffffffffffff"],
  ]);
});

test("numbers are read back, wherever they stand", () => {
  fc.assert(
    fc.property(ordinals, fc.uint8Array({ maxLength: 9 }), (value, before) => {
      const encoded = encodeOrdinal(value);
      const bytes = Uint8Array.of(...before, ...encoded, 7);
      const end = before.length + encoded.length;
      expect(decodeOrdinal(bytes, before.length)).toStrictEqual({ value, end });
    }),
  );
});

test("bytes are ordered as numbers are", () => {
  fc.assert(
    fc.property(ordinals, ordinals, (a, b) => {
      const order = Buffer.compare(encodeOrdinal(a), encodeOrdinal(b));
      expect(order).toBe(Math.sign(a - b));
    }),
  );
});

test.each([
  ["nothing", []],
  ["a number that is cut short", [2, 1]],
  ["a zero in front", [2, 0, 1]],
  ["a number beyond 2^53 - 1", [7, 32, 0, 0, 0, 0, 0, 0]],
  ["more bytes than a number takes", [8, 1, 0, 0, 0, 0, 0, 0, 0]],
])("%s is damage: LOG_CORRUPT", (_name, bytes) => {
  expect(() => decodeOrdinal(Uint8Array.from(bytes), 0)).toThrow(
    expect.objectContaining({ code: "LOG_CORRUPT" }),
  );
});

test.each([-1, 0.5, MAX + 1, Number.NaN])("%d has no bytes", (value) => {
  expect(() => encodeOrdinal(value)).toThrow(TypeError);
});
