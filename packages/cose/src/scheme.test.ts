import { constants, generateKeyPairSync, privateEncrypt, sign, type KeyObject } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { AlgorithmName } from "./algorithm.js";
import { CURVES, EC_CURVES } from "./curve.js";
import { HASH_ALGORITHMS, type HashName } from "./digest.js";
import { toInteger } from "./material.js";
import { ML_DSA_NAMES } from "./ml-dsa.js";
import * as native from "./native.js";
import * as portable from "./portable.js";
import { PrivateKey } from "./private-key.js";
import { materialOf, PublicKey } from "./public-key.js";
import { operationOf, type SignatureScheme, unwrapSignature, verifyScheme } from "./scheme.js";
import { refusal, rejection } from "./testing/refusal.js";
import { WEIERSTRASS } from "./weierstrass.js";

const MESSAGE = new TextEncoder().encode("to be signed by whoever issues certificates");
const HASHES = HASH_ALGORITHMS.map(({ name }) => name);

const opensslName = (hash: HashName): string => hash.replace("-", "");

function keyOf(key: KeyObject): PublicKey {
  return PublicKey.fromSpki(new Uint8Array(key.export({ format: "der", type: "spki" })));
}

/** Yields whether the signature holds; verifyScheme and both implementations must agree. */
async function verdict(
  scheme: SignatureScheme,
  key: PublicKey,
  signature: Uint8Array,
): Promise<boolean> {
  const isValid = await verifyScheme(scheme, key, { message: MESSAGE, signature }).then(
    () => true,
    async (error: unknown) => {
      expect(await rejection(Promise.reject(error as Error))).toBe("COSE_SIGNATURE_INVALID");
      return false;
    },
  );
  const material = materialOf(key);
  const operation = operationOf(scheme, material);
  if (operation === undefined) throw new Error("no operation");
  let raw;
  try {
    raw = unwrapSignature(material, { message: MESSAGE, signature });
  } catch (error) {
    expect(error).toMatchObject({ code: "COSE_SIGNATURE_INVALID" });
    expect(isValid).toBe(false);
    return false;
  }
  expect(await native.verifyRaw(operation, material, raw)).toBe(isValid);
  expect(await portable.verifyRaw(operation, material, raw)).toBe(isValid);
  return isValid;
}

function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const at = Math.floor(bit / 8) % bytes.length;
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (bit % 8)));
}

const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const RSA_KEY = keyOf(RSA.publicKey);

interface RsaCase {
  readonly name: string;
  readonly scheme: SignatureScheme & { readonly kty: "RSA" };
}

const RSA_CASES: readonly RsaCase[] = HASHES.flatMap((hash) => [
  { name: `pkcs1 ${hash}`, scheme: { kty: "RSA", padding: "pkcs1", hash } as const },
  ...[undefined, 0, 20, 64, 100].map((saltBytes) => ({
    name: `pss ${hash}, salt ${saltBytes ?? "by default"}`,
    scheme: {
      ...({ kty: "RSA", padding: "pss", hash } as const),
      ...(saltBytes === undefined ? {} : { saltBytes }),
    },
  })),
]);

function signRsa({ padding, hash, saltBytes }: RsaCase["scheme"]): Uint8Array {
  const options =
    padding === "pkcs1"
      ? { padding: constants.RSA_PKCS1_PADDING }
      : {
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: saltBytes ?? Number(hash.slice(4)) / 8,
        };
  const input = { key: RSA.privateKey, ...options };
  return new Uint8Array(sign(opensslName(hash), MESSAGE, input));
}

describe("RSA", () => {
  test.each(RSA_CASES)("$name: its own signatures alone", async ({ scheme }) => {
    for (const other of RSA_CASES) {
      const salt = (of: RsaCase["scheme"]): number =>
        of.padding === "pkcs1" ? -1 : (of.saltBytes ?? Number(of.hash.slice(4)) / 8);
      const isSame = other.scheme.hash === scheme.hash && salt(other.scheme) === salt(scheme);
      expect(await verdict(scheme, RSA_KEY, signRsa(other.scheme))).toBe(isSame);
    }
  });

  test.each(RSA_CASES)("$name: nothing damaged, no other length", async ({ scheme }) => {
    const signature = signRsa(scheme);
    for (let at = 0; at < signature.length; at += 8) {
      expect(await verdict(scheme, RSA_KEY, flip(signature, 8 * at + (at % 7)))).toBe(false);
    }
    for (const other of [
      signature.subarray(1),
      Uint8Array.of(0, ...signature),
      signature.with(0, 0xff),
    ]) {
      expect(await verdict(scheme, RSA_KEY, other)).toBe(false);
    }
  });

  test.each([-1, -2, 0.5, Number.NaN, 257, 2 ** 31, 2 ** 53])(
    "no signature has a salt of %d bytes",
    async (saltBytes) => {
      const scheme = { kty: "RSA", padding: "pss", hash: "sha-256", saltBytes } as const;
      const signature = signRsa({ kty: "RSA", padding: "pss", hash: "sha-256" });
      const verified = verifyScheme(scheme, RSA_KEY, { message: MESSAGE, signature });
      expect(await rejection(verified)).toBe("COSE_SIGNATURE_INVALID");
    },
  );

  // RFC 8017 §9.2: EM = 00 01 FF… 00 T. The digest is SHA-256's throughout.
  const INFO = "3031300d060960864801650304020105000420";
  const BARE_INFO = "302f300b06096086480165030402010420";
  const SHA1_INFO = "3021300906052b0e03021a05000414";
  const hashed = Buffer.from(native.digestBytes("sha-256", MESSAGE)).toString("hex");
  const filled = (tail: string, first = "0001"): string =>
    `${first}${"ff".repeat(256 - 3 - tail.length / 2)}00${tail}`;

  test.each<[string, string, boolean]>([
    ["as RFC 8017 has it", filled(INFO + hashed), true],
    ["without the NULL", filled(BARE_INFO + hashed), false],
    ["under the identifier of SHA-1", filled(SHA1_INFO + hashed.slice(0, 40)), false],
    ["block type 2", filled(INFO + hashed, "0002"), false],
    [
      "short padding, with bytes behind the digest",
      `0001ffffffffffffffff00${INFO}${hashed}`,
      false,
    ],
    ["a zero amid the padding", filled(INFO + hashed).replace("ffffffff", "ffff00ff"), false],
    ["the digest alone", filled(hashed), false],
  ])("PKCS #1 v1.5 encoded %s", async (_name, encoded, isValid) => {
    const block = Buffer.alloc(256);
    Buffer.from(encoded, "hex").copy(block);
    const key = { key: RSA.privateKey, padding: constants.RSA_NO_PADDING };
    const scheme = { kty: "RSA", padding: "pkcs1", hash: "sha-256" } as const;
    const signature = new Uint8Array(privateEncrypt(key, block));
    expect(await verdict(scheme, RSA_KEY, signature)).toBe(isValid);
  });

  test("a key of 3072 bits", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
    const signature = new Uint8Array(sign("sha384", MESSAGE, privateKey));
    const scheme = { kty: "RSA", padding: "pkcs1", hash: "sha-384" } as const;
    expect(await verdict(scheme, keyOf(publicKey), signature)).toBe(true);
    expect(await verdict(scheme, RSA_KEY, signature)).toBe(false);
  });
});

describe.each(EC_CURVES)("ECDSA on %s", (curve) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
  const key = keyOf(publicKey);
  const order = WEIERSTRASS[curve].Point.Fn.ORDER;
  const signDer = (hash: HashName): Uint8Array =>
    new Uint8Array(sign(opensslName(hash), MESSAGE, { key: privateKey, dsaEncoding: "der" }));

  test.each(HASHES)("with %s: its own signatures alone", async (hash) => {
    for (const other of HASHES) {
      expect(await verdict({ kty: "EC2", hash }, key, signDer(other))).toBe(other === hash);
    }
  });

  test("property: messages signed, then damaged", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...HASHES), fc.nat(), async (hash, bit) => {
        expect(await verdict({ kty: "EC2", hash }, key, flip(signDer(hash), bit))).toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  const integer = (value: bigint): number[] => {
    const hex = value.toString(16);
    const bytes = [...Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex")];
    const content = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : bytes;
    return [2, content.length, ...content];
  };
  const sequence = (content: readonly number[]): Uint8Array =>
    Uint8Array.of(0x30, ...(content.length < 128 ? [] : [0x81]), content.length, ...content);
  const pair = (r: bigint, s: bigint): Uint8Array => sequence([...integer(r), ...integer(s)]);

  const { bytes } = CURVES[curve];
  const options = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
  const compact = new Uint8Array(sign("sha256", MESSAGE, options));
  const r = toInteger(compact.subarray(0, bytes));
  const s = toInteger(compact.subarray(bytes));

  test.each<[string, Uint8Array, boolean]>([
    ["r and s", pair(r, s), true],
    ["the other s", pair(r, order - s), true],
    ["r and s side by side", compact, false],
    ["r + n", pair(r + order, s), false],
    ["s + n", pair(r, s + order), false],
    ["r = 0", pair(0n, s), false],
    ["s = 0", pair(r, 0n), false],
    ["both 0", pair(0n, 0n), false],
    ["r = n", pair(order, s), false],
    ["s = n", pair(r, order), false],
    ["empty integers", sequence([2, 0, 2, 0]), false],
    ["a negative r", sequence([2, 1, 0x80, ...integer(s)]), false],
    [
      "a leading zero",
      sequence([...integer(r), 2, bytes + 3, 0, 0, 0, ...compact.subarray(bytes)]),
      false,
    ],
    ["a third integer", sequence([...integer(r), ...integer(s), 2, 1, 1]), false],
    ["one integer", sequence(integer(r)), false],
    ["a byte behind", Uint8Array.of(...pair(r, s), 0), false],
    ["a length that is not the shortest", lengthen(pair(r, s)), false],
    ["an indefinite length", Uint8Array.of(0x30, 0x80, ...integer(r), ...integer(s), 0, 0), false],
    ["a set", pair(r, s).with(0, 0x31), false],
    ["nothing", new Uint8Array(0), false],
    ["the end cut off", pair(r, s).subarray(0, -1), false],
  ])("%s", async (_name, signature, isValid) => {
    expect(await verdict({ kty: "EC2", hash: "sha-256" }, key, signature)).toBe(isValid);
  });

  function lengthen(der: Uint8Array): Uint8Array {
    const isShort = der[1] !== 0x81;
    const rest = der.subarray(isShort ? 2 : 3);
    const length = isShort ? [0x81, rest.length] : [0x82, 0, rest.length];
    return Uint8Array.of(0x30, ...length, ...rest);
  }
});

describe("schemes without parameters", () => {
  test.each<[string, AlgorithmName, SignatureScheme]>([
    ["Ed25519", "Ed25519", { kty: "OKP" }],
    ...ML_DSA_NAMES.map((alg): [string, AlgorithmName, SignatureScheme] => [
      alg,
      alg,
      { kty: "AKP", alg },
    ]),
  ])("%s", async (_name, alg, scheme) => {
    const signer = await PrivateKey.generate(alg);
    const signature = await signer.sign(MESSAGE);
    expect(await verdict(scheme, signer.publicKey, signature)).toBe(true);
    for (let at = 0; at < signature.length; at += 61) {
      expect(await verdict(scheme, signer.publicKey, flip(signature, 8 * at))).toBe(false);
    }
    expect(await verdict(scheme, signer.publicKey, signature.subarray(1))).toBe(false);
  });
});

describe("a key that is not for the scheme", () => {
  const SCHEMES: readonly SignatureScheme[] = [
    { kty: "RSA", padding: "pss", hash: "sha-256" },
    { kty: "EC2", hash: "sha-256" },
    { kty: "OKP" },
    { kty: "AKP", alg: "ML-DSA-44" },
    { kty: "AKP", alg: "ML-DSA-65" },
  ];

  test.each(["PS256", "ES256", "Ed25519", "ML-DSA-44"] as const)("%s", async (alg) => {
    const { publicKey } = await PrivateKey.generate(alg);
    const input = { message: MESSAGE, signature: new Uint8Array(64) };
    for (const scheme of SCHEMES) {
      const isFor = scheme.kty === "AKP" ? scheme.alg === alg : scheme.kty === publicKey.kty;
      expect(await rejection(verifyScheme(scheme, publicKey, input))).toBe(
        isFor ? "COSE_SIGNATURE_INVALID" : "COSE_ALG_KEY_MISMATCH",
      );
    }
  });

  test("one that names an algorithm is for that alone", async () => {
    const named = PublicKey.fromJwk({ ...RSA.publicKey.export({ format: "jwk" }), alg: "PS256" });
    for (const { scheme } of RSA_CASES) {
      const isFor =
        scheme.padding === "pss" && scheme.hash === "sha-256" && !("saltBytes" in scheme);
      const verified = verifyScheme(scheme, named, {
        message: MESSAGE,
        signature: signRsa(scheme),
      });
      if (isFor) await verified;
      else expect(await rejection(verified)).toBe("COSE_ALG_KEY_MISMATCH");
    }
  });

  test("there is no operation for SHA-1, MD5 or a key below 2048 bits", () => {
    expect(HASHES).toEqual(["sha-256", "sha-384", "sha-512"]);
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    expect(refusal(() => keyOf(publicKey))).toBe("COSE_KEY_WEAK");
  });
});
