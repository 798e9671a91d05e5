import { CURVES, EC_CURVES, type EcCurve } from "./curve.js";
import { DER, DerReader } from "./der.js";
import { CoseError } from "./error.js";
import { mlDsaOf, readAkpPrivate } from "./akp-der.js";
import { ML_DSA_NAMES, type MlDsaName } from "./ml-dsa.js";
import { equalBytes, type PrivateMaterial, type PublicMaterial } from "./material.js";
import { deriveOkp } from "./vetting.js";
import { decodePoint, derivePoint, encodePoint } from "./weierstrass.js";

/** Object identifiers of key algorithms (RFC 5480 §2.1.1, RFC 8017 §A.1), content in hex. */
const OID = { ecPublicKey: "2a8648ce3d0201", rsaEncryption: "2a864886f70d010101" } as const;

/** Context tags: \[0\] and \[1\], constructed; \[1\] IMPLICIT BIT STRING. */
const CONTEXT = { zero: 0xa0, one: 0xa1, onePrimitive: 0x81 } as const;

type KeyAlgorithm = EcCurve | "Ed25519" | "RSA" | MlDsaName;

/**
 * Yields the public numbers of a SubjectPublicKeyInfo (RFC 5280 §4.1), not yet vetted.
 *
 * ```asn1
 * SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
 * ```
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_KEY_WEAK`
 */
export function decodeSpki(der: Uint8Array): PublicMaterial {
  const outer = new DerReader(der);
  const spki = outer.readSequence();
  outer.end();
  const algorithm = readAlgorithm(spki);
  const key = spki.readBitString();
  spki.end();
  if (algorithm === "RSA") return readRsaPublic(key);
  if (isMlDsa(algorithm)) return { kty: "AKP", alg: algorithm, pub: new Uint8Array(key) };
  if (algorithm !== "Ed25519") return decodePoint(algorithm, key);
  return { kty: "OKP", curve: "Ed25519", x: new Uint8Array(key) };
}

/**
 * Yields the private numbers of an unencrypted PKCS #8 key (RFC 5208, RFC 5958), not yet vetted.
 * A public key inside must belong to the private one.
 *
 * ```asn1
 * OneAsymmetricKey ::= SEQUENCE { version INTEGER (0..1), algorithm AlgorithmIdentifier,
 *   privateKey OCTET STRING, attributes [0] OPTIONAL, publicKey [1] IMPLICIT BIT STRING OPTIONAL }
 * ```
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_KEY_WEAK`
 */
export function decodePkcs8(der: Uint8Array): PrivateMaterial {
  const outer = new DerReader(der);
  const info = outer.readSequence();
  outer.end();
  const [version = 0, ...rest] = info.readInteger();
  if (version > 1 || rest.length > 0) {
    throw new CoseError("COSE_KEY_MALFORMED", "PKCS #8 version is not 0 or 1");
  }
  const algorithm = readAlgorithm(info);
  const key = info.read(DER.octetString);
  if (info.isNext(CONTEXT.zero)) info.read(CONTEXT.zero);
  const given = info.isNext(CONTEXT.onePrimitive)
    ? info.readBitString(CONTEXT.onePrimitive)
    : undefined;
  info.end();
  if (algorithm === "RSA") return readRsaPrivate(key);
  if (isMlDsa(algorithm)) return readAkpPrivate(algorithm, key, given);
  return algorithm === "Ed25519" ? readSeed(key, given) : readScalar(algorithm, key, given);
}

/** `AlgorithmIdentifier ::= SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }` */
function readAlgorithm(parent: DerReader): KeyAlgorithm {
  const sequence = parent.readSequence();
  const oid = sequence.readOid();
  let algorithm: KeyAlgorithm | undefined;
  if (oid === CURVES.Ed25519.oid) {
    // RFC 8410 §3: the parameters must be absent.
    algorithm = "Ed25519";
  } else if (mlDsaOf(oid) !== undefined) {
    // RFC 9881 §2: the parameters must be absent.
    algorithm = mlDsaOf(oid);
  } else if (oid === OID.rsaEncryption) {
    // RFC 3279 §2.3.1: the parameters must be NULL.
    if (sequence.read(DER.null).length > 0) {
      throw new CoseError("COSE_KEY_MALFORMED", "DER: NULL with content");
    }
    algorithm = "RSA";
  } else if (oid === OID.ecPublicKey) {
    // RFC 5480 §2.1.1: named curves only.
    if (sequence.isNext(DER.oid)) algorithm = namedCurve(sequence.readOid());
  }
  if (algorithm === undefined) {
    throw new CoseError(
      "COSE_KEY_UNSUPPORTED",
      "key algorithm or curve not supported, want P-256, P-384, P-521, Ed25519, RSA or ML-DSA",
    );
  }
  sequence.end();
  return algorithm;
}

function isMlDsa(algorithm: KeyAlgorithm): algorithm is MlDsaName {
  return ML_DSA_NAMES.some((name) => name === algorithm);
}

function namedCurve(oid: string): EcCurve | undefined {
  return EC_CURVES.find((name) => CURVES[name].oid === oid);
}

/** `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 §A.1.1) */
function readRsaPublic(key: Uint8Array): PublicMaterial {
  const outer = new DerReader(key);
  const sequence = outer.readSequence();
  outer.end();
  const [n, e] = [readNumber(sequence), readNumber(sequence)];
  sequence.end();
  return { kty: "RSA", n, e };
}

/** `RSAPrivateKey ::= SEQUENCE { version, n, e, d, p, q, dp, dq, qi }` (RFC 8017 §A.1.2) */
function readRsaPrivate(key: Uint8Array): PrivateMaterial {
  const outer = new DerReader(key);
  const sequence = outer.readSequence();
  outer.end();
  if (sequence.readInteger().length > 0) {
    throw new CoseError("COSE_KEY_UNSUPPORTED", "RSA key of more than two primes");
  }
  const [n, e, d] = [readNumber(sequence), readNumber(sequence), readNumber(sequence)];
  const [p, q] = [readNumber(sequence), readNumber(sequence)];
  const [dp, dq, qi] = [readNumber(sequence), readNumber(sequence), readNumber(sequence)];
  sequence.end();
  return { kty: "RSA", public: { kty: "RSA", n, e }, d, p, q, dp, dq, qi };
}

/** `CurvePrivateKey ::= OCTET STRING` (RFC 8410 §7) */
function readSeed(key: Uint8Array, given: Uint8Array | undefined): PrivateMaterial {
  const outer = new DerReader(key);
  const d = new Uint8Array(outer.read(DER.octetString));
  outer.end();
  const derived = deriveOkp(d);
  if (given !== undefined) requireSame(derived.x, given);
  return { kty: "OKP", public: derived, d };
}

/**
 * Reads the private key of RFC 5915 §3.
 *
 * ```asn1
 * ECPrivateKey ::= SEQUENCE { version INTEGER (1), privateKey OCTET STRING,
 *   parameters [0] NamedCurve OPTIONAL, publicKey [1] BIT STRING OPTIONAL }
 * ```
 */
function readScalar(
  curve: EcCurve,
  key: Uint8Array,
  given: Uint8Array | undefined,
): PrivateMaterial {
  const outer = new DerReader(key);
  const sequence = outer.readSequence();
  outer.end();
  const version = sequence.readInteger();
  if (version.length !== 1 || version[0] !== 1) {
    throw new CoseError("COSE_KEY_MALFORMED", "EC private key version is not 1");
  }
  const d = new Uint8Array(sequence.read(DER.octetString));
  if (sequence.isNext(CONTEXT.zero)) {
    const parameters = new DerReader(sequence.read(CONTEXT.zero));
    if (namedCurve(parameters.readOid()) !== curve) {
      throw new CoseError("COSE_KEY_MALFORMED", "EC private key names two curves");
    }
    parameters.end();
  }
  const derived = derivePoint(curve, d);
  if (sequence.isNext(CONTEXT.one)) {
    const inner = new DerReader(sequence.read(CONTEXT.one));
    requireSame(encodePoint(derived), encodePoint(decodePoint(curve, inner.readBitString())));
    inner.end();
  }
  sequence.end();
  if (given !== undefined) {
    requireSame(encodePoint(derived), encodePoint(decodePoint(curve, given)));
  }
  return { kty: "EC2", public: derived, d };
}

function readNumber(sequence: DerReader): Uint8Array {
  return new Uint8Array(sequence.readInteger());
}

function requireSame(derived: Uint8Array, given: Uint8Array): void {
  if (!equalBytes(derived, given)) {
    throw new CoseError("COSE_KEY_MALFORMED", "private key does not belong to its public key");
  }
}
