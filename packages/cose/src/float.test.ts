import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { decode } from "cborg";
import { isShortestFloat, readFloat } from "./float.js";
import { readHead } from "./head.js";

function half(bits: number): Uint8Array {
  return Uint8Array.of(0xf9, bits >> 8, bits & 0xff);
}

function single(value: number): Uint8Array {
  const bytes = Uint8Array.of(0xfa, 0, 0, 0, 0);
  new DataView(bytes.buffer).setFloat32(1, value);
  return bytes;
}

function double(value: number): Uint8Array {
  const bytes = Uint8Array.of(0xfb, 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

const isShortest = (bytes: Uint8Array): boolean => isShortestFloat(readHead(bytes, 0));

const halves = new Set(
  Array.from({ length: 65_536 }, (_, bits) => readFloat(readHead(half(bits), 0))),
);

test("every half reads as in cborg", () => {
  const wrong = Array.from({ length: 65_536 }, (_, bits) => bits).filter(
    (bits) => !Object.is(readFloat(readHead(half(bits), 0)), decode(half(bits))),
  );
  expect(wrong).toEqual([]);
});

test("every half in a wider form is not shortest, nor is any single in double", () => {
  const values = Array.from(halves);
  expect(values.filter((value) => isShortest(single(value)))).toEqual([]);
  expect(values.filter((value) => isShortest(double(value)))).toEqual([]);
});

test("a single is shortest unless it is a half", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (value) => {
      expect(isShortest(single(value))).toBe(!halves.has(value));
      expect(isShortest(double(value))).toBe(false);
    }),
  );
});

test("the neighbours of every half are no halves", () => {
  const wrong: number[] = [];
  for (const value of halves) {
    if (!Number.isFinite(value)) continue;
    const view = new DataView(single(value).buffer, 1);
    for (const step of [-1, 1]) {
      const bits = view.getUint32(0) + step;
      if (bits < 0 || bits > 0xffff_ffff) continue;
      const near = new DataView(new ArrayBuffer(4));
      near.setUint32(0, bits);
      if (isShortest(single(near.getFloat32(0))) === halves.has(near.getFloat32(0)))
        wrong.push(value);
    }
  }
  expect(wrong).toEqual([]);
});

test("a double is shortest unless it is a single", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (value) => {
      expect(isShortest(double(value))).toBe(Math.fround(value) !== value);
      expect(readFloat(readHead(double(value), 0))).toBe(value);
    }),
  );
});
