import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { MerkleError } from "./error.js";
import { emptyRoot, HASH_BYTES, leafHash, nodeHash, sha256 } from "./hash.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import * as reference from "./testing/reference.js";
import { outcomeOf } from "./testing/refusal.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("tree hashes", () => {
  test("the empty root is SHA-256 of nothing", () => {
    expect(hex(emptyRoot())).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });

  test("leaf and node have their prefixes", () => {
    const left = leafHash(new Uint8Array(0));
    const right = leafHash(Uint8Array.of(0));
    expect(hex(left)).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect(hex(nodeHash(left, right))).toBe(
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    );
  });

  test("an entry that spells out a node does not hash like the node", () => {
    const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
    expect(hex(leafHash(Uint8Array.of(...a, ...b)))).not.toBe(hex(nodeHash(a, b)));
  });

  test("a hash outlives the next ones", () => {
    const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
    const first = nodeHash(a, b);
    const kept = hex(first);
    nodeHash(b, a);
    expect(hex(first)).toBe(kept);
  });

  test.each([
    { name: "none", length: 0 },
    { name: "one byte short", length: 31 },
    { name: "one byte long", length: 33 },
  ])("node input of wrong length is refused: $name", ({ length }) => {
    const good = new Uint8Array(HASH_BYTES);
    const bad = new Uint8Array(length);
    expect(outcomeOf(() => nodeHash(bad, good))).toBe("MERKLE_HASH_LENGTH");
    expect(outcomeOf(() => nodeHash(good, bad))).toBe("MERKLE_HASH_LENGTH");
    expect(() => nodeHash(good, bad)).toThrow(`wrong hash length ${length}, want 32`);
  });

  test("errors carry name, code and cause", () => {
    const cause = new Error("below");
    const error = new MerkleError("MERKLE_HASH_LENGTH", "message", { cause });
    expect(error).toMatchObject({ name: "MerkleError", code: "MERKLE_HASH_LENGTH", cause });
  });
});

describe("native and portable SHA-256", () => {
  test("FIPS 180-4 example", () => {
    const abc = new TextEncoder().encode("abc");
    const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(hex(native.sha256(abc))).toBe(want);
    expect(hex(portable.sha256(abc))).toBe(want);
  });

  test("Node takes the native one", () => {
    expect(sha256).toBe(native.sha256);
  });

  test("agree at every length over the block boundaries", () => {
    for (let length = 0; length <= 260; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) % 256);
      const want = hex(reference.sha256(bytes));
      expect([hex(native.sha256(bytes)), hex(portable.sha256(bytes))]).toEqual([want, want]);
    }
  });

  test("agree on any bytes, seen through any window", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.nat(64), (bytes, offset) => {
        const view = bytes.subarray(Math.min(offset, bytes.length));
        const before = hex(view);
        const digests = [native.sha256(view), portable.sha256(view)];
        const want = hex(reference.sha256(view));
        expect(digests.map(hex)).toEqual([want, want]);
        expect(hex(view)).toBe(before);
      }),
    );
  });

  test.each([
    { name: "native", digest: native.sha256 },
    { name: "portable", digest: portable.sha256 },
  ])("$name yields a plain array of its own", ({ digest }) => {
    const first = digest(Uint8Array.of(1));
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype);
    expect(first.buffer.byteLength).toBe(HASH_BYTES);
    expect(digest(Uint8Array.of(1)).buffer).not.toBe(first.buffer);
  });
});
