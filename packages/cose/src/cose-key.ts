import { algorithmById, algorithmByName, requireMlDsa } from "./algorithm.js";
import { CURVES, EC_CURVES, type EcCurve } from "./curve.js";
import { CoseError } from "./error.js";
import type { KeyNote } from "./jwk.js";
import { keyIdOf } from "./kid.js";
import { KEY_LABEL } from "./labels.js";
import type { PublicMaterial } from "./material.js";
import { isCborArray, type CborMap, type CborValue } from "./value.js";
import { decodePoint } from "./weierstrass.js";

/** COSE key type numbers (IANA "COSE Key Types"). */
const KTY = { OKP: 1, EC2: 2, RSA: 3, AKP: 7 } as const;

/** The key operation "verify" (RFC 9052 §7.1, Table 5). */
const VERIFY = 2;

/** The public numbers of a COSE_Key by label, and nothing else: also what RFC 9679 §4 hashes. */
export function encodePublicNumbers(material: PublicMaterial): Map<number, CborValue> {
  switch (material.kty) {
    case "OKP":
      return new Map<number, CborValue>([
        [KEY_LABEL.kty, KTY.OKP],
        [KEY_LABEL.okpCurve, CURVES.Ed25519.id],
        [KEY_LABEL.okpX, copy(material.x)],
      ]);
    case "EC2":
      return new Map<number, CborValue>([
        [KEY_LABEL.kty, KTY.EC2],
        [KEY_LABEL.ec2Curve, CURVES[material.curve].id],
        [KEY_LABEL.ec2X, copy(material.x)],
        [KEY_LABEL.ec2Y, copy(material.y)],
      ]);
    case "RSA":
      return new Map<number, CborValue>([
        [KEY_LABEL.kty, KTY.RSA],
        [KEY_LABEL.rsaN, copy(material.n)],
        [KEY_LABEL.rsaE, copy(material.e)],
      ]);
    case "AKP":
      // RFC 9964: alg is one of the required members, in the thumbprint too.
      return new Map<number, CborValue>([
        [KEY_LABEL.kty, KTY.AKP],
        [KEY_LABEL.alg, algorithmByName(material.alg).id],
        [KEY_LABEL.akpPub, copy(material.pub)],
      ]);
  }
}

/**
 * Yields the public numbers of a COSE_Key (RFC 9053 §7, RFC 8230 §4, RFC 9964), not yet vetted.
 *
 * A private member is refused: a key that should be public must not carry its secret along.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_KEY_WEAK`,
 * `COSE_ALG_UNSUPPORTED`, `COSE_ALG_KEY_MISMATCH`
 */
export function decodePublicNumbers(map: CborMap): PublicMaterial {
  const kty = map.get(KEY_LABEL.kty);
  if (kty === KTY.OKP && map.get(KEY_LABEL.okpCurve) === CURVES.Ed25519.id) {
    refusePrivate(map, KEY_LABEL.okpD);
    return { kty: "OKP", curve: "Ed25519", x: bytesAt(map, KEY_LABEL.okpX) };
  }
  const curve = EC_CURVES.find((name) => CURVES[name].id === map.get(KEY_LABEL.ec2Curve));
  if (kty === KTY.EC2 && curve !== undefined) {
    refusePrivate(map, KEY_LABEL.ec2D);
    return decodeEc2(map, curve);
  }
  if (kty === KTY.RSA) {
    refusePrivate(map, KEY_LABEL.rsaD);
    return { kty: "RSA", n: bytesAt(map, KEY_LABEL.rsaN), e: bytesAt(map, KEY_LABEL.rsaE) };
  }
  if (kty === KTY.AKP) {
    refusePrivate(map, KEY_LABEL.akpPriv);
    return decodeAkp(map);
  }
  if (typeof kty !== "number" && typeof kty !== "string") {
    throw new CoseError("COSE_KEY_MALFORMED", "COSE_Key without kty");
  }
  throw new CoseError(
    "COSE_KEY_UNSUPPORTED",
    "COSE_Key kty or crv not supported, want EC2 (P-256, P-384, P-521), OKP (Ed25519), RSA or AKP",
  );
}

/**
 * Yields kid and alg of a COSE_Key, and checks that key_ops, if present, allow verifying
 * (RFC 9052 §7.1).
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_ALG_UNSUPPORTED`
 */
export function decodeNote(map: CborMap): KeyNote {
  const operations = map.get(KEY_LABEL.keyOps);
  if (operations !== undefined) {
    if (!isCborArray(operations) || operations.length === 0) {
      throw new CoseError("COSE_KEY_MALFORMED", "COSE_Key key_ops is not an array or is empty");
    }
    if (!operations.includes(VERIFY)) {
      throw new CoseError("COSE_KEY_UNSUPPORTED", "COSE_Key key_ops without verify");
    }
  }
  const alg = map.get(KEY_LABEL.alg);
  const kid = map.has(KEY_LABEL.kid) ? bytesAt(map, KEY_LABEL.kid) : undefined;
  if (kid?.length === 0) throw new CoseError("COSE_KEY_MALFORMED", "COSE_Key kid is empty");
  return {
    ...(kid === undefined ? {} : { kid: keyIdOf(kid) }),
    ...(alg === undefined ? {} : { alg: algorithmById(alg) }),
  };
}

/** RFC 9053 §7.1.1 lets y be its sign bit alone; the point is decompressed then. */
function decodeEc2(map: CborMap, curve: EcCurve): PublicMaterial {
  const x = bytesAt(map, KEY_LABEL.ec2X);
  const y = map.get(KEY_LABEL.ec2Y);
  if (typeof y !== "boolean") return { kty: "EC2", curve, x, y: bytesAt(map, KEY_LABEL.ec2Y) };
  return decodePoint(curve, Uint8Array.of(y ? 3 : 2, ...x));
}

/** RFC 9964: an AKP key names its algorithm. */
function decodeAkp(map: CborMap): PublicMaterial {
  const alg = map.get(KEY_LABEL.alg);
  if (alg === undefined) throw new CoseError("COSE_KEY_MALFORMED", "AKP key without alg");
  const name = requireMlDsa(algorithmById(alg));
  return { kty: "AKP", alg: name, pub: bytesAt(map, KEY_LABEL.akpPub) };
}

function refusePrivate(map: CborMap, label: number): void {
  if (map.has(label)) {
    throw new CoseError("COSE_KEY_MALFORMED", "public COSE_Key carries its private member");
  }
}

function bytesAt(map: CborMap, label: number): Uint8Array {
  const value = map.get(label);
  if (!(value instanceof Uint8Array)) {
    throw new CoseError("COSE_KEY_MALFORMED", `COSE_Key member ${label} is not a byte string`);
  }
  return copy(value);
}

function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
