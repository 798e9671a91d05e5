import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { Algorithm } from "./algorithm.js";
import type { HashName } from "./digest.js";
import { deriveEd25519, generateEd25519, isEd25519Signature, signEd25519 } from "./edwards.js";
import { formatPrivateNumbers, formatPublicNumbers, parsePrivateNumbers, type Jwk } from "./jwk.js";
import type { Ec2Material, PrivateMaterial, PublicMaterial } from "./material.js";
import { isShaped, type Signed } from "./signed.js";
import { derivePoint, encodePoint, WEIERSTRASS } from "./weierstrass.js";

// The implementation of "#crypto" in browsers and other runtimes; native.ts is the one on Node.
// Both give the same verdicts. RSA needs the platform's WebCrypto, the rest needs nothing.

const HASHES: Readonly<Record<HashName, (bytes: Uint8Array) => Uint8Array>> = {
  "sha-256": sha256,
  "sha-384": sha384,
  "sha-512": sha512,
};

/** As in native.ts. */
const GENERATED_MODULUS_BITS = 3072;

/** RFC 6979 nonces from the digest; high s is neither refused nor avoided, as OpenSSL does. */
const ECDSA_OPTIONS = { prehash: false, lowS: false, format: "compact" } as const;

/** Yields the digest of the bytes. */
export function digestBytes(hash: HashName, bytes: Uint8Array): Uint8Array {
  return HASHES[hash](bytes);
}

/** Yields whether the signature holds. The key is vetted. */
export async function verifyRaw(
  algorithm: Algorithm,
  key: PublicMaterial,
  { message, signature }: Signed,
): Promise<boolean> {
  if (!isShaped(algorithm, key, signature)) return false;
  switch (key.kty) {
    case "OKP":
      return isEd25519Signature(signature, message, key.x);
    case "EC2":
      return isEcdsaSignature(algorithm, key, { message, signature });
    case "RSA": {
      const imported = await importRsa(algorithm, formatPublicNumbers(key), "verify");
      const input = [new Uint8Array(signature), new Uint8Array(message)] as const;
      return globalThis.crypto.subtle.verify(pss(algorithm), imported, ...input);
    }
  }
}

/** Yields a signature in the form of RFC 9053 §2. */
export async function signRaw(
  algorithm: Algorithm,
  key: PrivateMaterial,
  message: Uint8Array,
): Promise<Uint8Array> {
  switch (key.kty) {
    case "OKP":
      return signEd25519(message, key.d);
    case "EC2": {
      const { sign } = WEIERSTRASS[key.public.curve];
      return sign(messageDigest(algorithm, message), key.d, ECDSA_OPTIONS);
    }
    case "RSA": {
      const imported = await importRsa(algorithm, formatPrivateNumbers(key), "sign");
      const input = new Uint8Array(message);
      return new Uint8Array(await globalThis.crypto.subtle.sign(pss(algorithm), imported, input));
    }
  }
}

/** Yields the numbers of a new private key from the platform's random source. */
export async function generateRaw(algorithm: Algorithm): Promise<PrivateMaterial> {
  const { kty, curve } = algorithm;
  if (kty === "RSA") {
    const pair = await globalThis.crypto.subtle.generateKey(
      {
        name: "RSA-PSS",
        hash: hashName(algorithm),
        modulusLength: GENERATED_MODULUS_BITS,
        publicExponent: Uint8Array.of(1, 0, 1),
      },
      true,
      ["sign", "verify"],
    );
    return parsePrivateNumbers({
      ...(await globalThis.crypto.subtle.exportKey("jwk", pair.privateKey)),
    });
  }
  if (curve === undefined || curve === "Ed25519") {
    const d = generateEd25519();
    return { kty: "OKP", public: { kty: "OKP", curve: "Ed25519", x: deriveEd25519(d) }, d };
  }
  const d = WEIERSTRASS[curve].utils.randomSecretKey();
  return { kty: "EC2", public: derivePoint(curve, d), d };
}

function isEcdsaSignature(algorithm: Algorithm, key: Ec2Material, signed: Signed): boolean {
  const hashed = messageDigest(algorithm, signed.message);
  const { verify } = WEIERSTRASS[key.curve];
  return verify(signed.signature, hashed, encodePoint(key), ECDSA_OPTIONS);
}

function messageDigest(algorithm: Algorithm, message: Uint8Array): Uint8Array {
  return digestBytes(hashName(algorithm), message);
}

function hashName(algorithm: Algorithm): HashName {
  if (algorithm.hash === null) throw new TypeError(`${algorithm.name} has no hash`);
  return algorithm.hash;
}

function pss(algorithm: Algorithm): RsaPssParams {
  // RFC 8230 §2: the salt is as long as the digest.
  return { name: "RSA-PSS", saltLength: Number(hashName(algorithm).slice(4)) / 8 };
}

function importRsa(algorithm: Algorithm, jwk: Jwk, usage: KeyUsage): Promise<CryptoKey> {
  const parameters = { name: "RSA-PSS", hash: hashName(algorithm) };
  return globalThis.crypto.subtle.importKey("jwk", { ...jwk }, parameters, false, [usage]);
}
