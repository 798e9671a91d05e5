import { DER, DerReader } from "./der.js";
import { CoseError } from "./error.js";
import { decodeHex } from "./hex.js";
import { equalBytes, type AkpMaterial, type AkpSecret } from "./material.js";
import { expandMlDsa, ML_DSA, ML_DSA_NAMES, ML_DSA_SEED_BYTES, type MlDsaName } from "./ml-dsa.js";
import { deriveAkp } from "./vetting.js";

/** `seed [0] IMPLICIT OCTET STRING` */
const SEED_TAG = 0x80;

/** Yields the parameter set of an object identifier, its content in hex. */
export function mlDsaOf(oid: string): MlDsaName | undefined {
  return ML_DSA_NAMES.find((name) => ML_DSA[name].oid === oid);
}

/**
 * Reads the private key of RFC 9881 §6, which has to bring the seed along: the seed cannot be had
 * from the expanded key, and RFC 9964 knows no other private key. An expanded key beside the seed
 * has to come of it.
 *
 * ```asn1
 * ML-DSA-44-PrivateKey ::= CHOICE { seed [0] OCTET STRING, expandedKey OCTET STRING,
 *   both SEQUENCE { seed OCTET STRING, expandedKey OCTET STRING } }
 * ```
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`
 */
export function readAkpPrivate(
  alg: MlDsaName,
  key: Uint8Array,
  given: Uint8Array | undefined,
): AkpSecret {
  const outer = new DerReader(key);
  if (outer.isNext(DER.octetString)) {
    throw new CoseError("COSE_KEY_UNSUPPORTED", "ML-DSA private key without its seed");
  }
  const priv = outer.isNext(DER.sequence) ? readBoth(alg, outer) : outer.read(SEED_TAG);
  outer.end();
  const secret = { kty: "AKP", public: deriveAkp(alg, priv), priv: new Uint8Array(priv) } as const;
  if (given !== undefined) requireSame(secret.public.pub, given);
  return secret;
}

function readBoth(alg: MlDsaName, outer: DerReader): Uint8Array {
  const both = outer.readSequence();
  const [seed, expanded] = [both.read(DER.octetString), both.read(DER.octetString)];
  both.end();
  if (seed.length !== ML_DSA_SEED_BYTES) {
    throw new CoseError("COSE_KEY_MALFORMED", `seed of ${seed.length} bytes`);
  }
  requireSame(expandMlDsa(alg, seed).expanded, expanded);
  return seed;
}

/** Yields the key as SubjectPublicKeyInfo (RFC 9881 §4). */
export function encodeAkpSpki({ alg, pub }: AkpMaterial): Uint8Array {
  const algorithm = algorithmIdentifier(alg);
  const bits = join(heading(DER.bitString, pub.length + 1), Uint8Array.of(0), pub);
  return join(heading(DER.sequence, algorithm.length + bits.length), algorithm, bits);
}

/** Yields the key as PKCS #8 with its seed alone (RFC 9881 §6). */
export function encodeAkpPkcs8({ public: { alg }, priv }: AkpSecret): Uint8Array {
  const seed = join(Uint8Array.of(SEED_TAG, priv.length), priv);
  const key = join(Uint8Array.of(DER.octetString, seed.length), seed);
  const info = join(Uint8Array.of(DER.integer, 1, 0), algorithmIdentifier(alg), key);
  return join(Uint8Array.of(DER.sequence, info.length), info);
}

function algorithmIdentifier(alg: MlDsaName): Uint8Array {
  const oid = decodeHex(ML_DSA[alg].oid);
  return Uint8Array.of(DER.sequence, oid.length + 2, DER.oid, oid.length, ...oid);
}

/** Tag and length of an element from 256 bytes up, as all parts of a public key are. */
function heading(tag: number, length: number): Uint8Array {
  return Uint8Array.of(tag, 0x82, length >> 8, length & 0xff);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function requireSame(derived: Uint8Array, given: Uint8Array): void {
  if (!equalBytes(derived, given)) {
    throw new CoseError("COSE_KEY_MALFORMED", "parts of the private key contradict each other");
  }
}
