import { describe, expect, test } from "@jest/globals";
import { Point, utils } from "@noble/ed25519";
import { algorithmByName } from "./algorithm.js";
import { encodeBase64url } from "./base64url.js";
import { vetEd25519 } from "./edwards.js";
import { decodeHex } from "./hex.js";
import type { OkpMaterial } from "./material.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { PublicKey } from "./public-key.js";
import { fromBytesLE, toBytesLE } from "./testing/integer.js";
import { refusal } from "./testing/refusal.js";

const EDDSA = algorithmByName("EdDSA");
const { n: L, p: P } = Point.CURVE();
const MESSAGE = new TextEncoder().encode("cofactor");

// The eight points of the torsion subgroup, from a generator of order 8.
const TORSION_HEX = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
const TORSION: Point[] = [Point.ZERO];
for (let i = 1; i < 8; i++) {
  TORSION.push((TORSION[i - 1] ?? Point.ZERO).add(Point.fromHex(TORSION_HEX)));
}

const SEED = new Uint8Array(32).fill(3);
const { scalar, pointBytes } = utils.getExtendedPublicKey(SEED);
const KEY: OkpMaterial = { kty: "OKP", curve: "Ed25519", x: new Uint8Array(pointBytes) };

async function verdict(signature: Uint8Array, key: OkpMaterial = KEY): Promise<boolean> {
  const signed = { message: MESSAGE, signature };
  const byNative = await native.verifyRaw(EDDSA, key, signed);
  expect(await portable.verifyRaw(EDDSA, key, signed)).toBe(byNative);
  return byNative;
}

/** Yields the signature with this encoding of R, made with the key's scalar and R's logarithm. */
function signWith(R: Uint8Array, r: bigint): Uint8Array {
  const input = Uint8Array.of(...R, ...KEY.x, ...MESSAGE);
  const k = fromBytesLE(native.digestBytes("sha-512", input)) % L;
  return Uint8Array.of(...R, ...toBytesLE((r + k * scalar) % L, 32));
}

test("native and portable make the same public key of a seed", () => {
  for (const seed of [SEED, new Uint8Array(32), new Uint8Array(32).fill(255)]) {
    expect(native.deriveEd25519(seed)).toEqual(portable.deriveEd25519(seed));
  }
  expect(native.deriveEd25519(SEED)).toEqual(KEY.x);
});

describe("Ed25519 signatures", () => {
  test("the way they are made here is right", async () => {
    expect(await verdict(signWith(Point.BASE.multiply(11n).toBytes(), 11n))).toBe(true);
    const good = await native.signRaw(EDDSA, { kty: "OKP", public: KEY, d: SEED }, MESSAGE);
    const twin = await portable.signRaw(EDDSA, { kty: "OKP", public: KEY, d: SEED }, MESSAGE);
    expect(good).toEqual(twin);
    expect(await verdict(good)).toBe(true);
  });

  test("S + L, and further multiples that fit, are refused", async () => {
    const good = signWith(Point.BASE.multiply(11n).toBytes(), 11n);
    const S = fromBytesLE(good.subarray(32));
    for (let s = S + L, i = 0; s < 2n ** 256n && i < 16; s += L, i++) {
      expect(await verdict(Uint8Array.of(...good.subarray(0, 32), ...toBytesLE(s, 32)))).toBe(
        false,
      );
    }
    for (const s of [0n, L, L - 1n, 2n ** 256n - 1n]) {
      expect(await verdict(Uint8Array.of(...good.subarray(0, 32), ...toBytesLE(s, 32)))).toBe(
        false,
      );
    }
  });

  test.each([1, 2, 3, 4, 5, 6, 7])("R with torsion part %d is refused", async (i) => {
    const R = Point.BASE.multiply(11n).add(TORSION[i] ?? Point.ZERO);
    expect(await verdict(signWith(R.toBytes(), 11n))).toBe(false);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])("R of small order, number %d, is refused", async (i) => {
    expect(await verdict(signWith((TORSION[i] ?? Point.ZERO).toBytes(), 0n))).toBe(false);
  });

  test.each([
    ["identity, y = p + 1", toBytesLE(P + 1n, 32)],
    ["identity with its sign bit", toBytesLE(1n + 2n ** 255n, 32)],
    ["y = p", toBytesLE(P, 32)],
    ["order two with its sign bit", toBytesLE(P - 1n + 2n ** 255n, 32)],
    ["not on the curve", toBytesLE(2n, 32)],
    ["all ones", new Uint8Array(32).fill(0xff)],
  ])("R that is not canonical is refused: %s", async (_name, R) => {
    expect(await verdict(signWith(R, 0n))).toBe(false);
  });

  test("the negated R is refused", async () => {
    const R = Point.BASE.multiply(11n).negate();
    expect(await verdict(signWith(R.toBytes(), 11n))).toBe(false);
  });

  // RFC 8032 §7.1, TEST 2.
  test("the RFC vector verifies, and its seed gives its key", async () => {
    const key = decodeHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const seed = decodeHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    const signature = decodeHex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    const material: OkpMaterial = { kty: "OKP", curve: "Ed25519", x: key };
    const message = Uint8Array.of(0x72);
    expect(await native.signRaw(EDDSA, { kty: "OKP", public: material, d: seed }, message)).toEqual(
      signature,
    );
    expect(await portable.verifyRaw(EDDSA, material, { message, signature })).toBe(true);
  });
});

describe("Ed25519 keys", () => {
  const weak: [string, Uint8Array][] = [
    ["y = p + 1, the identity again", toBytesLE(P + 1n, 32)],
    ["y = p, order four again", toBytesLE(P, 32)],
    ["identity with its sign bit", toBytesLE(1n + 2n ** 255n, 32)],
    ["order two with its sign bit", toBytesLE(P - 1n + 2n ** 255n, 32)],
    ["not on the curve", toBytesLE(2n, 32)],
    ["all ones", new Uint8Array(32).fill(0xff)],
  ];
  TORSION.forEach((point, i) => {
    weak.push([`torsion point ${i}`, point.toBytes()]);
    if (i > 0) weak.push([`mixed order ${i}`, Point.BASE.multiply(11n).add(point).toBytes()]);
  });

  test.each(weak)("refuses %s", (_name, x) => {
    const vet = (): void => {
      vetEd25519(x);
    };
    expect(refusal(vet)).toBe("COSE_KEY_WEAK");
    const jwk = { kty: "OKP", crv: "Ed25519", x: encodeBase64url(x) };
    expect(refusal(() => PublicKey.fromJwk(jwk))).toBe("COSE_KEY_WEAK");
  });

  test("takes points of the prime order", () => {
    for (const factor of [1n, 2n, 11n, L - 1n]) {
      expect(() => {
        vetEd25519(Point.BASE.multiply(factor).toBytes());
      }).not.toThrow();
    }
  });
});
