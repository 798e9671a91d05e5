import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeBundle, encodeBundle } from "./bundle.js";
import { sha256 } from "./hash.js";
import { outcomeOf } from "./testing/refusal.js";

const entries = (count: number): readonly Uint8Array[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i % 256, Math.floor(i / 256))));

describe("entry bundles", () => {
  test("each entry stands behind its length, 0x0020", () => {
    const [first, second] = entries(2);
    const bundle = Buffer.from(encodeBundle(entries(2))).toString("hex");
    const want = [first, second].map((entry) => `0020${Buffer.from(entry ?? []).toString("hex")}`);
    expect(bundle).toBe(want.join(""));
  });

  test.each([
    { count: 1, bytes: 34 },
    { count: 255, bytes: 8670 },
    { count: 256, bytes: 8704 },
  ])("$count entries take $bytes bytes and come back", ({ count, bytes }) => {
    const bundle = encodeBundle(entries(count));
    expect(bundle).toHaveLength(bytes);
    expect(decodeBundle(bundle)).toEqual(entries(count));
  });

  test.each([0, 257])("%i entries are refused", (count) => {
    expect(outcomeOf(() => encodeBundle(entries(count)))).toBe("MERKLE_TILE_INVALID");
  });

  test.each([0, 31, 33, 288])("an entry of %i bytes is refused", (length) => {
    const given = [...entries(1), new Uint8Array(length)];
    expect(outcomeOf(() => encodeBundle(given))).toBe("MERKLE_HASH_LENGTH");
  });
});

describe("refused bundles", () => {
  const bundle = encodeBundle(entries(256));
  const bent = (at: number, byte: number): Uint8Array => new Uint8Array(bundle).with(at, byte);

  test.each([
    { name: "empty", bytes: new Uint8Array(0), code: "MERKLE_TILE_INVALID" },
    { name: "truncated", bytes: bundle.subarray(0, 8703), code: "MERKLE_TILE_INVALID" },
    { name: "trailing byte", bytes: Uint8Array.of(...bundle, 0), code: "MERKLE_TILE_INVALID" },
    {
      name: "257 entries",
      bytes: Uint8Array.of(...bundle, ...bundle.subarray(0, 34)),
      code: "MERKLE_TILE_INVALID",
    },
    { name: "length 31", bytes: bent(1, 31), code: "MERKLE_HASH_LENGTH" },
    { name: "length 33 at the end", bytes: bent(8704 - 33, 33), code: "MERKLE_HASH_LENGTH" },
    { name: "length 288", bytes: bent(0, 1), code: "MERKLE_HASH_LENGTH" },
    { name: "little-endian length", bytes: bent(0, 32).with(1, 0), code: "MERKLE_HASH_LENGTH" },
  ])("$name", ({ bytes, code }) => {
    expect(outcomeOf(() => decodeBundle(bytes))).toBe(code);
  });
});

describe("properties", () => {
  test("entries are copied off the bytes", () => {
    const bytes = Buffer.from(encodeBundle(entries(3)));
    const decoded = decodeBundle(bytes);
    bytes.fill(0);
    expect(decoded).toEqual(entries(3));
    expect(Object.getPrototypeOf(decoded[0])).toBe(Uint8Array.prototype);
  });

  test("any bytes are refused or are the one bundle of their entries", () => {
    const record = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const likely = fc
      .tuple(fc.array(record, { minLength: 1, maxLength: 6 }), fc.nat(40), fc.boolean())
      .map(([list, at, isBent]) =>
        isBent ? encodeBundle(list).with(at % 34, 7) : encodeBundle(list),
      );
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 140 }), likely), (bytes) => {
        if (outcomeOf(() => decodeBundle(bytes)) !== "ok") return;
        taken++;
        expect(encodeBundle(decodeBundle(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
    expect(taken).toBeGreaterThan(0);
  });
});
