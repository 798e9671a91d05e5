import { deriveEd25519 } from "#crypto";
import { CURVES } from "./curve.js";
import { vetEd25519 } from "./edwards.js";
import { CoseError } from "./error.js";
import {
  equalBytes,
  toInteger,
  type AkpMaterial,
  type Ec2Material,
  type OkpMaterial,
  type PrivateMaterial,
  type PublicMaterial,
  type RsaMaterial,
  type RsaSecret,
} from "./material.js";
import { expandMlDsa, ML_DSA, ML_DSA_SEED_BYTES, type MlDsaName } from "./ml-dsa.js";
import { decodePoint, derivePoint, encodePoint } from "./weierstrass.js";

const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192;
/** FIPS 186-5 §A.1.1: e above 2^16. */
const MIN_EXPONENT = 65537n;
/** Wider exponents are refused by some platforms' native RSA. */
const MAX_EXPONENT_BYTES = 4;

/**
 * Refuses a public key on which verifiers could disagree or which is too weak to trust. Done once,
 * when a key is made, by the same code on every platform.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_WEAK`, `COSE_KEY_UNSUPPORTED`
 */
export function vetPublic(material: PublicMaterial): void {
  switch (material.kty) {
    case "OKP":
      requireLength(material.x, CURVES.Ed25519.bytes);
      vetEd25519(material.x);
      return;
    case "EC2":
      vetEc2(material);
      return;
    case "RSA":
      vetRsa(material);
      return;
    case "AKP":
      // FIPS 204 §7.2: every byte string of this length encodes a key.
      requireLength(material.pub, ML_DSA[material.alg].publicBytes);
  }
}

/**
 * Refuses a private key that does not belong to its public key. A wrong CRT part of an RSA key
 * would give its factors away with the first signature.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, and all that {@link vetPublic} throws
 */
export function vetPrivate(material: PrivateMaterial): void {
  vetPublic(material.public);
  switch (material.kty) {
    case "OKP":
      requireMatch(equalBytes(deriveOkp(material.d).x, material.public.x));
      return;
    case "EC2": {
      const derived = derivePoint(material.public.curve, material.d);
      requireMatch(equalBytes(encodePoint(derived), encodePoint(material.public)));
      return;
    }
    case "RSA":
      requireMatch(isRsaConsistent(material));
      return;
    case "AKP": {
      const derived = deriveAkp(material.public.alg, material.priv);
      requireMatch(equalBytes(derived.pub, material.public.pub));
    }
  }
}

/**
 * Yields the public numbers of an Ed25519 seed.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function deriveOkp(seed: Uint8Array): OkpMaterial {
  requireLength(seed, CURVES.Ed25519.bytes);
  return { kty: "OKP", curve: "Ed25519", x: deriveEd25519(seed) };
}

/**
 * Yields the public numbers of an ML-DSA seed.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function deriveAkp(alg: MlDsaName, seed: Uint8Array): AkpMaterial {
  requireLength(seed, ML_DSA_SEED_BYTES);
  return { kty: "AKP", alg, pub: expandMlDsa(alg, seed).pub };
}

function vetEc2(material: Ec2Material): void {
  const { bytes } = CURVES[material.curve];
  // RFC 7518 §6.2.1.2, RFC 9053 §7.1.1: coordinates keep their leading zeros.
  requireLength(material.x, bytes);
  requireLength(material.y, bytes);
  decodePoint(material.curve, encodePoint(material));
}

function vetRsa({ n, e }: RsaMaterial): void {
  if (n[0] === undefined || e[0] === undefined || n[0] === 0 || e[0] === 0) {
    // RFC 8230 §4, RFC 7518 §6.3.1: no leading zeros.
    throw new CoseError("COSE_KEY_MALFORMED", "RSA number is empty or has leading zeros");
  }
  const bits = n.length * 8 - Math.clz32(n[0]) + 24;
  if (bits < MIN_MODULUS_BITS || bits > MAX_MODULUS_BITS) {
    throw new CoseError(
      "COSE_KEY_WEAK",
      `RSA modulus of ${bits} bits, want ${MIN_MODULUS_BITS} to ${MAX_MODULUS_BITS}`,
    );
  }
  if (isEven(n)) throw new CoseError("COSE_KEY_WEAK", "RSA modulus is even");
  if (e.length > MAX_EXPONENT_BYTES) {
    throw new CoseError("COSE_KEY_UNSUPPORTED", "RSA exponent is longer than 32 bits");
  }
  if (isEven(e) || toInteger(e) < MIN_EXPONENT) {
    throw new CoseError("COSE_KEY_WEAK", "RSA exponent is even or below 65537");
  }
}

function isRsaConsistent(key: RsaSecret): boolean {
  const [p, q, d] = [toInteger(key.p), toInteger(key.q), toInteger(key.d)];
  if (p <= 2n || q <= 2n || p * q !== toInteger(key.public.n)) return false;
  const e = toInteger(key.public.e);
  return (
    (d * e) % (p - 1n) === 1n &&
    (d * e) % (q - 1n) === 1n &&
    toInteger(key.dp) === d % (p - 1n) &&
    toInteger(key.dq) === d % (q - 1n) &&
    (toInteger(key.qi) * q) % p === 1n
  );
}

function isEven(magnitude: Uint8Array): boolean {
  return (magnitude.at(-1) ?? 0) % 2 === 0;
}

function requireLength(bytes: Uint8Array, want: number): void {
  if (bytes.length !== want) {
    throw new CoseError("COSE_KEY_MALFORMED", `key number of ${bytes.length} bytes, want ${want}`);
  }
}

function requireMatch(isMatch: boolean): void {
  if (!isMatch) {
    throw new CoseError("COSE_KEY_MALFORMED", "private key does not belong to its public key");
  }
}
