import type { HashName, SignatureScheme } from "@tallystick/cose";
import { DER_TAG, childrenOf, contentOf, oidOf, type DerElement } from "./der.js";

const RSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";

const HASHES: ReadonlyMap<string, HashName> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha-256"],
  ["2.16.840.1.101.3.4.2.2", "sha-384"],
  ["2.16.840.1.101.3.4.2.3", "sha-512"],
]);

/** RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3, RFC 9881 §3. */
const SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map<string, SignatureScheme>([
  ["1.2.840.113549.1.1.11", { kty: "RSA", padding: "pkcs1", hash: "sha-256" }],
  ["1.2.840.113549.1.1.12", { kty: "RSA", padding: "pkcs1", hash: "sha-384" }],
  ["1.2.840.113549.1.1.13", { kty: "RSA", padding: "pkcs1", hash: "sha-512" }],
  ["1.2.840.10045.4.3.2", { kty: "EC2", hash: "sha-256" }],
  ["1.2.840.10045.4.3.3", { kty: "EC2", hash: "sha-384" }],
  ["1.2.840.10045.4.3.4", { kty: "EC2", hash: "sha-512" }],
  ["1.3.101.112", { kty: "OKP" }],
  ["2.16.840.1.101.3.4.3.17", { kty: "AKP", alg: "ML-DSA-44" }],
  ["2.16.840.1.101.3.4.3.18", { kty: "AKP", alg: "ML-DSA-65" }],
  ["2.16.840.1.101.3.4.3.19", { kty: "AKP", alg: "ML-DSA-87" }],
]);

/** An AlgorithmIdentifier of a signature (RFC 5280 §4.1.1.2). */
export interface SignatureAlgorithm {
  /** Dotted. */
  readonly oid: string;
  /** Undefined where it cannot be verified here: MD5, SHA-1, and whatever else is not in the table. */
  readonly scheme: SignatureScheme | undefined;
}

/**
 * Yields the algorithm that an AlgorithmIdentifier names.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function signatureAlgorithmOf(element: DerElement): SignatureAlgorithm {
  const [type, ...parameters] = childrenOf(element, DER_TAG.sequence);
  const oid = oidOf(type);
  return { oid, scheme: schemeOf(oid, parameters) };
}

function schemeOf(oid: string, parameters: readonly DerElement[]): SignatureScheme | undefined {
  if (oid === RSA_PSS) return pssScheme(parameters);
  const scheme = SCHEMES.get(oid);
  // RFC 4055 §5: NULL or nothing for RSA; nothing for all others.
  if (parameters.length === 0) return scheme;
  return scheme?.kty === "RSA" && isNull(parameters) ? scheme : undefined;
}

/**
 * Yields the scheme of RSASSA-PSS-params, whose defaults all stand for SHA-1 (RFC 4055 §3.1).
 *
 * ```asn1
 * RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] …, maskGenAlgorithm [1] …,
 *   saltLength [2] INTEGER DEFAULT 20, trailerField [3] INTEGER DEFAULT 1 }
 * ```
 */
function pssScheme(parameters: readonly DerElement[]): SignatureScheme | undefined {
  const [sequence, ...rest] = parameters;
  if (sequence?.tag !== DER_TAG.sequence || rest.length > 0) return undefined;
  const [hashField, maskField, saltField, ...others] = sequence.children;
  if (hashField?.tag !== 0xa0 || maskField?.tag !== 0xa1 || others.length > 0) return undefined;
  const hash = hashOf(hashField.children);
  const [mask, ...behind] = maskField.children;
  const [generator, ...digest] = mask?.children ?? [];
  if (mask?.tag !== DER_TAG.sequence || behind.length > 0 || generator?.tag !== DER_TAG.oid) {
    return undefined;
  }
  if (hash === undefined || oidOf(generator) !== MGF1 || hashOf(digest) !== hash) return undefined;
  const saltBytes = saltField === undefined ? 20 : saltLengthOf(saltField);
  return saltBytes === undefined ? undefined : { kty: "RSA", padding: "pss", hash, saltBytes };
}

function hashOf(elements: readonly DerElement[]): HashName | undefined {
  const [identifier, ...rest] = elements;
  if (identifier?.tag !== DER_TAG.sequence || rest.length > 0) return undefined;
  const [oid, ...parameters] = identifier.children;
  if (oid?.tag !== DER_TAG.oid || (parameters.length > 0 && !isNull(parameters))) return undefined;
  return HASHES.get(oidOf(oid));
}

// No key taken here has room for a salt of more than two bytes of length.
function saltLengthOf(field: DerElement): number | undefined {
  const [value, ...rest] = field.children;
  if (field.tag !== 0xa2 || value?.tag !== DER_TAG.integer || rest.length > 0) return undefined;
  const [first = 0, second] = contentOf(value, DER_TAG.integer);
  if (first >= 0x80 || value.content.length > 2) return undefined;
  return second === undefined ? first : first * 256 + second;
}

function isNull(parameters: readonly DerElement[]): boolean {
  return parameters.length === 1 && parameters[0]?.tag === DER_TAG.null;
}
