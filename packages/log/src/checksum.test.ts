import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { crc32c } from "./checksum.js";

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("crc32c", () => {
  test.each([
    ["the check value of the Castagnoli polynomial", ascii("123456789"), 0xe3069283],
    ["nothing", new Uint8Array(), 0],
    // RFC 3720 appendix B.4.
    ["32 bytes of zeroes", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ["32 incrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["32 decrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ])("%s", (_name, bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });

  test("parts count as one", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32c(a, b)).toBe(crc32c(Uint8Array.of(...a, ...b)));
      }),
    );
  });

  test("one flipped bit always changes it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), (bytes, at) => {
        const flipped = bytes.slice();
        const bit = at % (8 * bytes.length);
        const place = Math.floor(bit / 8);
        flipped[place] = (flipped[place] ?? 0) ^ (1 << (bit % 8));
        expect(crc32c(flipped)).not.toBe(crc32c(bytes));
      }),
    );
  });
});
