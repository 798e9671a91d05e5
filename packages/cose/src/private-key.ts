import { signRaw, generateRaw } from "#crypto";
import { ALGORITHMS, algorithmByName, type Algorithm, type AlgorithmName } from "./algorithm.js";
import { CoseError } from "./error.js";
import {
  formatPrivateNumbers,
  parseJwkObject,
  parseNote,
  parsePrivateNumbers,
  type Jwk,
  type KeyNote,
} from "./jwk.js";
import type { PrivateMaterial } from "./material.js";
import { parsePem } from "./pem.js";
import { makePublicKey, type PublicKey } from "./public-key.js";
import { decodePkcs8 } from "./spki.js";
import { vetPrivate } from "./vetting.js";

/** What can sign: a key in memory, or one in hardware behind the same three members. */
export interface Signer {
  readonly algorithm: Algorithm;
  readonly publicKey: PublicKey;
  /** Yields a signature in the form of RFC 9053 §2 and RFC 8230 §2. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * A private key, bound to one algorithm. Only {@link PrivateKey.toJwk} gives its secret away;
 * printing, inspecting and `JSON.stringify` do not.
 */
export class PrivateKey implements Signer {
  readonly algorithm: Algorithm;
  readonly publicKey: PublicKey;
  readonly #material: PrivateMaterial;

  private constructor(material: PrivateMaterial, note: KeyNote) {
    vetPrivate(material);
    this.#material = material;
    this.publicKey = makePublicKey(material.public, note);
    this.algorithm = note.alg ?? firstAlgorithm(this.publicKey);
    Object.freeze(this);
  }

  /**
   * Yields a new key for the algorithm, from the platform's random source; RSA keys have 3072 bits.
   *
   * @throws {@link CoseError} `COSE_ALG_UNSUPPORTED`
   */
  static async generate(alg: AlgorithmName): Promise<PrivateKey> {
    const algorithm = algorithmByName(alg);
    return new PrivateKey(await generateRaw(algorithm), { alg: algorithm });
  }

  /**
   * Yields the key of a private JWK (RFC 7517). `alg` chooses the algorithm; without it the key
   * type does: ES256, ES384, ES512, EdDSA or PS256. ML-DSA keys always have it, and their seed as
   * `priv`. For kid see {@link PublicKey.fromJwk}.
   *
   * @throws {@link CoseError} `COSE_KEY_NOT_PRIVATE`, `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`,
   * `COSE_KEY_WEAK`, `COSE_ALG_UNSUPPORTED`, `COSE_ALG_KEY_MISMATCH`
   */
  static fromJwk(jwk: unknown): PrivateKey {
    const object = parseJwkObject(jwk);
    return new PrivateKey(parsePrivateNumbers(object), parseNote(object, "sign"));
  }

  /**
   * Yields the key of a PEM text with one unencrypted PKCS #8 block (RFC 7468 §10). The key type
   * chooses the algorithm as in {@link PrivateKey.fromJwk}; kid is the thumbprint.
   *
   * @throws {@link CoseError} `COSE_KEY_NOT_PRIVATE`, `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`,
   * `COSE_KEY_WEAK`
   */
  static fromPem(text: string): PrivateKey {
    const { label, der } = parsePem(text);
    if (label !== "PRIVATE KEY") {
      throw new CoseError("COSE_KEY_NOT_PRIVATE", "PEM holds a public key, want a private one");
    }
    return new PrivateKey(decodePkcs8(der), {});
  }

  /** Yields a signature over the message, to be verified by the public key. */
  sign(message: Uint8Array): Promise<Uint8Array> {
    return signRaw(this.algorithm, this.#material, message);
  }

  /** Yields the key with its secret as a JWK. The caller keeps it safe. */
  toJwk(): Jwk {
    return {
      ...formatPrivateNumbers(this.#material),
      ...this.publicKey.toJwk(),
      alg: this.algorithm.name,
    };
  }
}

function firstAlgorithm(key: PublicKey): Algorithm {
  const found = ALGORITHMS.find((algorithm) => key.fits(algorithm));
  if (found === undefined) throw new TypeError(`no algorithm for a ${key.kty} key`);
  return found;
}
