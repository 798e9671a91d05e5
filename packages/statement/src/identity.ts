import { LABEL, digest, encodeHex } from "@tallystick/cose";
import type { CborMap, PublicKey } from "@tallystick/cose";

import { selfContainedIssuer } from "./did/self-contained.js";
import type { SelfContainedIssuer, SelfContainedMethod } from "./did/self-contained.js";
import { DidX509 } from "./did/x509.js";
import { StatementError } from "./error.js";
import type { SignedStatement } from "./statement.js";
import { CERTIFICATES } from "./x509/cache.js";
import { permitsHostOf } from "./x509/constraints.js";
import type { Certificate } from "./x509/certificate.js";
import { certificateHeadersOf, decodeChain, isThumbprintOf } from "./x509/headers.js";
import type { CertificateThumbprint } from "./x509/headers.js";
import { CertificatePath } from "./x509/path.js";

/** Finds the key of a statement's issuer by `iss` and `kid`, from protected headers alone (T5). */
export interface KeyResolver {
  /** Yields the key, `undefined` when the issuer has none by that identifier at that time. */
  resolve(statement: SignedStatement, time?: number): PublicKey | undefined;
}

/** How a leaf certificate may bind an `iss` that its anchor does not list. */
export type IssuerBinding = "san" | "did:x509";

/** A certificate authority that is trusted, and for whom (T7). */
export interface TrustAnchor {
  readonly certificate: Certificate;
  /** `iss` values that the anchor vouches for, as they are. */
  readonly issuers: readonly string[];
  /**
   * What else binds `iss`: with `san` the leaf's subject alternative name, as a URI that is `iss` and
   * whose host, in an http or https one, keeps the path's name constraints on DNS names, or as the
   * DNS name that is the host of an https `iss`; with `did:x509` an `iss` that is one.
   */
  readonly bindings: ReadonlySet<IssuerBinding>;
}

/** What vouches for issuers: a registration policy, or what a relying party trusts. */
export interface Authority extends KeyResolver {
  readonly anchors?: readonly TrustAnchor[];
  /** DID methods whose issuers need nobody to vouch for them. */
  readonly selfContained?: ReadonlySet<SelfContainedMethod>;
  /** E15: takes an x5chain array of one certificate, which RFC 9360 wants as a bare byte string. */
  readonly acceptsSingleCertificateArray?: boolean;
  /**
   * Looks into a payload once the issuer's signature holds, where a decision needs to know what takes
   * its time to find out; `before` is what an earlier look found. What it yields stays with the
   * verified statement and is nobody else's business.
   */
  examine?(statement: SignedStatement, before: object | undefined): Promise<object | undefined>;
}

/** What an identity is judged by, beside the statement and the authority. */
export interface IdentityOptions {
  /** Seconds since the epoch; certificates are judged at it, and refused without it. */
  readonly time?: number;
  /**
   * The unprotected chain of a statement whose unprotected header was emptied, leaf first, in DER.
   * Without it the header counts.
   */
  readonly chain?: readonly Uint8Array[];
}

/** Who signed, and what says so. */
export type Identity =
  | { readonly kind: "key"; readonly key: PublicKey }
  | {
      readonly kind: "x509";
      readonly key: PublicKey;
      readonly path: CertificatePath;
      /** Whether `iss` is a did:x509 that stands for the path. */
      readonly isDid: boolean;
    }
  | { readonly kind: "did"; readonly key: PublicKey; readonly method: SelfContainedMethod };

/** A key that an identity rests on. */
export interface KeyBehind {
  readonly key: PublicKey;
  /** Of the certificate that the key is in; `undefined` where it is in none. */
  readonly label: string | undefined;
}

/**
 * Yields every key that an identity rests on, that of the signer first: with a certificate path also
 * those of the authorities in it, up to the anchor. Whoever has one of them can sign as the issuer.
 */
export function keysBehind(identity: Identity): readonly KeyBehind[] {
  if (identity.kind !== "x509") return [{ key: identity.key, label: undefined }];
  return identity.path.certificates.map(({ publicKey, label }) => ({ key: publicKey, label }));
}

/** An identity, and the chain that a later reader needs because the statement does not keep it. */
export interface Identified {
  readonly identity: Identity;
  readonly chain: readonly Uint8Array[] | undefined;
}

/** A chain as a statement brings it. */
interface Presented {
  /** In DER, leaf first. */
  readonly certificates: readonly Uint8Array[];
  readonly thumbprint: CertificateThumbprint | undefined;
  readonly isProtected: boolean;
}

/**
 * Yields who a statement says has signed it, once every identifier that it has agrees (T5, T6). The
 * signature itself is not looked at.
 *
 * @throws {@link StatementError} `STATEMENT_KEY_UNKNOWN`, `STATEMENT_DID_INVALID`,
 * `STATEMENT_IDENTIFIER_MISMATCH`, `STATEMENT_CHAIN_MALFORMED`, `STATEMENT_CERTIFICATE_MALFORMED`,
 * `STATEMENT_CHAIN_UNTRUSTED`, `STATEMENT_CHAIN_INVALID`
 */
export async function identify(
  statement: SignedStatement,
  authority: Authority,
  options: IdentityOptions = {},
): Promise<Identified> {
  const { issuer } = statement.claims;
  const listed = authority.resolve(statement, options.time);
  const did = selfContainedIssuer(issuer);
  const presented = presentedChain(statement, {
    authority,
    options,
    isNamed: listed !== undefined || did !== undefined,
  });
  if (presented !== undefined) {
    const identity = await identifyByPath(statement, authority, { presented, time: options.time });
    // T6: a chain beside a listed key, or beside a DID, has to lead to that very key.
    const { key } = identity;
    requireSameKey(key, listed, "the certificate has another key than iss and kid name");
    requireSameKey(key, did?.key, "the certificate has another key than the DID is");
    return { identity, chain: presented.isProtected ? undefined : presented.certificates };
  }
  if (DidX509.isClaimed(issuer)) {
    throw new StatementError(
      "STATEMENT_DID_INVALID",
      "did:x509: no certificate chain came with it",
    );
  }
  if (did !== undefined)
    return { identity: identifyByDid(statement, authority, { did, listed }), chain: undefined };
  // T5: the list is asked by iss and the protected kid together.
  if (listed === undefined) {
    throw new StatementError("STATEMENT_KEY_UNKNOWN", "no key for this iss and kid");
  }
  return { identity: { kind: "key", key: listed }, chain: undefined };
}

function identifyByDid(
  statement: SignedStatement,
  { selfContained }: Authority,
  { did, listed }: { readonly did: SelfContainedIssuer; readonly listed: PublicKey | undefined },
): Identity {
  const { method, key, names } = did;
  requireSameKey(key, listed, "the DID is another key than iss and kid name"); // T6
  const utf8 = names.map((name) => new TextEncoder().encode(name));
  requireKid(statement, [...key.names, ...utf8], "the key that iss is");
  if (listed === undefined && selfContained?.has(method) !== true) {
    throw new StatementError(
      "STATEMENT_KEY_UNKNOWN",
      `no key for this iss and kid, and issuers by ${method} are not taken`,
    );
  }
  return { kind: "did", key, method };
}

async function identifyByPath(
  statement: SignedStatement,
  { anchors = [] }: Authority,
  { presented, time }: { presented: Presented; time: number | undefined },
): Promise<Extract<Identity, { kind: "x509" }>> {
  // Opening a certificate is dear, so nobody's is opened where none can count.
  if (anchors.length === 0) {
    throw new StatementError("STATEMENT_CHAIN_UNTRUSTED", "there is no trust anchor");
  }
  if (time === undefined) {
    throw new StatementError(
      "STATEMENT_CHAIN_UNTRUSTED",
      "there is no time to judge the certificates at: no receipt or record states one",
    );
  }
  const certificates = decodeChain(presented.certificates);
  if (presented.thumbprint !== undefined) requireThumbprint(certificates, presented.thumbprint);
  const trusted = anchors.map(({ certificate }) => certificate);
  // T9: the whole path, to an anchor that is registered now.
  const path = await CertificatePath.verify(certificates, trusted, { time });
  for (const certificate of certificates) CERTIFICATES.keep(certificate);
  const { leaf } = path;
  const key = leaf.publicKey;
  const kids = [...key.names, digest("sha-256", leaf.der)];
  const { subjectKeyId } = leaf.extensions;
  requireKid(
    statement,
    subjectKeyId === undefined ? kids : [...kids, subjectKeyId],
    `the key of ${leaf.label}`,
  );
  const isDid = requireBinding(statement.claims.issuer, path, anchors);
  return { kind: "x509", key, path, isDid };
}

/**
 * Yields whether `iss` is a did:x509 that stands for the path, once something binds it: its anchor,
 * or the leaf in a way that the anchor allows (T7).
 *
 * @throws {@link StatementError} `STATEMENT_IDENTIFIER_MISMATCH`, `STATEMENT_DID_INVALID`
 */
export function requireBinding(
  issuer: string,
  path: CertificatePath,
  anchors: readonly TrustAnchor[],
): boolean {
  const own = anchors.filter(({ certificate }) => isSame(certificate.der, path.anchor.der));
  const isListed = own.some(({ issuers }) => issuers.includes(issuer));
  const allows = (binding: IssuerBinding): boolean =>
    own.some(({ bindings }) => bindings.has(binding));
  if (DidX509.isClaimed(issuer)) {
    if (issuer.includes("#")) {
      throw new StatementError("STATEMENT_DID_INVALID", "did:x509: iss has a fragment");
    }
    DidX509.parse(issuer).verify(path);
    if (isListed || allows("did:x509")) return true;
    throw mismatch(`${path.anchor.label} does not vouch for issuers by did:x509`);
  }
  if (isListed || (allows("san") && namesIssuer(path, issuer))) return false;
  throw mismatch(`${path.anchor.label} does not vouch for this iss, nor does ${path.leaf.label}`);
}

function namesIssuer({ leaf, certificates }: CertificatePath, issuer: string): boolean {
  const { subjectAltName } = leaf.extensions;
  if (subjectAltName === undefined) return false;
  if (subjectAltName.uri.includes(issuer)) {
    const all = certificates.flatMap(({ extensions }) => extensions.nameConstraints ?? []);
    return all.every((constraints) => permitsHostOf(constraints, issuer));
  }
  const host = /^https:\/\/([A-Za-z0-9.-]+)(?:\/.*)?$/.exec(issuer)?.[1]?.toLowerCase();
  return host !== undefined && subjectAltName.dns.some((name) => name.toLowerCase() === host);
}

/**
 * Yields the chain that identifies the signer, `undefined` where none is needed or stated.
 *
 * T10: it is protected itself, or bound by a protected x5t, or (IS4) by a protected kid; a kid that
 * names a key by itself needs none, and an unprotected chain beside it is not looked at (T21).
 */
function presentedChain(
  { message, kid }: SignedStatement,
  {
    authority,
    options,
    isNamed,
  }: { authority: Authority; options: IdentityOptions; isNamed: boolean },
): Presented | undefined {
  const { acceptsSingleCertificateArray: acceptsSingleArray = false } = authority;
  const headers = certificateHeadersOf(message.protectedHeader, {
    isProtected: true,
    acceptsSingleArray,
  });
  const { chain, thumbprint } = headers;
  if (chain !== undefined) return { certificates: chain, thumbprint, isProtected: true };
  // T10, IS4: an unprotected chain counts where something protected binds it, and nowhere else.
  const isBound = thumbprint !== undefined || (kid !== undefined && !isNamed);
  if (!isBound) return undefined;
  const certificates =
    options.chain ??
    certificateHeadersOf(unprotectedChain(message), { isProtected: false, acceptsSingleArray })
      .chain;
  if (certificates === undefined) {
    if (thumbprint === undefined) return undefined;
    throw new StatementError(
      "STATEMENT_CHAIN_UNTRUSTED",
      "x5t (header 34) without a chain: no certificate came with the thumbprint",
    );
  }
  // Copied, since what is recorded has to be what was judged.
  const copies = certificates.map((der) => new Uint8Array(der));
  return { certificates: copies, thumbprint, isProtected: false };
}

// Everything else that is unprotected is nobody's word.
function unprotectedChain({ unprotectedHeader }: SignedStatement["message"]): CborMap {
  const value = unprotectedHeader.get(LABEL.x5chain);
  return value === undefined ? new Map() : new Map([[LABEL.x5chain, value]]);
}

function requireThumbprint(
  [leaf]: readonly Certificate[],
  thumbprint: CertificateThumbprint,
): void {
  if (leaf !== undefined && isThumbprintOf(thumbprint, leaf)) return;
  throw mismatch("x5t (header 34) is not the thumbprint of the first certificate");
}

function requireKid({ kid }: SignedStatement, names: readonly Uint8Array[], of: string): void {
  if (kid === undefined || names.some((name) => isSame(name, kid))) return;
  throw mismatch(`kid (header 4) is not a name of ${of}`);
}

function requireSameKey(key: PublicKey, other: PublicKey | undefined, problem: string): void {
  if (other !== undefined && key.thumbprintHex !== other.thumbprintHex) throw mismatch(problem);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return encodeHex(a) === encodeHex(b);
}

function mismatch(message: string): StatementError {
  return new StatementError("STATEMENT_IDENTIFIER_MISMATCH", message);
}
