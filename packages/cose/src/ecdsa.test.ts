import { sign as nodeSign } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { ALGORITHMS, algorithmByName, type Algorithm } from "./algorithm.js";
import { CURVES, EC_CURVES, type EcCurve } from "./curve.js";
import { toInteger, type PublicMaterial } from "./material.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { invert, toBytes } from "./testing/integer.js";
import { makeTestKey } from "./testing/keys.js";
import { refusal } from "./testing/refusal.js";
import { decodePoint, derivePoint, WEIERSTRASS } from "./weierstrass.js";

const MESSAGE = new TextEncoder().encode("either half of the group");
const ROWS = ALGORITHMS.filter(({ kty }) => kty === "EC2").map((algorithm) => {
  const curve = algorithm.curve as EcCurve;
  return { name: algorithm.name, algorithm, curve, ...WEIERSTRASS[curve].Point.CURVE() };
});

async function verdict(
  algorithm: Algorithm,
  key: PublicMaterial,
  signature: Uint8Array,
): Promise<boolean> {
  const signed = { message: MESSAGE, signature };
  const byNative = await native.verifyRaw(algorithm, key, signed);
  expect(await portable.verifyRaw(algorithm, key, signed)).toBe(byNative);
  return byNative;
}

/** The message's digest as the number that ECDSA signs (FIPS 186-5 §6.4.1). */
function hashed(algorithm: Algorithm): bigint {
  return toInteger(native.digestBytes(algorithm.hash ?? "sha-256", MESSAGE));
}

describe.each(ROWS)("$name", ({ algorithm, curve, n, p, a, b }) => {
  const { bytes } = CURVES[curve];
  const { material, privateKey } = makeTestKey(algorithm.name);
  const key = material.public;
  const join = (r: bigint, s: bigint): Uint8Array =>
    Uint8Array.of(...toBytes(r, bytes), ...toBytes(s, bytes));
  const fitting = (r: bigint, s: bigint): Uint8Array[] =>
    [r, s].every((value) => value < 256n ** BigInt(bytes)) ? [join(r, s)] : [];

  test("high and low s are both accepted", async () => {
    const signature = await native.signRaw(algorithm, material, MESSAGE);
    const r = toInteger(signature.subarray(0, bytes));
    const s = toInteger(signature.subarray(bytes));
    expect(await verdict(algorithm, key, join(r, s))).toBe(true);
    expect(await verdict(algorithm, key, join(r, n - s))).toBe(true);
  });

  test("r and s outside 1 to n - 1 are refused", async () => {
    const signature = await native.signRaw(algorithm, material, MESSAGE);
    const r = toInteger(signature.subarray(0, bytes));
    const s = toInteger(signature.subarray(bytes));
    const ceiling = 256n ** BigInt(bytes) - 1n;
    const candidates: (readonly [bigint, bigint])[] = [];
    for (const bad of [0n, n, n + 1n, p, ceiling]) {
      candidates.push([bad, s], [r, bad], [bad, bad]);
    }
    candidates.push([r + n, s], [r, s + n], [r + n, s + n], [s, r], [1n, 1n], [n - 1n, n - 1n]);
    const signatures = candidates.flatMap(([left, right]) => fitting(left, right));
    expect(signatures.length).toBeGreaterThan(15);
    for (const each of signatures) expect(await verdict(algorithm, key, each)).toBe(false);
  });

  test("DER-encoded signatures are refused, also at the length of the plain form", async () => {
    const options = { key: privateKey, dsaEncoding: "der" as const };
    const hash = algorithm.hash?.replace("-", "");
    const der = new Uint8Array(nodeSign(hash, MESSAGE, options));
    expect(await verdict(algorithm, key, der)).toBe(false);
    const padded = new Uint8Array(2 * bytes);
    padded.set(der.subarray(0, 2 * bytes));
    expect(await verdict(algorithm, key, padded)).toBe(false);
  });

  test("r is the x coordinate modulo the order: an x above the order is accepted reduced", async () => {
    const { Point } = WEIERSTRASS[curve];
    // An R whose x lies between n and p, which no signer meets by chance, and the key under which
    // (x - n, s) is a signature: Q = (sR - eG) / r.
    let x = n;
    let root: bigint | undefined;
    while (root === undefined || x === n) {
      x++;
      const square = (((x * x + a) % p) * x + b) % p;
      try {
        root = Point.Fp.sqrt(square);
      } catch {
        root = undefined;
      }
    }
    expect(x < p).toBe(true);
    const [r, s] = [x - n, 5n];
    const bits = BigInt(8 * native.digestBytes(algorithm.hash ?? "sha-256", MESSAGE).length);
    const e = hashed(algorithm) >> (bits > 521n ? bits - 521n : 0n);
    const point = Point.fromAffine({ x, y: root })
      .multiply(s)
      .subtract(Point.BASE.multiply(e % n))
      .multiply(invert(r, n));
    const crafted = decodePoint(curve, point.toBytes(false));
    expect(await verdict(algorithm, crafted, join(r, s))).toBe(true);
    for (const each of fitting(x, s)) expect(await verdict(algorithm, crafted, each)).toBe(false);
  });

  test("a signature whose R is the point at infinity is refused", async () => {
    const { Point } = WEIERSTRASS[curve];
    // With d = -e / r, u1 G + u2 Q vanishes for every s.
    const r = 7n;
    const d = (((n - (hashed(algorithm) % n)) % n) * invert(r, n)) % n;
    const crafted = decodePoint(curve, Point.BASE.multiply(d).toBytes(false));
    for (const s of [1n, 7n, n - 1n]) {
      expect(await verdict(algorithm, crafted, join(r, s))).toBe(false);
    }
  });
});

describe("the public key of a scalar", () => {
  test.each(EC_CURVES)("%s: native and portable agree, from 1 to the order less one", (curve) => {
    const { n } = WEIERSTRASS[curve].Point.CURVE();
    for (const d of [1n, 2n, 3n ** 70n, n / 2n, n - 2n, n - 1n]) {
      const bytes = toBytes(d, CURVES[curve].bytes);
      expect(native.multiplyBase(curve, bytes)).toEqual(portable.multiplyBase(curve, bytes));
    }
  });

  test.each(EC_CURVES)("%s: 0 and the order are refused", (curve) => {
    const { n } = WEIERSTRASS[curve].Point.CURVE();
    for (const d of [0n, n]) {
      const code = refusal(() => derivePoint(curve, toBytes(d, CURVES[curve].bytes)));
      expect(code).toBe("COSE_KEY_MALFORMED");
    }
  });
});

describe("a known signature", () => {
  // RFC 6979 §A.2.5, P-256, SHA-256, message "sample".
  test("verifies and is what the portable signer makes", async () => {
    const ES256 = algorithmByName("ES256");
    const d = toBytes(0xc9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721n, 32);
    const curve = "P-256";
    const point = decodePoint(curve, WEIERSTRASS[curve].getPublicKey(d, false));
    const message = new TextEncoder().encode("sample");
    const signature = await portable.signRaw(
      ES256,
      { kty: "EC2", public: { ...point, kty: "EC2" }, d },
      message,
    );
    expect(Buffer.from(signature).toString("hex")).toBe(
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    );
    expect(await native.verifyRaw(ES256, point, { message, signature })).toBe(true);
  });
});
