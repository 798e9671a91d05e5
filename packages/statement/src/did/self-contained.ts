import { CoseError, PublicKey, decodeBase64url, parseJson } from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import { StatementError } from "../error.js";
import { decodeBase58 } from "./base58.js";

/** DID methods whose identifier is the key itself. */
export const SELF_CONTAINED = ["did:jwk", "did:key"] as const;

/** One of {@link SELF_CONTAINED}. */
export type SelfContainedMethod = (typeof SELF_CONTAINED)[number];

/** An issuer that names its own key. */
export interface SelfContainedIssuer {
  readonly method: SelfContainedMethod;
  readonly key: PublicKey;
  /** What a kid may call the key, beside the names that it has by itself. */
  readonly names: readonly string[];
}

/** COSE numbers of key types, curves and algorithms, which the key's own decoder then checks. */
const COSE = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, okp: 1, ec2: 2, akp: 7, pub: -1 } as const;

/** RFC 8017 §A.1, RFC 3279 §2.3.1: `SEQUENCE { rsaEncryption, NULL }`. */
const RSA_ALGORITHM = [
  ...[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
  ...[0x05, 0x00],
];

/** Keys by their multicodec number, as the registry of multiformats has them. */
const CODECS: ReadonlyMap<number, (bytes: Uint8Array) => PublicKey> = new Map([
  [0xed, (x: Uint8Array) => coseKey([COSE.kty, COSE.okp], [COSE.crv, 6], [COSE.x, x])],
  [0x1200, (point: Uint8Array) => compressed(1, point)],
  [0x1201, (point: Uint8Array) => compressed(2, point)],
  [0x1202, (point: Uint8Array) => compressed(3, point)],
  [0x1205, (pkcs1: Uint8Array) => PublicKey.fromSpki(rsaSpki(pkcs1))],
  [0x1210, (pub: Uint8Array) => mlDsa(-48, pub)],
  [0x1211, (pub: Uint8Array) => mlDsa(-49, pub)],
  [0x1212, (pub: Uint8Array) => mlDsa(-50, pub)],
]);

/**
 * Yields the key that an `iss` of did:jwk or did:key is; `undefined` for every other `iss`.
 *
 * Nothing vouches for such an issuer but the key: whoever has it is it.
 *
 * @throws {@link StatementError} `STATEMENT_DID_INVALID`
 */
export function selfContainedIssuer(iss: string): SelfContainedIssuer | undefined {
  const method = SELF_CONTAINED.find((name) => iss.startsWith(`${name}:`));
  if (method === undefined) return undefined;
  const id = iss.slice(method.length + 1);
  try {
    // A fragment names a key of the DID, and would make two issuers of one.
    if (/[#?/]/.test(id)) throw invalid(method, "want a DID without path, query or fragment");
    if (method === "did:jwk") return { method, key: jwkOf(id), names: urlsOf(iss, "0") };
    return { method, key: multikeyOf(id), names: urlsOf(iss, id) };
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(method, cause.message, { cause });
  }
}

// did:jwk: the base64url of a public JWK.
function jwkOf(id: string): PublicKey {
  return PublicKey.fromJwk(parseJson(decodeBase64url(id)));
}

// did:key: `z`, then the base58 of a multicodec number and the key.
function multikeyOf(id: string): PublicKey {
  if (!id.startsWith("z")) throw invalid("did:key", "want base58btc, which begins with z");
  const bytes = decodeBase58(id.slice(1));
  const { codec, length } = readVarint(bytes);
  const decode = CODECS.get(codec);
  if (decode === undefined) {
    throw invalid("did:key", "want a key of Ed25519, P-256, P-384, P-521, RSA or ML-DSA");
  }
  return decode(bytes.subarray(length));
}

// Unsigned varint of two bytes at most, in shortest form, which all numbers above have.
function readVarint([first = 0, second = 0]: Uint8Array): { codec: number; length: number } {
  if (first < 0x80) return { codec: first, length: 1 };
  if (second === 0 || second >= 0x80) return { codec: -1, length: 0 };
  return { codec: (first % 0x80) + second * 0x80, length: 2 };
}

function compressed(curve: number, point: Uint8Array): PublicKey {
  const [sign, ...x] = point;
  if (sign !== 2 && sign !== 3) throw invalid("did:key", "want a compressed point");
  return coseKey(
    [COSE.kty, COSE.ec2],
    [COSE.crv, curve],
    [COSE.x, Uint8Array.from(x)],
    [COSE.y, sign === 3],
  );
}

function mlDsa(algorithm: number, pub: Uint8Array): PublicKey {
  return coseKey([COSE.kty, COSE.akp], [COSE.alg, algorithm], [COSE.pub, new Uint8Array(pub)]);
}

function coseKey(...entries: readonly (readonly [number, CborValue])[]): PublicKey {
  const map: CborMap = new Map(entries);
  return PublicKey.fromCoseKey(map);
}

function rsaSpki(pkcs1: Uint8Array): Uint8Array {
  const bits = element(0x03, [0, ...pkcs1]);
  return Uint8Array.from(element(0x30, [...RSA_ALGORITHM, ...bits]));
}

function element(tag: number, content: readonly number[]): readonly number[] {
  const { length } = content;
  if (length < 0x80) return [tag, length, ...content];
  if (length < 0x100) return [tag, 0x81, length, ...content];
  return [tag, 0x82, Math.floor(length / 0x100), length % 0x100, ...content];
}

function urlsOf(did: string, fragment: string): readonly string[] {
  return [`${did}#${fragment}`, `#${fragment}`, fragment];
}

function invalid(method: SelfContainedMethod, why: string, options?: ErrorOptions): StatementError {
  return new StatementError("STATEMENT_DID_INVALID", `iss of ${method}: ${why}`, options);
}
