import * as crypto from "node:crypto";
import { requireMlDsa, type Algorithm } from "./algorithm.js";
import type { EcCurve } from "./curve.js";
import type { HashName } from "./digest.js";
import { formatPrivateNumbers, formatPublicNumbers, parsePrivateNumbers } from "./jwk.js";
import type { PrivateMaterial, PublicMaterial } from "./material.js";
import { generateMlDsa, isMlDsaSignature, ML_DSA, signMlDsa, type MlDsaName } from "./ml-dsa.js";
import { isShaped, saltLengthOf, type Operation, type Signed } from "./signed.js";
import { encodeAkpPkcs8, encodeAkpSpki } from "./akp-der.js";
import { deriveAkp } from "./vetting.js";

// The implementation of "#crypto" on Node; portable.ts is the other. Both give the same verdicts.

/** OpenSSL's names. */
const DIGESTS: Readonly<Record<HashName, string>> = {
  "sha-256": "sha256",
  "sha-384": "sha384",
  "sha-512": "sha512",
};

/** Importing a key costs as much as a verification; entries live as long as their key. */
const publicKeys = new WeakMap<PublicMaterial, crypto.KeyObject>();
const privateKeys = new WeakMap<PrivateMaterial, crypto.KeyObject>();

/** New RSA keys have this size (NIST SP 800-57: 128 bits of strength). */
const GENERATED_MODULUS_BITS = 3072;

/** Yields the digest of the bytes. */
export function digestBytes(hash: HashName, bytes: Uint8Array): Uint8Array {
  // The binary form spares a Buffer from the C++ side and is twice as fast as the others.
  const text = crypto.hash(DIGESTS[hash], bytes, "binary");
  const result = new Uint8Array(text.length);
  for (let i = 0; i < result.length; i++) result[i] = text.charCodeAt(i);
  return result;
}

/** OpenSSL's names. */
const EC_NAMES: Readonly<Record<EcCurve, string>> = {
  "P-256": "prime256v1",
  "P-384": "secp384r1",
  "P-521": "secp521r1",
};

/** A PKCS #8 key of Ed25519 up to its seed (RFC 8410 §7). */
const SEED_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Yields the public key of a 32-byte Ed25519 seed (RFC 8032 §5.1.5). */
export function deriveEd25519(seed: Uint8Array): Uint8Array {
  const pkcs8 = Buffer.concat([SEED_PREFIX, seed]);
  const secret = crypto.createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const spki = crypto.createPublicKey(secret).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(-seed.length));
}

/** Yields the uncompressed SEC 1 point of a scalar that is valid on the curve. */
export function multiplyBase(curve: EcCurve, d: Uint8Array): Uint8Array {
  const exchange = crypto.createECDH(EC_NAMES[curve]);
  exchange.setPrivateKey(d);
  return new Uint8Array(exchange.getPublicKey());
}

/** Yields whether the signature holds. The key is vetted. Runs on the thread pool. */
export function verifyRaw(
  operation: Operation,
  key: PublicMaterial,
  { message, signature }: Signed,
): Promise<boolean> {
  if (!isShaped(operation, key, signature)) return Promise.resolve(false);
  if (key.kty === "AKP" && !hasMlDsa()) {
    return Promise.resolve(isMlDsaSignature(key.alg, key.pub, { message, signature }));
  }
  const input = { key: publicKeyObject(key), ...signatureOptions(operation) };
  return new Promise((resolve, reject) => {
    crypto.verify(opensslHash(operation), message, input, signature, (error, isValid) => {
      if (error) reject(error);
      else resolve(isValid);
    });
  });
}

/** Yields a signature in the form of RFC 9053 §2. Runs on the thread pool. */
export function signRaw(
  algorithm: Algorithm,
  key: PrivateMaterial,
  message: Uint8Array,
): Promise<Uint8Array> {
  if (key.kty === "AKP" && !hasMlDsa()) {
    return Promise.resolve(signMlDsa(key.public.alg, message, key.priv));
  }
  const input = { key: privateKeyObject(key), ...signatureOptions(algorithm) };
  return new Promise((resolve, reject) => {
    crypto.sign(opensslHash(algorithm), message, input, (error, signature) => {
      if (error) reject(error);
      else resolve(new Uint8Array(signature));
    });
  });
}

/** Yields the numbers of a new private key from the system's random source. */
export function generateRaw(algorithm: Algorithm): Promise<PrivateMaterial> {
  if (algorithm.kty === "AKP") {
    const priv = generateMlDsa();
    const material = deriveAkp(requireMlDsa(algorithm), priv);
    return Promise.resolve({ kty: "AKP", public: material, priv });
  }
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _public: crypto.KeyObject, key: crypto.KeyObject): void => {
      if (error) reject(error);
      else resolve(parsePrivateNumbers({ ...key.export({ format: "jwk" }) }));
    };
    if (algorithm.kty === "RSA") {
      const options = { modulusLength: GENERATED_MODULUS_BITS, publicExponent: 65537 };
      crypto.generateKeyPair("rsa", options, done);
    } else if (algorithm.kty === "EC2") {
      crypto.generateKeyPair("ec", { namedCurve: algorithm.curve ?? "" }, done);
    } else {
      crypto.generateKeyPair("ed25519", {}, done);
    }
  });
}

let isMlDsaNative: boolean | undefined;

/**
 * Yields whether this runtime has ML-DSA. Found out by reading a key, once and only when one comes:
 * it depends on the OpenSSL that Node was built with, not on the version of Node alone.
 */
export function hasMlDsa(): boolean {
  isMlDsaNative ??= canReadMlDsa();
  return isMlDsaNative;
}

function canReadMlDsa(): boolean {
  const pub = new Uint8Array(ML_DSA["ML-DSA-44"].publicBytes);
  try {
    const type: string | undefined = importMlDsa("ML-DSA-44", pub).asymmetricKeyType;
    return type === "ml-dsa-44";
  } catch {
    return false;
  }
}

function importMlDsa(alg: MlDsaName, pub: Uint8Array): crypto.KeyObject {
  const der = Buffer.from(encodeAkpSpki({ kty: "AKP", alg, pub }));
  return crypto.createPublicKey({ key: der, format: "der", type: "spki" });
}

function opensslHash(operation: Operation): string | null {
  return operation.hash === null ? null : DIGESTS[operation.hash];
}

function signatureOptions(operation: Operation): crypto.SigningOptions {
  if (operation.kty === "EC2") return { dsaEncoding: "ieee-p1363" };
  if (operation.kty !== "RSA") return {};
  if (operation.padding === "pkcs1") return { padding: crypto.constants.RSA_PKCS1_PADDING };
  return {
    padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
    saltLength: saltLengthOf(operation),
  };
}

function publicKeyObject(material: PublicMaterial): crypto.KeyObject {
  const cached = publicKeys.get(material);
  if (cached !== undefined) return cached;
  const key =
    material.kty === "AKP"
      ? importMlDsa(material.alg, material.pub)
      : crypto.createPublicKey({ key: { ...formatPublicNumbers(material) }, format: "jwk" });
  publicKeys.set(material, key);
  return key;
}

function privateKeyObject(material: PrivateMaterial): crypto.KeyObject {
  const cached = privateKeys.get(material);
  if (cached !== undefined) return cached;
  const key =
    material.kty === "AKP"
      ? crypto.createPrivateKey({
          key: Buffer.from(encodeAkpPkcs8(material)),
          format: "der",
          type: "pkcs8",
        })
      : crypto.createPrivateKey({ key: { ...formatPrivateNumbers(material) }, format: "jwk" });
  privateKeys.set(material, key);
  return key;
}
