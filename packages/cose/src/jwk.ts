import { algorithmByName, requireMlDsa, type Algorithm } from "./algorithm.js";
import { decodeBase64url, encodeBase64url } from "./base64url.js";
import { EC_CURVES } from "./curve.js";
import { CoseError } from "./error.js";
import { parseKeyId, type KeyId } from "./kid.js";
import type { MlDsaName } from "./ml-dsa.js";
import type { PrivateMaterial, PublicMaterial } from "./material.js";

/** A JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037, RFC 9964) as plain JSON. */
export interface Jwk {
  kty: string;
  crv?: string;
  x?: string;
  y?: string;
  n?: string;
  e?: string;
  d?: string;
  p?: string;
  q?: string;
  dp?: string;
  dq?: string;
  qi?: string;
  pub?: string;
  priv?: string;
  kid?: string;
  alg?: string;
  use?: string;
  key_ops?: string[];
}

/** What a key says beside its numbers. */
export interface KeyNote {
  readonly kid?: KeyId;
  readonly alg?: Algorithm;
}

type JwkObject = Readonly<Record<string, unknown>>;

/** Members that only private keys have (RFC 7518 §6.2.2, §6.3.2, RFC 9964). */
const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/**
 * Yields a copy of the JSON object, so that what was checked is what is used.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function parseJwkObject(jwk: unknown): JwkObject {
  if (typeof jwk !== "object" || jwk === null || Array.isArray(jwk)) {
    throw new CoseError("COSE_KEY_MALFORMED", "JWK is not an object");
  }
  return { ...jwk };
}

/**
 * Yields the public numbers of a JWK, not yet vetted.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_ALG_UNSUPPORTED`,
 * `COSE_ALG_KEY_MISMATCH`
 */
export function parsePublicNumbers(jwk: JwkObject): PublicMaterial {
  const { kty, crv } = jwk;
  if (kty === "OKP" && crv === "Ed25519") return { kty, curve: crv, x: bytesOf(jwk, "x") };
  if (kty === "EC") {
    const curve = EC_CURVES.find((name) => name === crv);
    if (curve !== undefined) {
      return { kty: "EC2", curve, x: bytesOf(jwk, "x"), y: bytesOf(jwk, "y") };
    }
  }
  if (kty === "RSA") return { kty, n: bytesOf(jwk, "n"), e: bytesOf(jwk, "e") };
  if (kty === "AKP") return { kty, alg: mlDsaNameOf(jwk["alg"]), pub: bytesOf(jwk, "pub") };
  if (typeof kty !== "string") throw new CoseError("COSE_KEY_MALFORMED", "JWK without kty");
  throw new CoseError(
    "COSE_KEY_UNSUPPORTED",
    "JWK kty or crv not supported, want EC (P-256, P-384, P-521), OKP (Ed25519), RSA or AKP",
  );
}

/**
 * Yields the private numbers of a JWK, not yet vetted. An RSA key needs all its CRT members.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_KEY_NOT_PRIVATE`
 */
export function parsePrivateNumbers(jwk: JwkObject): PrivateMaterial {
  const numbers = parsePublicNumbers(jwk);
  const secret = numbers.kty === "AKP" ? "priv" : "d";
  if (jwk[secret] === undefined) throw new CoseError("COSE_KEY_NOT_PRIVATE", "JWK is a public key");
  const d = bytesOf(jwk, secret);
  if (numbers.kty === "AKP") return { kty: "AKP", public: numbers, priv: d };
  if (numbers.kty === "OKP") return { kty: "OKP", public: numbers, d };
  if (numbers.kty === "EC2") return { kty: "EC2", public: numbers, d };
  if (jwk["oth"] !== undefined) {
    throw new CoseError("COSE_KEY_UNSUPPORTED", "RSA key of more than two primes");
  }
  const [p, q, dp] = [bytesOf(jwk, "p"), bytesOf(jwk, "q"), bytesOf(jwk, "dp")];
  const [dq, qi] = [bytesOf(jwk, "dq"), bytesOf(jwk, "qi")];
  return { kty: "RSA", public: numbers, d, p, q, dp, dq, qi };
}

/**
 * Yields kid and alg of a JWK, and checks that `use` and `key_ops`, if present, allow the
 * operation (RFC 7517 §4.2, §4.3).
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`, `COSE_KEY_UNSUPPORTED`, `COSE_ALG_UNSUPPORTED`
 */
export function parseNote(jwk: JwkObject, operation: "sign" | "verify"): KeyNote {
  const { use, key_ops: operations, kid, alg } = jwk;
  if (use !== undefined && use !== "sig") {
    throw new CoseError("COSE_KEY_UNSUPPORTED", "JWK use is not sig");
  }
  if (operations !== undefined) {
    if (!Array.isArray(operations)) {
      throw new CoseError("COSE_KEY_MALFORMED", "JWK key_ops is not an array");
    }
    if (!operations.includes(operation)) {
      throw new CoseError("COSE_KEY_UNSUPPORTED", `JWK key_ops without ${operation}`);
    }
  }
  if (alg !== undefined && typeof alg !== "string") {
    throw new CoseError("COSE_KEY_MALFORMED", "JWK alg is not text");
  }
  return {
    ...(kid === undefined ? {} : { kid: parseKeyId(kid) }),
    ...(alg === undefined ? {} : { alg: algorithmByName(alg) }),
  };
}

/** Refuses a JWK that carries private members where a public key is wanted. */
export function requirePublicMembers(jwk: JwkObject): void {
  const found = PRIVATE_MEMBERS.find((name) => jwk[name] !== undefined);
  if (found !== undefined) {
    throw new CoseError("COSE_KEY_MALFORMED", `public JWK carries the private member ${found}`);
  }
}

/** Yields the public numbers as a JWK. */
export function formatPublicNumbers(material: PublicMaterial): Jwk {
  switch (material.kty) {
    case "OKP":
      return { kty: "OKP", crv: material.curve, x: encodeBase64url(material.x) };
    case "EC2": {
      const [x, y] = [encodeBase64url(material.x), encodeBase64url(material.y)];
      return { kty: "EC", crv: material.curve, x, y };
    }
    case "RSA":
      return { kty: "RSA", n: encodeBase64url(material.n), e: encodeBase64url(material.e) };
    case "AKP":
      return { kty: "AKP", alg: material.alg, pub: encodeBase64url(material.pub) };
  }
}

/** Yields all numbers of a private key as a JWK. The caller keeps it secret. */
export function formatPrivateNumbers(material: PrivateMaterial): Jwk {
  const numbers = formatPublicNumbers(material.public);
  if (material.kty === "AKP") return { ...numbers, priv: encodeBase64url(material.priv) };
  const jwk: Jwk = { ...numbers, d: encodeBase64url(material.d) };
  if (material.kty !== "RSA") return jwk;
  const { p, q, dp, dq, qi } = material;
  return {
    ...jwk,
    p: encodeBase64url(p),
    q: encodeBase64url(q),
    dp: encodeBase64url(dp),
    dq: encodeBase64url(dq),
    qi: encodeBase64url(qi),
  };
}

/** RFC 9964: an AKP key without alg is no key, as its type alone fixes nothing. */
function mlDsaNameOf(alg: unknown): MlDsaName {
  if (typeof alg !== "string") throw new CoseError("COSE_KEY_MALFORMED", "AKP key without alg");
  return requireMlDsa(algorithmByName(alg));
}

function bytesOf(jwk: JwkObject, member: string): Uint8Array {
  const text = jwk[member];
  if (typeof text !== "string") {
    throw new CoseError("COSE_KEY_MALFORMED", `JWK member ${member} is missing or not text`);
  }
  return decodeBase64url(text);
}
