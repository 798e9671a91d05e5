import { describe, expect, test } from "@jest/globals";
import { encode as oracle, rfc8949EncodeOptions } from "cborg";
import fc from "fast-check";
import { checkCbor } from "./check.js";
import { decodeCbor } from "./decode.js";
import { encodeCbor } from "./encode.js";
import { spliceText } from "./splice.js";
import { APPENDIX_A } from "./testing/appendix.js";
import { cborValue, EDGES, fromHex, normal, toHex } from "./testing/cbor.js";
import type { CborMap, CborValue } from "./value.js";

describe("deterministic encoding (RFC 8949 §4.2.1)", () => {
  test("Appendix A, from value to bytes", () => {
    const rows = APPENDIX_A.filter(({ outcome, hex }) => outcome === "ok" && !/^f[9ab]/.test(hex));
    expect(rows.length).toBe(38);
    for (const { hex } of rows) expect(toHex(encodeCbor(decodeCbor(fromHex(hex))))).toBe(hex);
  });

  test("the example of §4.2.1", () => {
    // Its other keys, an array and false, are no labels.
    const map = new Map<number | string, number>([
      ["aa", 1],
      [-1, 2],
      ["z", 3],
      [100, 4],
      [10, 5],
    ]);
    expect(toHex(encodeCbor(map))).toBe("a50a05186404200261" + "7a0362616101");
  });

  const rows: readonly (readonly [
    name: string,
    keys: (number | bigint | string)[],
    hex: string,
  ])[] = [
    ["23 before 24", [24, 23], "a217f6 1818f6"],
    ["24 before -1", [-1, 24], "a2 1818f6 20f6"],
    ["2^64-1 before -1", [-1, 2n ** 64n - 1n], "a2 1bfffffffffffffffff6 20f6"],
    ["-1 before -25", [-25, -1], "a2 20f6 3818f6"],
    ["-2^64 before text", ["", -(2n ** 64n)], "a2 3bfffffffffffffffff6 60f6"],
    ["shorter text first", ["b", "aa", ""], "a3 60f6 6162f6 626161f6"],
    ["UTF-8, not UTF-16, orders text", ["\u{10000}", "\uffff0"], "a2 64f0908080f6 64efbfbf30f6"],
    ["2^32 before 2^53", [2n ** 53n, 2 ** 32], "a2 1b0000000100000000f6 1b0020000000000000f6"],
    ["-2^32 before -2^32-1", [-(2 ** 32) - 1, -(2 ** 32)], "a2 3afffffffff6 3b0000000100000000f6"],
  ];
  test.each(rows)("key order: %s", (_name, keys, hex) => {
    const bytes = encodeCbor(new Map(keys.map((key) => [key, null])));
    expect(toHex(bytes)).toBe(
      toHex(oracle(new Map(keys.map((key) => [key, null])), rfc8949EncodeOptions)),
    );
    if (!hex.includes("f0908080")) expect(toHex(bytes)).toBe(hex.replaceAll(" ", ""));
  });

  test("every edge of every width is as in cborg", () => {
    for (const edge of EDGES) {
      const bytes = toHex(encodeCbor(edge));
      expect(bytes).toBe(toHex(oracle(edge, rfc8949EncodeOptions)));
      expect(toHex(encodeCbor(normal(edge)))).toBe(bytes);
    }
  });

  test("a map of all edges is as in cborg", () => {
    const map = new Map(Array.from(new Set(EDGES), (edge) => [normal(edge), edge]));
    expect(toHex(encodeCbor(map))).toBe(toHex(oracle(map, rfc8949EncodeOptions)));
  });

  test("any value is as in cborg, and passes the check", () => {
    fc.assert(
      fc.property(cborValue, (value) => {
        const bytes = encodeCbor(value);
        expect(toHex(bytes)).toBe(toHex(oracle(value, rfc8949EncodeOptions)));
        checkCbor(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test("the order of entries and the type of integers leave no trace", () => {
    const entries = fc.uniqueArray(fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }));
    fc.assert(
      fc.property(entries, (keys) => {
        const forward = new Map(keys.map((key) => [key, key]));
        const backward = new Map(keys.toReversed().map((key) => [normal(key), normal(key)]));
        expect(toHex(encodeCbor(forward))).toBe(toHex(encodeCbor(backward)));
      }),
    );
  });

  test.each([23, 24, 255, 256, 65_535, 65_536])("%d elements, entries, bytes", (length) => {
    const array = new Array<CborValue>(length).fill(0);
    const map = new Map(array.map((_, index) => [index, -(2n ** 64n)]));
    for (const value of [array, map, new Uint8Array(length), "x".repeat(length)]) {
      const bytes = encodeCbor(value);
      expect(toHex(bytes.subarray(0, 64))).toBe(
        toHex(oracle(value, rfc8949EncodeOptions).subarray(0, 64)),
      );
      expect(bytes.length).toBe(oracle(value, rfc8949EncodeOptions).length);
    }
  });

  test("bytes that look like a float stay as they are", () => {
    const value = [Uint8Array.of(0xfb, 0xc3, 0xf0, 0, 0, 0, 0, 0, 0), -(2n ** 64n)];
    expect(toHex(encodeCbor(value))).toBe("8249fbc3f00000000000003bffffffffffffffff");
  });
});

test("a text that is spliced is that text encoded", () => {
  const texts = fc.string({ unit: "grapheme", maxLength: 300 });
  fc.assert(
    fc.property(
      texts.filter((text) => !text.startsWith("\ufeff")),
      (text) => {
        expect(spliceText(text)).toStrictEqual(encodeCbor(text));
      },
    ),
  );
  expect(spliceText("é".repeat(40_000))).toStrictEqual(encodeCbor("é".repeat(40_000)));
});

describe("ownership", () => {
  test("a result is a plain copy of its own", () => {
    const first = encodeCbor("one");
    const copy = toHex(first);
    encodeCbor("two");
    expect(toHex(first)).toBe(copy);
    expect(first.buffer.byteLength).toBe(first.length);
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype);
  });

  test("the value is not changed", () => {
    const map = new Map([
      [2, [1n]],
      [1, [2n]],
    ]);
    encodeCbor(map);
    expect(Array.from(map)).toEqual([
      [2, [1n]],
      [1, [2n]],
    ]);
  });

  test("a Buffer is a byte string", () => {
    expect(toHex(encodeCbor(Buffer.from("0102", "hex")))).toBe("420102");
  });

  test("17 MiB of bytes", () => {
    const bytes = encodeCbor(new Uint8Array(17 * 1024 * 1024).fill(7));
    expect(toHex(bytes.subarray(0, 7))).toBe("5a011000000707");
    expect(bytes.length).toBe(5 + 17 * 1024 * 1024);
  });
});

describe("what has no encoding is the caller's mistake", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  test.each<[string, unknown]>([
    ["fraction", 1.5],
    ["NaN", NaN],
    ["infinity", Infinity],
    ["number beyond the safe integers", 2 ** 53],
    ["number that stands for -2^64 inside", -(2 ** 64)],
    ["2^64", 2n ** 64n],
    ["-2^64-1", -(2n ** 64n) - 1n],
    [
      "1 and 1n in one map",
      new Map<unknown, unknown>([
        [1, 0],
        [1n, 0],
      ]),
    ],
    [
      "2^40 in both types in one map",
      new Map<unknown, unknown>([
        [2 ** 40, 0],
        [2n ** 40n, 0],
      ]),
    ],
    ["fraction as key", new Map([[0.5, 0]])],
    ["bytes as key", new Map([[new Uint8Array(1), 0]])],
    ["null as key", new Map([[null, 0]])],
    ["lone surrogate", "a\ud800"],
    ["lone surrogate in a key", new Map([["\udc00", 0]])],
    ["leading byte order mark", "\ufeffa"],
    ["plain object", { a: 1 }],
    ["Date", new Date(0)],
    ["Set", new Set([1])],
    ["RegExp", /a/],
    ["other typed array", new Uint16Array(1)],
    ["function", () => 0],
    ["symbol", Symbol("a")],
    ["cycle", cyclic],
  ])("%s", (_name, value) => {
    expect(() => encodeCbor(value as CborValue)).toThrow(TypeError);
    expect(() => encodeCbor([value] as CborValue)).toThrow(TypeError);
    expect(() => encodeCbor(new Map([[1, value]]) as CborMap)).toThrow(TypeError);
    expect(toHex(encodeCbor([1]))).toBe("8101");
  });
});
