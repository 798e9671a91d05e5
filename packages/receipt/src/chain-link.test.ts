import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { chainDigest, decodeChainLink, encodeChainLink } from "./chain-link.js";
import { refusal, toHex } from "./testing/refusal.js";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("chain record", () => {
  test("round trip, beyond 2^32 too", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        hash,
        fc.maxSafeNat(),
        (checkpoint, previousDigest, previousSize) => {
          const record = encodeChainLink({ checkpoint, previousDigest, previousSize });
          const link = decodeChainLink(record);
          expect(toHex(link.checkpoint)).toBe(toHex(checkpoint));
          expect(toHex(link.previousDigest)).toBe(toHex(previousDigest));
          expect(link.previousSize).toBe(previousSize);
        },
      ),
    );
  });

  test("is the checkpoint, then 32 bytes of digest and 8 of size", () => {
    const previousDigest = new Uint8Array(32).fill(0xaa);
    const record = encodeChainLink({
      checkpoint: Uint8Array.of(1, 2),
      previousDigest,
      previousSize: 258,
    });
    expect(toHex(record)).toBe(`0102${"aa".repeat(32)}0000000000000102`);
  });

  test.each([0, 39, 40])("%d bytes are too few", (length) => {
    expect(refusal(() => decodeChainLink(new Uint8Array(length)))).toBe("RECEIPT_MALFORMED");
  });

  test("a size beyond 2^53 is refused", () => {
    const record = new Uint8Array(41).fill(0xff);
    expect(refusal(() => decodeChainLink(record))).toBe("RECEIPT_MALFORMED");
  });

  test.each([
    ["a digest of 31 bytes", { previousDigest: new Uint8Array(31), previousSize: 1 }],
    ["a negative size", { previousDigest: new Uint8Array(32), previousSize: -1 }],
    ["a size that is no integer", { previousDigest: new Uint8Array(32), previousSize: 0.5 }],
  ])("%s is misuse", (_name, rest) => {
    expect(() => encodeChainLink({ checkpoint: Uint8Array.of(1), ...rest })).toThrow(TypeError);
  });

  test("its digest is SHA-256 of the record", () => {
    expect(toHex(chainDigest(new TextEncoder().encode("abc")))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});
