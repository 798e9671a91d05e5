import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { encodeCbor } from "@tallystick/cose";

import { SequenceReader } from "./sequence.js";

const bytes = fc.uint8Array({ maxLength: 700 });
const item = fc.oneof(bytes, fc.tuple(bytes, bytes));

describe("a sequence", () => {
  test("comes apart into its items, however it is cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(item), fc.array(fc.integer({ min: 1, max: 50 })), (items, cuts) => {
        const encoded = items.map((one) => encodeCbor(one));
        const whole = new Uint8Array(Buffer.concat(encoded));
        const reader = new SequenceReader();
        const found: Uint8Array[] = [];
        let at = 0;
        for (const length of [...cuts, whole.length]) {
          found.push(...reader.take(whole.slice(at, at + length)));
          at += length;
        }
        expect(found).toEqual(encoded);
        expect(reader.isEmpty).toBe(true);
      }),
    );
  });

  test("that ends within an item is not empty", () => {
    const reader = new SequenceReader();
    expect([...reader.take(Uint8Array.of(0x42, 1))]).toEqual([]);
    expect(reader.isEmpty).toBe(false);
  });

  test.each([
    ["an item that is no byte string", Uint8Array.of(0xa0)],
    ["an item of indefinite length", Uint8Array.of(0x5f)],
    ["an item that is too long", Uint8Array.of(0x5a, 0xff, 0xff, 0xff, 0xff)],
  ])("does not have %s", (_name, piece) => {
    expect(() => [...new SequenceReader().take(piece)]).toThrow(
      expect.objectContaining({ code: "CLIENT_PROTOCOL" }),
    );
  });
});
