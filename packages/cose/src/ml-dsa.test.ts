import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { sha512 } from "@noble/hashes/sha2.js";
import { ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";
import fc from "fast-check";
import { algorithmByName } from "./algorithm.js";
import { encodeBase64url } from "./base64url.js";
import { decodeCborMap } from "./decode.js";
import { decodeHex, encodeHex } from "./hex.js";
import { KEY_LABEL } from "./labels.js";
import type { AkpMaterial, AkpSecret } from "./material.js";
import { expandMlDsa, ML_DSA_NAMES, type MlDsaName } from "./ml-dsa.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { PrivateKey } from "./private-key.js";
import { materialOf, PublicKey } from "./public-key.js";
import { decodeSign1, encodeSigStructure } from "./sign1.js";
import { refusal, rejection } from "./testing/refusal.js";
import { sharedFolder } from "./testing/shared.js";
import { deriveAkp } from "./vetting.js";
import { verifySign1 } from "./verification.js";

const MESSAGE = new TextEncoder().encode("the split stick");
const LIBRARY = { "ML-DSA-44": ml_dsa44, "ML-DSA-65": ml_dsa65, "ML-DSA-87": ml_dsa87 };
/** k and ω of FIPS 204 Table 1: the last ω + k bytes of a signature are the hint. */
const HINT = { "ML-DSA-44": [4, 80], "ML-DSA-65": [6, 55], "ML-DSA-87": [8, 75] } as const;

const SECRETS = new Map<MlDsaName, AkpSecret>(
  ML_DSA_NAMES.map((alg) => {
    const priv = new Uint8Array(32).fill(7);
    return [alg, { kty: "AKP", public: deriveAkp(alg, priv), priv }];
  }),
);

function secretOf(alg: MlDsaName): AkpSecret {
  const secret = SECRETS.get(alg);
  if (secret === undefined) throw new Error(`no key for ${alg}`);
  return secret;
}

/** Yields the verdict of both implementations; they must agree. */
async function verdict(
  key: AkpMaterial,
  signature: Uint8Array,
  message: Uint8Array = MESSAGE,
): Promise<boolean> {
  const algorithm = algorithmByName(key.alg);
  const byNative = await native.verifyRaw(algorithm, key, { message, signature });
  expect(await portable.verifyRaw(algorithm, key, { message, signature })).toBe(byNative);
  return byNative;
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const at = Math.floor(bit / 8) % bytes.length;
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (bit % 8)));
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

test("the runtime's own ML-DSA is compared with the portable one", () => {
  if (!native.hasMlDsa()) {
    process.stderr.write(
      "SKIPPED: ML-DSA native against portable, as this Node's OpenSSL has none\n",
    );
  }
  expect(native.hasMlDsa()).toBe(
    isAtLeast(process.versions.node, 24, 6) && isAtLeast(process.versions.openssl, 3, 5),
  );
});

describe.each(ML_DSA_NAMES)("%s", (alg) => {
  const algorithm = algorithmByName(alg);
  const secret = secretOf(alg);
  const key = secret.public;

  test("signatures by both implementations verify in both, and are hedged", async () => {
    for (const message of [new Uint8Array(0), MESSAGE, new Uint8Array(70_000).fill(7)]) {
      const signatures = await Promise.all([
        native.signRaw(algorithm, secret, message),
        native.signRaw(algorithm, secret, message),
        portable.signRaw(algorithm, secret, message),
        portable.signRaw(algorithm, secret, message),
      ]);
      for (const signature of signatures) {
        expect(signature).toHaveLength(algorithm.signatureBytes ?? 0);
        expect(await verdict(key, signature, message)).toBe(true);
      }
      expect(new Set(signatures.map(encodeHex)).size).toBe(4);
    }
  });

  test("damaged signatures, messages and lengths are refused", async () => {
    const signature = await portable.signRaw(algorithm, secret, MESSAGE);
    for (let at = 0; at < signature.length; at += 53) {
      expect(await verdict(key, flip(signature, 8 * at + (at % 8)))).toBe(false);
    }
    expect(await verdict(key, signature, flip(MESSAGE, 3))).toBe(false);
    for (const other of [
      new Uint8Array(0),
      signature.subarray(1),
      signature.subarray(0, -1),
      Uint8Array.of(...signature, 0),
      new Uint8Array(signature.length),
      new Uint8Array(signature.length).fill(0xff),
    ]) {
      expect(await verdict(key, other)).toBe(false);
    }
  });

  test("property: messages signed, then damaged or not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.constantFrom(native, portable),
        async (message, bit, signer) => {
          const good = await signer.signRaw(algorithm, secret, message);
          const signature = bit === undefined ? good : flip(good, bit);
          expect(await verdict(key, signature, message)).toBe(bit === undefined);
        },
      ),
      { numRuns: 15 },
    );
  });

  interface Hinted {
    readonly good: Uint8Array;
    /** Where the hints begin, how many there are, and where the first polynomial with two of them begins. */
    readonly start: number;
    readonly used: number;
    readonly from: number;
  }

  // Signatures are hedged: now and then one uses up all hints, or has no two in one polynomial.
  async function withRoomForHints(k: number, omega: number): Promise<Hinted> {
    for (let i = 0; i < 20; i++) {
      const good = await portable.signRaw(algorithm, secret, MESSAGE);
      const start = good.length - omega - k;
      const ends = [0, ...good.subarray(start + omega)];
      const used = ends.at(-1) ?? 0;
      const first = ends.findIndex((begin, at) => (ends[at + 1] ?? 0) - begin >= 2);
      if (used < omega && first >= 0)
        return { good, start, used, from: start + (ends[first] ?? 0) };
    }
    throw new Error("twenty signatures without room for another hint");
  }

  // FIPS 204 Algorithm 21: a hint has one encoding, or signatures could be changed by anyone.
  test("hints that are not encoded as they must be are refused", async () => {
    const [k, omega] = HINT[alg];
    const { good, start, used, from } = await withRoomForHints(k, omega);
    const [a, b] = [good[from] ?? 0, good[from + 1] ?? 0];
    for (const changed of [
      good.with(start + used, 1),
      good.with(start + omega - 1, 255),
      good.with(from, b).with(from + 1, a),
      good.with(from + 1, a),
      good.with(good.length - 1, omega + 1),
      good.with(good.length - 1, 0),
      good.with(start + omega, 255),
    ]) {
      expect(await verdict(key, changed)).toBe(false);
    }
  });

  test("a response beyond its bound is refused", async () => {
    const good = await portable.signRaw(algorithm, secret, MESSAGE);
    const challenge = { "ML-DSA-44": 32, "ML-DSA-65": 48, "ML-DSA-87": 64 }[alg];
    for (const byte of [0x00, 0xff]) {
      expect(await verdict(key, good.slice().fill(byte, challenge, challenge + 20))).toBe(false);
    }
  });

  test("a context, and the variant that hashes first, are another scheme", async () => {
    const { sign, prehash } = LIBRARY[alg];
    const { expanded } = expandMlDsa(alg, secret.priv);
    expect(await verdict(key, sign(MESSAGE, expanded))).toBe(true);
    expect(await verdict(key, sign(MESSAGE, expanded, { context: Uint8Array.of(1) }))).toBe(false);
    expect(await verdict(key, prehash(sha512).sign(MESSAGE, expanded))).toBe(false);
  });

  test("another key refuses", async () => {
    const signature = await portable.signRaw(algorithm, secret, MESSAGE);
    expect(await verdict(deriveAkp(alg, new Uint8Array(32)), signature)).toBe(false);
  });

  test("new keys of both implementations work in the other", async () => {
    for (const [maker, user] of [
      [native, portable],
      [portable, native],
    ] as const) {
      const made = await maker.generateRaw(algorithm);
      if (made.kty !== "AKP") throw new Error("another type");
      expect(await verdict(made.public, await user.signRaw(algorithm, made, MESSAGE))).toBe(true);
    }
  });
});

const folder = sharedFolder("ML-DSA vectors", "vectors", "ml-dsa");
const isThere = folder !== undefined;

// standards.md TV6: the examples of RFC 9964.
(isThere ? describe : describe.skip).each(ML_DSA_NAMES)("vector of %s", (alg) => {
  const file = join(folder ?? "", `${alg.toLowerCase()}.cose.json`);
  const vector = (isThere ? JSON.parse(readFileSync(file, "utf8")) : {}) as Record<string, string>;
  const part = (name: string): Uint8Array => decodeHex(vector[name] ?? "");
  const publicMap = (): Map<number, never> => {
    const map = new Map(decodeCborMap(part("key")));
    map.delete(KEY_LABEL.akpPriv);
    return map as Map<number, never>;
  };

  test("the key is the seed's, named by its thumbprint", () => {
    const key = PublicKey.fromCoseKey(publicMap());
    expect(refusal(() => PublicKey.fromCoseKey(decodeCborMap(part("key"))))).toBe(
      "COSE_KEY_MALFORMED",
    );
    expect(decodeCborMap(part("key")).get(KEY_LABEL.akpPriv)).toEqual(part("priv"));
    expect(key.algorithm?.name).toBe(alg);
    expect(key.kid).toEqual(key.thumbprint());
    expect(materialOf(key)).toEqual(deriveAkp(alg, part("priv")));
    expect(materialOf(key)).toMatchObject({ pub: part("raw_public_key") });
    const pair = PrivateKey.fromJwk({ ...key.toJwk(), priv: encodeBase64url(part("priv")) });
    expect(pair.publicKey.thumbprint()).toEqual(key.thumbprint());
  });

  test("the message verifies, in both implementations", async () => {
    const message = decodeSign1(part("sign1"));
    const key = PublicKey.fromCoseKey(publicMap());
    const payload = await verifySign1(message, key);
    const covered = encodeSigStructure(message.protectedBytes, new Uint8Array(0), payload);
    expect(message.protectedHeader.get(4)).toEqual(key.kid);
    expect(covered).toEqual(part("raw_to_be_signed"));
    expect(message.signature).toEqual(part("raw_signature"));
    const material = materialOf(key);
    if (material.kty !== "AKP") throw new Error("another type");
    expect(await verdict(material, message.signature, covered)).toBe(true);
    const damaged = { ...message, signature: flip(message.signature, 999) };
    expect(await rejection(verifySign1(damaged, key))).toBe("COSE_SIGNATURE_INVALID");
  });
});
