import * as crypto from "node:crypto";
import type { Algorithm } from "./algorithm.js";
import type { HashName } from "./digest.js";
import { formatPrivateNumbers, formatPublicNumbers, parsePrivateNumbers } from "./jwk.js";
import type { PrivateMaterial, PublicMaterial } from "./material.js";
import { isShaped, type Signed } from "./signed.js";

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
  return new Uint8Array(Buffer.from(crypto.hash(DIGESTS[hash], bytes, "binary"), "latin1"));
}

/** Yields whether the signature holds. The key is vetted. Runs on the thread pool. */
export function verifyRaw(
  algorithm: Algorithm,
  key: PublicMaterial,
  { message, signature }: Signed,
): Promise<boolean> {
  if (!isShaped(algorithm, key, signature)) return Promise.resolve(false);
  const input = { key: publicKeyObject(key), ...signatureOptions(algorithm) };
  return new Promise((resolve, reject) => {
    crypto.verify(opensslHash(algorithm), message, input, signature, (error, isValid) => {
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

function opensslHash(algorithm: Algorithm): string | null {
  return algorithm.hash === null ? null : DIGESTS[algorithm.hash];
}

function signatureOptions({ kty }: Algorithm): crypto.SigningOptions {
  if (kty === "EC2") return { dsaEncoding: "ieee-p1363" };
  if (kty === "OKP") return {};
  // RFC 8230 §2: the salt is as long as the digest.
  return {
    padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
    saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST,
  };
}

function publicKeyObject(material: PublicMaterial): crypto.KeyObject {
  const cached = publicKeys.get(material);
  if (cached !== undefined) return cached;
  const key = crypto.createPublicKey({ key: { ...formatPublicNumbers(material) }, format: "jwk" });
  publicKeys.set(material, key);
  return key;
}

function privateKeyObject(material: PrivateMaterial): crypto.KeyObject {
  const cached = privateKeys.get(material);
  if (cached !== undefined) return cached;
  const key = crypto.createPrivateKey({
    key: { ...formatPrivateNumbers(material) },
    format: "jwk",
  });
  privateKeys.set(material, key);
  return key;
}
