import { multiplyBase } from "#crypto";
import { ecdsa, weierstrass, type ECDSA } from "@noble/curves/abstract/weierstrass.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { CURVES, type EcCurve } from "./curve.js";
import { CoseError } from "./error.js";
import type { Ec2Material } from "./material.js";

/** Domain parameters in hex; `a` is -3 and the cofactor 1 on all three (FIPS 186-5, SP 800-186 §3.2.1). */
interface Domain {
  readonly p: string;
  readonly n: string;
  readonly b: string;
  readonly Gx: string;
  readonly Gy: string;
  readonly hash: Hash;
}

type Hash = Parameters<typeof ecdsa>[1];

const DOMAINS: Readonly<Record<EcCurve, Domain>> = {
  "P-256": {
    p: "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    n: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    b: "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
    Gx: "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    Gy: "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    hash: sha256,
  },
  "P-384": {
    p: "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
    n: "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    b: "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
    Gx: "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
    Gy: "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
    hash: sha384,
  },
  "P-521": {
    p: "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    n: "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    b: "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00",
    Gx: "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
    Gy: "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
    hash: sha512,
  },
};

const MADE = new Map<EcCurve, ECDSA>();

/**
 * The curves' arithmetic. Vetting uses it on every platform, the portable path for signatures. Made for
 * each curve when it is asked for: a process that starts need not wait for those that it never meets.
 */
export const WEIERSTRASS: Readonly<Record<EcCurve, ECDSA>> = {
  get "P-256"() {
    return arithmetic("P-256");
  },
  get "P-384"() {
    return arithmetic("P-384");
  },
  get "P-521"() {
    return arithmetic("P-521");
  },
};

function arithmetic(curve: EcCurve): ECDSA {
  const known = MADE.get(curve);
  if (known !== undefined) return known;
  const { hash, ...domain } = DOMAINS[curve];
  const p = numberIn(domain.p);
  const [n, b] = [numberIn(domain.n), numberIn(domain.b)];
  const [Gx, Gy] = [numberIn(domain.Gx), numberIn(domain.Gy)];
  const made = ecdsa(weierstrass({ p, n, b, Gx, Gy, a: p - 3n, h: 1n }), hash);
  MADE.set(curve, made);
  return made;
}

function numberIn(hex: string): bigint {
  return BigInt(`0x${hex}`);
}

/** Yields the uncompressed SEC 1 §2.3.3 encoding of the point. */
export function encodePoint(material: Ec2Material): Uint8Array {
  const point = new Uint8Array(1 + material.x.length + material.y.length);
  point[0] = 4;
  point.set(material.x, 1);
  point.set(material.y, 1 + material.x.length);
  return point;
}

/**
 * Yields the coordinates of a SEC 1 §2.3.4 point, compressed or not. Proves that it is on the
 * curve; coordinates not below the field's prime and the point at infinity are refused.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED` (length, form), `COSE_KEY_WEAK` (no such point)
 */
export function decodePoint(curve: EcCurve, point: Uint8Array): Ec2Material {
  const { bytes } = CURVES[curve];
  const form = point[0];
  const isCompressed = form === 2 || form === 3;
  const want = 1 + bytes * (isCompressed ? 1 : 2);
  if (!isCompressed && form !== 4) {
    throw new CoseError("COSE_KEY_MALFORMED", "not a compressed or uncompressed point");
  }
  if (point.length !== want) {
    throw new CoseError("COSE_KEY_MALFORMED", `point of ${point.length} bytes, want ${want}`);
  }
  const full = decompress(curve, point);
  return { kty: "EC2", curve, x: full.slice(1, 1 + bytes), y: full.slice(1 + bytes) };
}

/**
 * Yields the public key of a private scalar.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED` (length, or not between 1 and the order less one)
 */
export function derivePoint(curve: EcCurve, d: Uint8Array): Ec2Material {
  const { utils } = WEIERSTRASS[curve];
  if (d.length !== CURVES[curve].bytes || !utils.isValidSecretKey(d)) {
    throw new CoseError("COSE_KEY_MALFORMED", `private key is not a scalar of ${curve}`);
  }
  return decodePoint(curve, multiplyBase(curve, d));
}

function decompress(curve: EcCurve, point: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(WEIERSTRASS[curve].Point.fromBytes(point).toBytes(false));
  } catch (cause) {
    throw new CoseError("COSE_KEY_WEAK", `point is not on ${curve}`, { cause });
  }
}
