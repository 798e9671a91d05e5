import { describe, expect, test } from "@jest/globals";
import { addExtension, decode, encode } from "cbor-x";
import { codec } from "./codec.js";
import { decodeCbor } from "./decode.js";
import { encodeCbor } from "./encode.js";
import { fromHex, outcomeOf, toHex } from "./testing/cbor.js";

// What cbor-x does with each input, so that a release that mends one shows here, and what we do.
describe("what cbor-x accepts and we refuse", () => {
  test.each([
    ["repeated key", "a2 01 26 01 27", "COSE_CBOR_DUPLICATE_KEY"],
    ["longer integer", "1b0000000000000001", "COSE_CBOR_NOT_SHORTEST"],
    ["indefinite array", "9f01ff", "COSE_CBOR_INDEFINITE"],
    ["indefinite map", "bf0102ff", "COSE_CBOR_INDEFINITE"],
    ["bad UTF-8", "6180", "COSE_CBOR_MALFORMED"],
    ["array as key", "a1 80 00", "COSE_CBOR_UNSUPPORTED"],
    ["float for an integer", "f93c00", "COSE_CBOR_UNSUPPORTED"],
    ["Date", "c100", "COSE_CBOR_UNSUPPORTED"],
    ["bignum", "c24101", "COSE_CBOR_UNSUPPORTED"],
    ["RegExp", "d81b 83 66 526567457870 6161 60", "COSE_CBOR_UNSUPPORTED"],
    ["Set", "d9010281 01", "COSE_CBOR_UNSUPPORTED"],
    ["unknown tag", "d9012c00", "COSE_CBOR_UNSUPPORTED"],
  ])("%s", (_name, hex, code) => {
    expect(() => codec.decode(fromHex(hex)) as unknown).not.toThrow();
    expect(outcomeOf(() => decodeCbor(fromHex(hex)))).toBe(code);
  });

  test("a text of over 64 bytes loses its byte order mark", () => {
    const text = fromHex(`7844efbbbf${"61".repeat(65)}`);
    expect(codec.decode(text)).toBe("a".repeat(65));
    expect(outcomeOf(() => decodeCbor(text))).toBe("COSE_CBOR_UNSUPPORTED");
  });
});

describe("what cbor-x writes and we do not", () => {
  test.each<[string, number | bigint, { theirs: string; ours: string }]>([
    ["2^32 as a float", 2 ** 32, { theirs: "fb41f0000000000000", ours: "1b0000000100000000" }],
    [
      "-2^32-1 as a float",
      -(2 ** 32) - 1,
      { theirs: "fbc1f0000000100000", ours: "3b0000000100000000" },
    ],
    ["5n in nine bytes", 5n, { theirs: "1b0000000000000005", ours: "05" }],
    [
      "-2^64 as a bignum",
      -(2n ** 64n),
      { theirs: "c348ffffffffffffffff", ours: "3bffffffffffffffff" },
    ],
  ])("%s", (_name, value, { theirs, ours }) => {
    expect(toHex(codec.encode(value))).toBe(theirs);
    expect(toHex(encodeCbor(value))).toBe(ours);
  });

  test("a lone surrogate as three bytes that are no UTF-8", () => {
    expect(toHex(codec.encode("\ud800"))).toBe("63eda080");
    expect(() => encodeCbor("\ud800")).toThrow(TypeError);
  });
});

test("extensions that others give cbor-x do not reach ours", () => {
  class Letter {
    readonly isLetter = true;
  }
  addExtension({
    Class: Uint8Array,
    tag: 40_000,
    encode: () => "ours",
    decode: () => "ours",
  } as never);
  addExtension({ Class: Letter, tag: 18, encode: () => 1, decode: () => new Letter() } as never);
  expect(toHex(encode(Uint8Array.of(1)))).toContain("9c40");
  expect(decode(fromHex("d280"))).toBeInstanceOf(Letter);
  expect(toHex(encodeCbor(Uint8Array.of(1)))).toBe("4101");
  expect(decodeCbor(fromHex("4101"))).toStrictEqual(Uint8Array.of(1));
  expect(codec.decode(fromHex("d280"))).not.toBeInstanceOf(Letter);
});
