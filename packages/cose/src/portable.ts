import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { requireMlDsa, type Algorithm } from "./algorithm.js";
import type { EcCurve } from "./curve.js";
import type { HashName } from "./digest.js";
import { generateEd25519, isEd25519Signature, publicOfSeed, signEd25519 } from "./edwards.js";
import { formatPrivateNumbers, formatPublicNumbers, parsePrivateNumbers, type Jwk } from "./jwk.js";
import type { Ec2Material, PrivateMaterial, PublicMaterial } from "./material.js";
import { generateMlDsa, isMlDsaSignature, signMlDsa } from "./ml-dsa.js";
import { hashOf, isShaped, saltLengthOf, type Operation, type Signed } from "./signed.js";
import { deriveAkp } from "./vetting.js";
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

/** Yields the public key of a 32-byte Ed25519 seed (RFC 8032 §5.1.5). */
export function deriveEd25519(seed: Uint8Array): Uint8Array {
  return publicOfSeed(seed);
}

/** Yields the uncompressed SEC 1 point of a scalar that is valid on the curve. */
export function multiplyBase(curve: EcCurve, d: Uint8Array): Uint8Array {
  return WEIERSTRASS[curve].getPublicKey(d, false);
}

/** Yields whether the signature holds. The key is vetted. */
export async function verifyRaw(
  operation: Operation,
  key: PublicMaterial,
  { message, signature }: Signed,
): Promise<boolean> {
  if (!isShaped(operation, key, signature)) return false;
  switch (key.kty) {
    case "OKP":
      return isEd25519Signature(signature, message, key.x);
    case "EC2":
      return isEcdsaSignature(operation, key, { message, signature });
    case "RSA": {
      const imported = await importRsa(operation, formatPublicNumbers(key), "verify");
      const input = [new Uint8Array(signature), new Uint8Array(message)] as const;
      return globalThis.crypto.subtle.verify(rsaParameters(operation), imported, ...input);
    }
    case "AKP":
      return isMlDsaSignature(key.alg, key.pub, { message, signature });
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
      const parameters = rsaParameters(algorithm);
      return new Uint8Array(await globalThis.crypto.subtle.sign(parameters, imported, input));
    }
    case "AKP":
      return signMlDsa(key.public.alg, message, key.priv);
  }
}

/** Yields the numbers of a new private key from the platform's random source. */
export async function generateRaw(algorithm: Algorithm): Promise<PrivateMaterial> {
  const { kty, curve } = algorithm;
  if (kty === "RSA") {
    const pair = await globalThis.crypto.subtle.generateKey(
      {
        name: "RSA-PSS",
        hash: hashOf(algorithm),
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
  if (kty === "AKP") {
    const priv = generateMlDsa();
    return { kty: "AKP", public: deriveAkp(requireMlDsa(algorithm), priv), priv };
  }
  if (curve === undefined || curve === "Ed25519") {
    const d = generateEd25519();
    return { kty: "OKP", public: { kty: "OKP", curve: "Ed25519", x: deriveEd25519(d) }, d };
  }
  const d = WEIERSTRASS[curve].utils.randomSecretKey();
  return { kty: "EC2", public: derivePoint(curve, d), d };
}

function isEcdsaSignature(operation: Operation, key: Ec2Material, signed: Signed): boolean {
  const hashed = messageDigest(operation, signed.message);
  const { verify } = WEIERSTRASS[key.curve];
  return verify(signed.signature, hashed, encodePoint(key), ECDSA_OPTIONS);
}

function messageDigest(operation: Operation, message: Uint8Array): Uint8Array {
  return digestBytes(hashOf(operation), message);
}

/** Names of the paddings in WebCrypto. */
const PADDINGS = { pss: "RSA-PSS", pkcs1: "RSASSA-PKCS1-v1_5" } as const;

function rsaParameters(operation: Operation): AlgorithmIdentifier | RsaPssParams {
  const name = PADDINGS[operation.padding ?? "pss"];
  return name === "RSA-PSS" ? { name, saltLength: saltLengthOf(operation) } : { name };
}

function importRsa(operation: Operation, jwk: Jwk, usage: KeyUsage): Promise<CryptoKey> {
  const parameters = { name: PADDINGS[operation.padding ?? "pss"], hash: hashOf(operation) };
  return globalThis.crypto.subtle.importKey("jwk", { ...jwk }, parameters, false, [usage]);
}
