import { CoseError, decodeBase64url, encodeHex } from "@tallystick/cose";
import type { HashName } from "@tallystick/cose";

import { StatementError } from "../error.js";
import type { Certificate } from "../x509/certificate.js";
import type { CertificatePath } from "../x509/path.js";

const PREFIX = "did:x509:";

const HASHES: ReadonlyMap<string, { readonly name: HashName; readonly bytes: number }> = new Map([
  ["sha256", { name: "sha-256", bytes: 32 }],
  ["sha384", { name: "sha-384", bytes: 48 }],
  ["sha512", { name: "sha-512", bytes: 64 }],
]);

/** Attributes of a subject that have a short name in a DID (RFC 4514 §3). */
const ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ["CN", "2.5.4.3"],
  ["C", "2.5.4.6"],
  ["L", "2.5.4.7"],
  ["ST", "2.5.4.8"],
  ["STREET", "2.5.4.9"],
  ["O", "2.5.4.10"],
  ["OU", "2.5.4.11"],
]);

/** The issuer that Fulcio vouches to have authenticated somebody with. */
const FULCIO_ISSUER = "1.3.6.1.4.1.57264.1.1";

const OID = /^(?:[0-2](?:\.(?:0|[1-9][0-9]*))+)$/;

/** Something that the leaf has to state; yields what is wrong with one that does not. */
type Predicate = (leaf: Certificate) => string | undefined;

/** A parsed did:x509 (version 0): a certificate authority, and what its leaf states. */
export class DidX509 {
  readonly hash: HashName;
  /** Of a certificate authority in the path. */
  readonly fingerprint: Uint8Array;
  readonly #predicates: readonly Predicate[];

  private constructor(hash: HashName, fingerprint: Uint8Array, predicates: readonly Predicate[]) {
    this.hash = hash;
    this.fingerprint = fingerprint;
    this.#predicates = predicates;
    Object.freeze(this);
  }

  /** Yields whether an `iss` claims to be a did:x509. */
  static isClaimed(iss: string): boolean {
    return iss.startsWith(PREFIX);
  }

  /**
   * Parses a DID, or a DID URL, whose fragment is left out.
   *
   * @throws {@link StatementError} `STATEMENT_DID_INVALID`
   */
  static parse(text: string): DidX509 {
    const [did = ""] = text.split("#", 1);
    if (!did.startsWith(PREFIX)) throw invalid("not a did:x509");
    if (/[?/]/.test(did)) throw invalid("a path or a query is not supported");
    const [authority = "", ...predicates] = did.slice(PREFIX.length).split("::");
    const [version, algorithm = "", fingerprint = "", ...rest] = authority.split(":");
    if (version !== "0") throw invalid("version is not 0");
    if (rest.length > 0) throw invalid("more than version, algorithm and fingerprint");
    const hash = HASHES.get(algorithm);
    if (hash === undefined) throw invalid("fingerprint is not by sha256, sha384 or sha512");
    if (predicates.length === 0) throw invalid("no predicate");
    const bytes = fingerprintOf(fingerprint, hash.bytes);
    return new DidX509(hash.name, bytes, predicates.map(parsePredicate));
  }

  /**
   * Yields the path once the DID stands for it: the fingerprint is that of a certificate authority
   * in it, and its leaf is as every predicate says (did:x509 version 0).
   *
   * @throws {@link StatementError} `STATEMENT_DID_INVALID`
   */
  verify(path: CertificatePath): CertificatePath {
    const [leaf, ...authorities] = path.certificates;
    const want = encodeHex(this.fingerprint);
    // E24: of an authority, never of the leaf.
    if (!authorities.some((issuer) => encodeHex(issuer.fingerprint(this.hash)) === want)) {
      throw invalid("the fingerprint is of no certificate authority in the path");
    }
    for (const predicate of this.#predicates) {
      const why = leaf === undefined ? "there is none" : predicate(leaf);
      if (why !== undefined) throw invalid(`certificate 0 (${leaf?.label ?? "none"}): ${why}`);
    }
    return path;
  }
}

function fingerprintOf(text: string, length: number): Uint8Array {
  try {
    const bytes = decodeBase64url(text);
    if (bytes.length === length) return bytes;
    throw invalid(`fingerprint of ${bytes.length} bytes, want ${length}`);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid("fingerprint is not unpadded base64url", { cause });
  }
}

function parsePredicate(text: string): Predicate {
  const [name, ...values] = text.split(":");
  if (values.length === 0) throw invalid("predicate without a value");
  const decoded = values.map(decodeValue);
  switch (name) {
    case "subject":
      return parseSubject(decoded);
    case "san":
      return parseSan(decoded);
    case "eku":
      return parseEku(decoded);
    case "fulcio-issuer":
      return parseFulcioIssuer(decoded);
    default:
      throw invalid("unknown predicate");
  }
}

// idchar = ALPHA / DIGIT / "." / "-" / "_" / pct-encoded
function decodeValue(text: string): string {
  if (!/^(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+$/.test(text)) {
    throw invalid("value with a character that has to be percent-encoded, or an empty one");
  }
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid("value is not UTF-8", { cause });
  }
}

function parseSubject(values: readonly string[]): Predicate {
  const wanted = new Map<string, { readonly key: string; readonly value: string }>();
  for (let i = 0; i < values.length; i += 2) {
    const [key = "", value] = [values[i], values[i + 1]];
    const oid = ATTRIBUTES.get(key) ?? (OID.test(key) ? key : undefined);
    if (oid === undefined) throw invalid("subject with an unknown attribute");
    if (value === undefined) throw invalid("subject with an attribute without a value");
    if (wanted.has(oid)) throw invalid("subject with an attribute twice");
    wanted.set(oid, { key, value });
  }
  return ({ subject: { attributes } }) => {
    for (const [oid, { key, value }] of wanted) {
      const found = attributes.filter((attribute) => attribute.oid === oid);
      if (found.some((attribute) => attribute.value === value)) continue;
      return `its subject has ${found.length === 0 ? "no" : "another"} ${key}`;
    }
    return undefined;
  };
}

function parseSan([type, value, ...rest]: readonly string[]): Predicate {
  if (type !== "email" && type !== "dns" && type !== "uri") {
    throw invalid("san is none of email, dns, uri");
  }
  if (value === undefined || rest.length > 0) throw invalid("san is not one type and one value");
  return ({ extensions: { subjectAltName } }) =>
    subjectAltName?.[type].includes(value) === true
      ? undefined
      : `it has no such ${type} in its subject alternative name`;
}

function parseEku([oid = "", ...rest]: readonly string[]): Predicate {
  if (!OID.test(oid) || rest.length > 0) throw invalid("eku is not one object identifier");
  return ({ extensions: { extendedKeyUsage } }) =>
    extendedKeyUsage?.includes(oid) === true ? undefined : `it has no extended key usage ${oid}`;
}

function parseFulcioIssuer([host, ...rest]: readonly string[]): Predicate {
  if (host === undefined || rest.length > 0) throw invalid("fulcio-issuer is not one value");
  const want = `https://${host}`;
  return ({ extensions }) => {
    const extension = extensions.raw.get(FULCIO_ISSUER);
    if (extension === undefined || extension.isCritical) return "it names no Fulcio issuer";
    const isSame = encodeHex(extension.value) === encodeHex(new TextEncoder().encode(want));
    return isSame ? undefined : "it names another Fulcio issuer";
  };
}

function invalid(why: string, options?: ErrorOptions): StatementError {
  return new StatementError("STATEMENT_DID_INVALID", `did:x509: ${why}`, options);
}
