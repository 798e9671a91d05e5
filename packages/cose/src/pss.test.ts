import { constants, privateEncrypt, sign as nodeSign } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { ALGORITHMS, type Algorithm } from "./algorithm.js";
import { toInteger } from "./material.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { toBytes } from "./testing/integer.js";
import { makeTestKey } from "./testing/keys.js";

const MESSAGE = new TextEncoder().encode("salt");
const ROWS = ALGORITHMS.filter(({ kty }) => kty === "RSA");
const { material, privateKey } = makeTestKey("PS256");
const key = material.public;

async function verdict(algorithm: Algorithm, signature: Uint8Array): Promise<boolean> {
  const signed = { message: MESSAGE, signature };
  const byNative = await native.verifyRaw(algorithm, key, signed);
  expect(await portable.verifyRaw(algorithm, key, signed)).toBe(byNative);
  return byNative;
}

describe.each(ROWS)("$name", (algorithm) => {
  const hash = algorithm.hash?.replace("-", "") ?? "";
  const digestBytes = Number(hash.slice(3)) / 8;
  const pss = (saltLength: number): Uint8Array => {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return new Uint8Array(nodeSign(hash, MESSAGE, { key: privateKey, padding, saltLength }));
  };

  test("the salt is as long as the digest, no other", async () => {
    expect(await verdict(algorithm, pss(digestBytes))).toBe(true);
    for (const saltLength of [0, 1, 20, digestBytes - 1, digestBytes + 1, 100]) {
      expect(await verdict(algorithm, pss(saltLength))).toBe(false);
    }
  });

  test("PKCS #1 v1.5 and raw RSA are refused", async () => {
    expect(await verdict(algorithm, new Uint8Array(nodeSign(hash, MESSAGE, privateKey)))).toBe(
      false,
    );
    const padded = Buffer.alloc(256, 1);
    padded[0] = 0;
    const raw = privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, padded);
    expect(await verdict(algorithm, new Uint8Array(raw))).toBe(false);
  });

  test("signatures of the other PSS algorithms are refused", async () => {
    for (const other of ROWS) {
      const signature = await portable.signRaw(other, material, MESSAGE);
      expect(await verdict(algorithm, signature)).toBe(other === algorithm);
    }
  });

  test("numbers that are not below the modulus, or trivial, are refused", async () => {
    if (key.kty !== "RSA") throw new Error("not an RSA key");
    const n = toInteger(key.n);
    const s = toInteger(await native.signRaw(algorithm, material, MESSAGE));
    for (const value of [0n, 1n, n - 1n, n, n + 1n, 2n ** 2048n - 1n, n - s, s + n]) {
      if (value >= 2n ** 2048n) continue;
      expect(await verdict(algorithm, toBytes(value, 256))).toBe(false);
    }
  });
});
