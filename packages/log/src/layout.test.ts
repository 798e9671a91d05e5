import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { LogError } from "./error.js";
import {
  bodyKey,
  bundleKey,
  checkpointKey,
  concat,
  controlKey,
  decodeNumber,
  digestKey,
  encodeNumber,
  formatKey,
  FROZEN_KEY,
  HEAD_KEY,
  isEqual,
  KIND,
  kindRange,
  META_KEY,
  numberOfKey,
  openRow,
  rangeFrom,
  SCRUB_KEY,
  sealRow,
  tileKey,
} from "./layout.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const digest = new Uint8Array(32).fill(0xab);
const anyNumber = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const keys: [string, Uint8Array, string, string][] = [
  ["meta", META_KEY, "6d", "meta"],
  ["head", HEAD_KEY, "68", "head"],
  ["bundle", bundleKey(258), "620000000000000102", "bundle 258"],
  ["tile", tileKey({ level: 2, index: 3 }), "74020000000000000003", "tile 2/3"],
  ["digest", digestKey(digest), `64${"ab".repeat(32)}`, "digest abababab"],
  ["body", bodyKey(258), `73${"00".repeat(6)}0102`, "body 258"],
  ["checkpoint", checkpointKey(2 ** 40), "630000010000000000", "checkpoint 1099511627776"],
  ["control", controlKey(2 ** 53 - 1), "70001fffffffffffff", "control 9007199254740991"],
  ["frozen", FROZEN_KEY, "66", "frozen"],
  ["scrub", SCRUB_KEY, "76", "scrub"],
];

describe("keys", () => {
  test.each(keys)("%s", (...[, key, bytes, name]) => {
    expect(hex(key)).toBe(bytes);
    expect(formatKey(key)).toBe(name);
  });

  test("every kind has a row above", () => {
    expect(new Set(keys.map(([kind]) => kind))).toEqual(new Set(Object.keys(KIND)));
  });

  test("a row of no known kind is named so", () => {
    expect(formatKey(Uint8Array.of(0x7a, 1, 2, 3, 4))).toBe("unknown row 7a010203");
    expect(formatKey(new Uint8Array())).toBe("unknown row ");
    expect(formatKey(Uint8Array.of(0x68, 0))).toBe("unknown row 6800");
    expect(formatKey(Uint8Array.of(0x62, 0))).toBe("unknown row 6200");
  });

  test("a number beyond 2^53 in a key is named, though it cannot be decoded", () => {
    const key = new Uint8Array(9).fill(0xff);
    key[0] = 0x62;
    expect(formatKey(key)).toBe("bundle 18446744073709551615");
    expect(() => numberOfKey(key)).toThrow("number beyond 2^53");
  });

  test.each([
    ["bundle", bundleKey],
    ["checkpoint", checkpointKey],
    ["control", controlKey],
    ["tile", (index: number) => tileKey({ level: 5, index })],
  ])("%s numbers come back, beyond 2^32 too", (_name, keyOf) => {
    fc.assert(
      fc.property(anyNumber, (index) => {
        expect(numberOfKey(keyOf(index))).toBe(index);
      }),
    );
    for (const index of [0, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1]) {
      expect(numberOfKey(keyOf(index))).toBe(index);
    }
  });

  test("keys of one kind are in the order of their numbers", () => {
    fc.assert(
      fc.property(anyNumber, anyNumber, (a, b) => {
        expect(Math.sign(Buffer.compare(bundleKey(a), bundleKey(b)))).toBe(Math.sign(a - b));
      }),
    );
  });

  test("the range of a kind holds its keys and no others", () => {
    for (const kind of Object.values(KIND)) {
      const { from, before } = kindRange(kind);
      for (const [name, key] of keys) {
        const isWithin = Buffer.compare(from, key) <= 0 && Buffer.compare(key, before) < 0;
        expect([name, isWithin]).toEqual([name, KIND[name as keyof typeof KIND] === kind]);
      }
    }
  });

  test("a range may start within a kind", () => {
    const { from, before } = rangeFrom(KIND.bundle, bundleKey(7));
    expect(hex(from)).toBe(hex(bundleKey(7)));
    expect(hex(before)).toBe("63");
  });
});

describe("numbers", () => {
  test("round trip over the whole safe range, against bigint", () => {
    fc.assert(
      fc.property(anyNumber, (value) => {
        const bytes = encodeNumber(value);
        expect(BigInt(`0x${hex(bytes)}`)).toBe(BigInt(value));
        expect(decodeNumber(bytes, 0)).toBe(value);
      }),
    );
  });

  test.each([
    ["negative", -1],
    ["not whole", 1.5],
    ["beyond 2^53 - 1", 2 ** 53],
    ["not a number", Number.NaN],
  ])("%s is not encoded", (_name, value) => {
    expect(() => encodeNumber(value)).toThrow(TypeError);
  });

  test.each([
    ["seven bytes", new Uint8Array(7), 0],
    ["an offset too far", new Uint8Array(8), 1],
    ["an offset before the start", new Uint8Array(8), -1],
    ["2^53", Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0), 0],
    ["2^64 - 1", new Uint8Array(8).fill(0xff), 0],
  ])("%s is not decoded", (_name, bytes, offset) => {
    expect(() => decodeNumber(bytes, offset)).toThrow(
      expect.objectContaining({ code: "LOG_CORRUPT" }),
    );
  });

  test("are read at an offset of a view into a larger buffer", () => {
    const buffer = new Uint8Array(32);
    buffer.set(encodeNumber(2 ** 33 + 5), 20);
    expect(decodeNumber(buffer.subarray(10), 10)).toBe(2 ** 33 + 5);
  });
});

describe("sealed rows", () => {
  test("any payload comes back under its key", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (key, payload) => {
        const row = sealRow(key, payload);
        expect(row.value).toHaveLength(payload.length + 4);
        expect(hex(openRow(row))).toBe(hex(payload));
      }),
    );
  });

  test("any one flipped bit of the value is seen", () => {
    const row = sealRow(bundleKey(1), Uint8Array.of(1, 2, 3));
    for (let bit = 0; bit < 8 * row.value.length; bit++) {
      const value = row.value.slice();
      const place = Math.floor(bit / 8);
      value[place] = (value[place] ?? 0) ^ (1 << (bit % 8));
      expect(() => openRow({ key: row.key, value })).toThrow(
        new LogError("LOG_CORRUPT", "bundle 1 does not match its checksum"),
      );
    }
  });

  test("a value that changed places with another is seen", () => {
    const one = sealRow(bundleKey(1), Uint8Array.of(1, 2, 3));
    const two = sealRow(bundleKey(2), Uint8Array.of(4, 5, 6));
    expect(() => openRow({ key: one.key, value: two.value })).toThrow(
      "does not match its checksum",
    );
    expect(() => openRow({ key: two.key, value: one.value })).toThrow(
      "does not match its checksum",
    );
  });

  test.each([0, 1, 3])("a value of %d bytes is cut short", (length) => {
    expect(() => openRow({ key: HEAD_KEY, value: new Uint8Array(length) })).toThrow(
      new LogError("LOG_CORRUPT", "head is cut short"),
    );
  });

  test("a value that lost bytes at its end is seen", () => {
    const row = sealRow(HEAD_KEY, new Uint8Array(20).fill(7));
    for (let length = 0; length < row.value.length; length++) {
      const value = row.value.slice(0, length);
      expect(() => openRow({ key: row.key, value })).toThrow(LogError);
    }
  });

  test("a value is opened where it stands in a larger buffer", () => {
    const row = sealRow(HEAD_KEY, Uint8Array.of(9, 8, 7));
    const buffer = new Uint8Array(40);
    buffer.set(row.value, 13);
    const value = buffer.subarray(13, 13 + row.value.length);
    expect(hex(openRow({ key: HEAD_KEY, value }))).toBe("090807");
  });
});

describe("bytes", () => {
  test.each([
    ["nothing", [], ""],
    ["one part", [Uint8Array.of(1)], "01"],
    ["an empty part between", [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)], "010203"],
  ])("concat of %s", (_name, parts, bytes) => {
    expect(hex(concat(...parts))).toBe(bytes);
  });

  test.each([
    ["the same", Uint8Array.of(1, 2), Uint8Array.of(1, 2), true],
    ["both empty", new Uint8Array(), new Uint8Array(), true],
    ["a prefix", Uint8Array.of(1), Uint8Array.of(1, 2), false],
    ["longer", Uint8Array.of(1, 2), Uint8Array.of(1), false],
    ["different", Uint8Array.of(1, 2), Uint8Array.of(1, 3), false],
  ])("isEqual: %s", (...[, a, b, verdict]) => {
    expect(isEqual(a, b)).toBe(verdict);
  });
});
