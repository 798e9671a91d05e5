import { p256, p384, p521 } from "@noble/curves/nist.js";
import type { ECDSA } from "@noble/curves/abstract/weierstrass.js";
import { CURVES, type EcCurve } from "./curve.js";
import { CoseError } from "./error.js";
import type { Ec2Material } from "./material.js";

/** The curves' arithmetic. Vetting uses it on every platform, the portable path for signatures. */
export const WEIERSTRASS: Readonly<Record<EcCurve, ECDSA>> = {
  "P-256": p256,
  "P-384": p384,
  "P-521": p521,
};

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
  const { utils, getPublicKey } = WEIERSTRASS[curve];
  if (d.length !== CURVES[curve].bytes || !utils.isValidSecretKey(d)) {
    throw new CoseError("COSE_KEY_MALFORMED", `private key is not a scalar of ${curve}`);
  }
  return decodePoint(curve, getPublicKey(d, false));
}

function decompress(curve: EcCurve, point: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(WEIERSTRASS[curve].Point.fromBytes(point).toBytes(false));
  } catch (cause) {
    throw new CoseError("COSE_KEY_WEAK", `point is not on ${curve}`, { cause });
  }
}
