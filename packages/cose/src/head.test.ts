import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeHead, isShortest, readHead } from "./head.js";
import { EDGES, fromHex, normal, outcomeOf, toHex } from "./testing/cbor.js";

describe("heads", () => {
  test.each([
    [0, 0, "00"],
    [0, 23, "17"],
    [0, 24, "1818"],
    [1, 255, "38ff"],
    [2, 256, "590100"],
    [3, 65_535, "79ffff"],
    [4, 65_536, "9a00010000"],
    [5, 2 ** 32 - 1, "baffffffff"],
    [6, 2 ** 32, "db0000000100000000"],
    [0, 2 ** 53 - 1, "1b001fffffffffffff"],
    [0, 2n ** 53n, "1b0020000000000000"],
    [0, 2n ** 64n - 1n, "1bffffffffffffffff"],
  ])("major %d, argument %d", (major, argument, hex) => {
    expect(toHex(encodeHead(major, argument))).toBe(hex);
    expect(readHead(fromHex(hex), 0)).toMatchObject({ major, argument, end: hex.length / 2 });
  });

  test("what is written is read, and is shortest", () => {
    const argument = fc.oneof(
      fc.constantFrom(...EDGES.filter((edge) => edge >= 0n)),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), argument, (major, n) => {
        const bytes = encodeHead(major, n);
        const head = readHead(bytes, 0);
        expect(head).toMatchObject({ major, argument: normal(n), end: bytes.length });
        expect(isShortest(head)).toBe(true);
      }),
    );
  });

  test.each([
    ["17 in two bytes", "1817", false],
    ["24 in two bytes", "1818", true],
    ["255 in three bytes", "1900ff", false],
    ["256 in three bytes", "190100", true],
    ["65535 in five bytes", "1a0000ffff", false],
    ["65536 in five bytes", "1a00010000", true],
    ["2^32-1 in nine bytes", "1b00000000ffffffff", false],
    ["2^32 in nine bytes", "1b0000000100000000", true],
  ])("shortest or not: %s", (_name, hex, expected) => {
    expect(isShortest(readHead(fromHex(hex), 0))).toBe(expected);
  });

  test("reads at an offset and stops at the end", () => {
    expect(readHead(fromHex("ff1818"), 1)).toMatchObject({ argument: 24, end: 3 });
    expect(outcomeOf(() => readHead(fromHex("ff18"), 1))).toBe("COSE_CBOR_MALFORMED");
    expect(outcomeOf(() => readHead(fromHex("ff"), 1))).toBe("COSE_CBOR_MALFORMED");
  });
});
