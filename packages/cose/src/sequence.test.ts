import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { decodeHex, encodeHex } from "./hex.js";
import { SequenceSplitter } from "./sequence.js";
import type { CborValue } from "./value.js";

function split(pieces: readonly Uint8Array[], maxBytes = 10_000): readonly string[] {
  const splitter = new SequenceSplitter({ maxItemBytes: maxBytes });
  const items = pieces.flatMap((piece) => [...splitter.take(piece)]);
  splitter.finish();
  return items.map((item) => encodeHex(item));
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof CoseError) return error.code;
    throw error;
  }
  return "none";
}

describe("SequenceSplitter", () => {
  const value = fc.letrec<{ value: CborValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.integer(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie("value"), { maxLength: 30 }),
      fc
        .array(fc.tuple(fc.integer(), tie("value")), { maxLength: 5 })
        .map((pairs): CborValue => new Map(pairs)),
    ),
  })).value;

  test("yields the items of any sequence, however it is cut", () => {
    fc.assert(
      fc.property(
        fc.array(value, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (values, cuts) => {
          const items = values.map((item) => encodeCbor(item));
          const whole = Buffer.concat(items);
          const ends = cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b);
          const pieces = [0, ...ends].map((start, i) => whole.subarray(start, ends[i]));
          expect(split(pieces, 1_000_000)).toEqual(items.map((item) => encodeHex(item)));
        },
      ),
    );
  });

  test("takes tags, floats and lengths in any width", () => {
    const items = ["d2840000f6f7", "d9d9f7fb3ff8000000000000", "590001ff", "5b0000000000000001ff"];
    expect(split([decodeHex(items.join(""))])).toEqual(items);
  });

  test("yields an item as soon as its last byte is there", () => {
    const splitter = new SequenceSplitter({ maxItemBytes: 100 });
    expect([...splitter.take(decodeHex("824100"))]).toEqual([]);
    expect([...splitter.take(decodeHex("41"))]).toEqual([]);
    expect([...splitter.take(decodeHex("0183"))].map((item) => encodeHex(item))).toEqual([
      "8241004101",
    ]);
  });

  test.each([
    ["an array of indefinite length", "9f00ff", "COSE_CBOR_INDEFINITE"],
    ["bytes of indefinite length", "5f4100ff", "COSE_CBOR_INDEFINITE"],
    ["a break", "ff", "COSE_CBOR_INDEFINITE"],
    ["a reserved head", "1c", "COSE_CBOR_MALFORMED"],
    ["a reserved head within", "82001e", "COSE_CBOR_MALFORMED"],
    ["half an item", "8200", "COSE_CBOR_MALFORMED"],
    ["half a head", "59", "COSE_CBOR_MALFORMED"],
    ["bytes that are too many", "5865", "COSE_CBOR_LIMIT"],
    ["items that are too many", "9a00010000", "COSE_CBOR_LIMIT"],
    ["a number of them beyond all bounds", "9bffffffffffffffff", "COSE_CBOR_LIMIT"],
    ["bytes beyond all bounds", "5bffffffffffffffff", "COSE_CBOR_LIMIT"],
    ["pairs that are too many", "b832", "COSE_CBOR_LIMIT"],
  ])("refuses %s", (_name, hex, code) => {
    expect(codeOf(() => split([decodeHex(hex)], 100))).toBe(code);
    const bytes = [...decodeHex(hex)].map((byte) => Uint8Array.of(byte));
    expect(codeOf(() => split(bytes, 100))).toBe(code);
  });

  test("takes an item of the very limit, and none over it", () => {
    const item = encodeCbor(new Uint8Array(98));
    expect(split([item], 100)).toHaveLength(1);
    expect(codeOf(() => split([item], 99))).toBe("COSE_CBOR_LIMIT");
  });

  test("takes 16 MiB unless told otherwise", () => {
    const begun = (hex: string): unknown => [...new SequenceSplitter().take(decodeHex(hex))];
    expect(begun("5a00fffffb")).toEqual([]);
    expect(codeOf(() => begun("5a00fffffc"))).toBe("COSE_CBOR_LIMIT");
  });
});
