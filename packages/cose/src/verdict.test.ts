import { constants, sign as nodeSign, verify as nodeVerify } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ALGORITHMS as ALL, type Algorithm } from "./algorithm.js";
import type { PublicMaterial } from "./material.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { makeTestKey, type TestKey } from "./testing/keys.js";

// Native and portable implementation give the same verdict, on everything. The edge cases of each
// signature scheme are in ecdsa.test.ts, ed25519.test.ts and pss.test.ts; ML-DSA, which not every Node
// has, is in ml-dsa.test.ts.

const ALGORITHMS = ALL.filter(({ kty }) => kty !== "AKP");

const MESSAGE = new TextEncoder().encode("the split stick");
const keys = new Map<number, TestKey>(ALGORITHMS.map((row) => [row.id, makeTestKey(row.name)]));

function keyOf(algorithm: Algorithm): TestKey {
  const key = keys.get(algorithm.id);
  if (key === undefined) throw new Error(`no key for ${algorithm.name}`);
  return key;
}

/** Yields the verdict of both implementations; they must agree. */
async function verdict(
  algorithm: Algorithm,
  key: PublicMaterial,
  signed: { message: Uint8Array; signature: Uint8Array },
): Promise<boolean> {
  const [byNative, byPortable] = await Promise.all([
    native.verifyRaw(algorithm, key, signed),
    portable.verifyRaw(algorithm, key, signed),
  ]);
  expect(byPortable).toBe(byNative);
  return byNative;
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(bytes);
  const at = Math.floor(bit / 8);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
  return flipped;
}

describe.each(ALGORITHMS)("$name", (algorithm) => {
  const { material, privateKey, publicKey } = keyOf(algorithm);
  const nodeHash = algorithm.hash?.replace("-", "") ?? null;
  const nodeOptions =
    algorithm.kty === "RSA"
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(nodeHash?.slice(3)) / 8 }
      : { dsaEncoding: "ieee-p1363" as const };

  test.each([
    ["empty", 0],
    ["one byte", 1],
    ["one hash block", 128],
    ["long", 70_000],
  ])("signatures by native, portable and node:crypto verify: %s", async (_name, length) => {
    const message = new Uint8Array(length).fill(7);
    for (const signature of [
      await native.signRaw(algorithm, material, message),
      await portable.signRaw(algorithm, material, message),
      new Uint8Array(nodeSign(nodeHash, message, { key: privateKey, ...nodeOptions })),
    ]) {
      expect(await verdict(algorithm, material.public, { message, signature })).toBe(true);
      const nodeInput = { key: publicKey, ...nodeOptions };
      expect(nodeVerify(nodeHash, message, nodeInput, signature)).toBe(true);
    }
  });

  test("a flipped bit in every byte of the signature is refused", async () => {
    const signature = await native.signRaw(algorithm, material, MESSAGE);
    for (let at = 0; at < signature.length; at++) {
      const signed = { message: MESSAGE, signature: flip(signature, 8 * at + (at % 8)) };
      expect(await verdict(algorithm, material.public, signed)).toBe(false);
    }
  });

  test("a flipped bit in every byte of the message is refused", async () => {
    const signature = await portable.signRaw(algorithm, material, MESSAGE);
    for (let at = 0; at < MESSAGE.length; at++) {
      const signed = { message: flip(MESSAGE, 8 * at + (at % 8)), signature };
      expect(await verdict(algorithm, material.public, signed)).toBe(false);
    }
  });

  test("lengths other than that of the algorithm are refused", async () => {
    const signature = await native.signRaw(algorithm, material, MESSAGE);
    for (const other of [
      new Uint8Array(0),
      signature.subarray(1),
      signature.subarray(0, -1),
      Uint8Array.of(0, ...signature),
      Uint8Array.of(...signature, 0),
      signature.subarray(0, signature.length / 2),
      Uint8Array.of(...signature, ...signature),
    ]) {
      const signed = { message: MESSAGE, signature: other };
      expect(await verdict(algorithm, material.public, signed)).toBe(false);
    }
  });

  test("a constant byte throughout is refused", async () => {
    const { length } = await native.signRaw(algorithm, material, MESSAGE);
    for (const byte of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
      const signed = { message: MESSAGE, signature: new Uint8Array(length).fill(byte) };
      expect(await verdict(algorithm, material.public, signed)).toBe(false);
    }
  });

  test("another key of the same kind refuses", async () => {
    const signature = await native.signRaw(algorithm, material, MESSAGE);
    const other = makeTestKey(algorithm.name).material.public;
    expect(await verdict(algorithm, other, { message: MESSAGE, signature })).toBe(false);
  });

  test("property: messages signed, then damaged or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.boolean(),
        async (message, bit, byNative) => {
          const signer = byNative ? native : portable;
          const good = await signer.signRaw(algorithm, material, message);
          const isDamaged = bit !== undefined;
          const signature = isDamaged ? flip(good, bit % (8 * good.length)) : good;
          const isValid = await verdict(algorithm, material.public, { message, signature });
          expect(isValid).toBe(!isDamaged);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("property: random bytes of the right length are refused", async () => {
    const { length } = await native.signRaw(algorithm, material, MESSAGE);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: length, maxLength: length }),
        async (signature) => {
          const signed = { message: MESSAGE, signature };
          expect(await verdict(algorithm, material.public, signed)).toBe(false);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("new keys of both implementations work in the other", async () => {
    if (algorithm.kty === "RSA" && algorithm.name !== "PS256") return;
    for (const [maker, user] of [
      [native, portable],
      [portable, native],
    ] as const) {
      const made = await maker.generateRaw(algorithm);
      const signature = await user.signRaw(algorithm, made, MESSAGE);
      expect(await verdict(algorithm, made.public, { message: MESSAGE, signature })).toBe(true);
    }
  });
});
