import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeHex, encodeHex } from "./hex.js";
import { refusal } from "./testing/refusal.js";

describe("hex", () => {
  test.each([
    ["nothing", [], ""],
    ["zero", [0], "00"],
    ["both nibbles", [0x0f, 0xf0, 0xa5], "0ff0a5"],
  ])("%s", (_name, bytes, text) => {
    expect(encodeHex(Uint8Array.from(bytes))).toBe(text);
    expect(decodeHex(text)).toEqual(Uint8Array.from(bytes));
  });

  test("takes upper case", () => {
    expect(decodeHex("AbCdEF")).toEqual(Uint8Array.of(0xab, 0xcd, 0xef));
  });

  test.each([
    ["odd length", "abc"],
    ["letter past f", "0g"],
    ["white space", "ab cd "],
    ["prefix", "0x12"],
    ["full-width digit", "１1"],
  ])("refuses %s", (_name, text) => {
    expect(refusal(() => decodeHex(text))).toBe("COSE_KEY_MALFORMED");
  });

  test.each([32, 64, 65, 200_000])("of %i bytes is what Buffer makes of them", (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    const text = encodeHex(bytes);
    expect(text).toBe(Buffer.from(bytes).toString("hex"));
    expect(decodeHex(text)).toEqual(bytes);
  });

  test("agrees with Buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = encodeHex(bytes);
        expect(text).toBe(Buffer.from(bytes).toString("hex"));
        expect(decodeHex(text)).toEqual(bytes);
      }),
    );
  });
});
