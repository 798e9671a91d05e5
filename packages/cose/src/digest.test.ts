import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { digest, HASH_ALGORITHMS, hashById, hashByName } from "./digest.js";
import { encodeHex } from "./hex.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { refusal } from "./testing/refusal.js";

describe("digest", () => {
  // FIPS 180-4 examples for "abc".
  test.each([
    ["sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "sha-384",
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed" +
        "8086072ba1e7cc2358baeca134c825a7",
    ],
    [
      "sha-512",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
  ] as const)("%s of abc", (name, hex) => {
    expect(encodeHex(digest(name, new TextEncoder().encode("abc")))).toBe(hex);
  });

  test.each(HASH_ALGORITHMS)("$name: native, portable and node:crypto agree", ({ name, bytes }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
        const want = createHash(name.replace("-", "")).update(input).digest();
        expect(want.length).toBe(bytes);
        expect(Buffer.from(native.digestBytes(name, input)).equals(want)).toBe(true);
        expect(Buffer.from(portable.digestBytes(name, input)).equals(want)).toBe(true);
      }),
    );
  });

  test("a view into a larger buffer is hashed alone", () => {
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    const own = digest("sha-256", Uint8Array.of(1, 2, 3));
    expect(digest("sha-256", whole.subarray(1, 4))).toEqual(own);
  });
});

describe("hash table", () => {
  test.each([
    [-16, "sha-256"],
    [-43, "sha-384"],
    [-44, "sha-512"],
  ])("%d is %s", (id, name) => {
    expect(hashById(id)).toBe(hashByName(name));
    expect(hashById(id).name).toBe(name);
  });

  test.each([
    ["a signature algorithm", -7],
    ["SHA-1", -14],
    ["text", "sha-256"],
    ["nothing", undefined],
    ["an integer beyond the safe range", 2n ** 60n],
  ])("refuses %s", (_name, id) => {
    expect(refusal(() => hashById(id))).toBe("COSE_ALG_UNSUPPORTED");
  });

  test.each(["SHA-256", "sha256", "md5", ""])("refuses the name %j", (name) => {
    expect(refusal(() => hashByName(name))).toBe("COSE_ALG_UNSUPPORTED");
  });
});
