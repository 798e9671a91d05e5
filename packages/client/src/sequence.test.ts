import { describe, expect, test } from "@jest/globals";
import { decodeHex, spliceByteStrings, spliceBytes } from "@tallystick/cose";
import fc from "fast-check";

import { decodeChainRecords, decodeEntries } from "./replay.js";
import { decodeSequence } from "./sequence.js";
import { refusalOf } from "./testing/refusal.js";

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.subarray(at, at + size));
  }
}

async function pairs(bytes: Uint8Array, size: number): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const { statement, collateral } of decodeEntries(inChunks(bytes, size), 70_000)) {
    found.push(statement, collateral);
  }
  return found;
}

describe("a CBOR sequence", () => {
  test("gives what was written, however it is cut into chunks", async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(23, 24, 255, 256, 65_535, 65_536).map((length) => new Uint8Array(length)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(bytes, bytes), { maxLength: 4 }),
        fc.integer({ min: 1, max: 70_000 }),
        async (items, size) => {
          const parts = items.map((item) => [...spliceByteStrings(item)]);
          expect(await pairs(Uint8Array.from(parts.flat()), size)).toEqual(items.flat());
        },
      ),
      { numRuns: 30 },
    );
  });

  test.each([
    ["a number", "01"],
    ["an array of one", "8140"],
    ["an array of three", "83404040"],
    ["an indefinite array", "9f4040ff"],
    ["an indefinite string", "825f40ff40"],
    ["a text", "826040"],
    ["a long head of 23", `825817${"00".repeat(23)}40`],
    ["a long head of 255", `825900ff${"00".repeat(255)}40`],
    ["a length in eight bytes", "825b0000000100000000"],
    ["a length past the limit", "825a00011171"],
    ["an end inside a head", "8259"],
    ["an end inside a string", "824301"],
    ["an end inside an array", "8240"],
  ])("with %s is refused", async (_name, hex) => {
    const error = await refusalOf(() => pairs(decodeHex(hex), 1));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });

  test("may be of byte strings alone", async () => {
    const found: Uint8Array[] = [];
    for await (const record of decodeChainRecords(inChunks(spliceBytes(Uint8Array.of(7)), 1), 10)) {
      found.push(record);
    }
    expect(found).toEqual([Uint8Array.of(7)]);
  });

  test("is refused as a whole where its end is missing", async () => {
    const error = await refusalOf(() =>
      Promise.resolve().then(() => decodeSequence(decodeHex("0182"))),
    );
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});
