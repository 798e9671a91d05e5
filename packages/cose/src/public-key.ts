import { algorithmByName, isSameOperation, type Algorithm, type KeyType } from "./algorithm.js";
import { decodeNote, decodePublicNumbers, encodePublicNumbers } from "./cose-key.js";
import type { Curve } from "./curve.js";
import { CoseError } from "./error.js";
import {
  formatPublicNumbers,
  parseJwkObject,
  parseNote,
  parsePublicNumbers,
  requirePublicMembers,
  type Jwk,
  type KeyNote,
} from "./jwk.js";
import { encodeHex } from "./hex.js";
import { keyIdOf, namesOf, type KeyId } from "./kid.js";
import { KEY_LABEL } from "./labels.js";
import type { PublicMaterial } from "./material.js";
import { parsePem } from "./pem.js";
import { decodeSpki } from "./spki.js";
import { computeThumbprint } from "./thumbprint.js";
import type { CborMap } from "./value.js";
import { vetPublic } from "./vetting.js";

let construct: (material: PublicMaterial, note: KeyNote) => PublicKey;
let reveal: (key: PublicKey) => PublicMaterial;

/**
 * A public key that is fit to verify with: vetted once when made, immutable from then on.
 *
 * Two keys are the same when their thumbprints are.
 */
export class PublicKey {
  readonly kty: KeyType;
  /** Undefined for RSA and ML-DSA. */
  readonly curve: Curve | undefined;
  /** The one algorithm the key says it is for, if it says so; ML-DSA keys always do. */
  readonly algorithm: Algorithm | undefined;
  /** The thumbprint (RFC 9679) in lower-case hexadecimal, as keys are looked up by it. */
  readonly thumbprintHex: string;
  readonly #material: PublicMaterial;
  readonly #kid: KeyId;
  readonly #thumbprint: Uint8Array;

  static {
    construct = (material, note) => new PublicKey(material, note);
    reveal = (key) => key.#material;
  }

  private constructor(material: PublicMaterial, note: KeyNote) {
    vetPublic(material);
    this.kty = material.kty;
    this.curve = "curve" in material ? material.curve : undefined;
    this.algorithm = material.kty === "AKP" ? algorithmByName(material.alg) : note.alg;
    this.#material = material;
    this.#thumbprint = computeThumbprint(material);
    this.thumbprintHex = encodeHex(this.#thumbprint);
    this.#kid = note.kid ?? keyIdOf(this.#thumbprint);
    if (note.alg !== undefined && !this.fits(note.alg)) {
      throw new CoseError("COSE_ALG_KEY_MISMATCH", `${this.kty} key names ${note.alg.name}`);
    }
    Object.freeze(this);
  }

  /**
   * Yields the key of a JSON Web Key (RFC 7517). Private members are refused.
   *
   * JWK has kid as text, COSE as bytes: a kid of exactly 43 characters that is canonical base64url
   * stands for the 32 bytes it encodes, as a thumbprint does; any other stands for its UTF-8. See
   * {@link PublicKey.names} for the forms in which a message may give it.
   *
   * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED` (type, curve, `use` or
   * `key_ops`), `COSE_KEY_WEAK`, `COSE_ALG_UNSUPPORTED`, `COSE_ALG_KEY_MISMATCH`
   */
  static fromJwk(jwk: unknown): PublicKey {
    const object = parseJwkObject(jwk);
    requirePublicMembers(object);
    return new PublicKey(parsePublicNumbers(object), parseNote(object, "verify"));
  }

  /**
   * Yields the key of a decoded COSE_Key map (RFC 9052 §7). Private members are refused; y may be
   * a sign bit.
   *
   * @throws {@link CoseError} as {@link PublicKey.fromJwk}
   */
  static fromCoseKey(map: CborMap): PublicKey {
    return new PublicKey(decodePublicNumbers(map), decodeNote(map));
  }

  /**
   * Yields the key of a DER SubjectPublicKeyInfo (RFC 5280 §4.1). Its kid is the thumbprint.
   *
   * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_KEY_WEAK`
   */
  static fromSpki(der: Uint8Array): PublicKey {
    return new PublicKey(decodeSpki(der), {});
  }

  /**
   * Yields the key of a PEM text with one `PUBLIC KEY` block (RFC 7468 §13).
   *
   * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_KEY_WEAK`
   */
  static fromPem(text: string): PublicKey {
    const { label, der } = parsePem(text);
    if (label !== "PUBLIC KEY") {
      throw new CoseError("COSE_KEY_MALFORMED", "PEM holds a private key, want a public one");
    }
    return PublicKey.fromSpki(der);
  }

  /** The kid that came with the key, else its thumbprint. A copy. */
  get kid(): Uint8Array {
    return new Uint8Array(this.#kid.bytes);
  }

  /**
   * What the key answers to, the kid first: the UTF-8 of the kid's text, the bytes that the text
   * encodes where it is canonical base64url, and the RFC 9679 thumbprint. Whoever looks keys up has
   * to refuse two different keys that share a name. Copies.
   */
  get names(): readonly Uint8Array[] {
    return namesOf(this.#kid, this.#thumbprint).map((name) => new Uint8Array(name));
  }

  /** Yields the SHA-256 thumbprint (RFC 9679). A copy. */
  thumbprint(): Uint8Array {
    return new Uint8Array(this.#thumbprint);
  }

  /**
   * Yields whether signatures of this algorithm can be verified with the key: type and curve agree
   * and, if the key names an algorithm, it is the same operation.
   */
  fits(algorithm: Algorithm): boolean {
    if (algorithm.kty !== this.kty || algorithm.curve !== this.curve) return false;
    return this.algorithm === undefined || isSameOperation(algorithm, this.algorithm);
  }

  /**
   * Yields the key as a JWK, with the kid of the JWK it came from. A kid that came as bytes is
   * written as its UTF-8 where that reads back, else as base64url, to which the key still answers.
   */
  toJwk(): Jwk {
    return {
      ...formatPublicNumbers(this.#material),
      kid: this.#kid.text,
      ...(this.algorithm === undefined ? {} : { alg: this.algorithm.name }),
    };
  }

  /** Yields the key as a COSE_Key map, with the algorithm given or else the key's own, if any. */
  toCoseKey(options: { readonly alg?: Algorithm } = {}): CborMap {
    const map = encodePublicNumbers(this.#material);
    map.set(KEY_LABEL.kid, this.kid);
    const alg = options.alg ?? this.algorithm;
    if (alg === undefined) return map;
    if (!this.fits(alg)) throw new TypeError(`key is not for ${alg.name}`);
    return map.set(KEY_LABEL.alg, alg.id);
  }
}

/** Yields a vetted key from numbers that the caller hands over and never touches again. */
export function makePublicKey(material: PublicMaterial, note: KeyNote): PublicKey {
  return construct(material, note);
}

/** Yields the numbers of a key, for the implementations of "#crypto" alone. */
export function materialOf(key: PublicKey): PublicMaterial {
  return reveal(key);
}
