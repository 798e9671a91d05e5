import { CLAIM, LABEL, digest, encodeHex, hashByName, signSign1 } from "@tallystick/cose";
import type { CborMap, CborValue, HashName, Sign1Content, Signer } from "@tallystick/cose";

import { DidX509 } from "./did/x509.js";
import { StatementError } from "./error.js";
import { SignedStatement } from "./statement.js";
import type { Certificate } from "./x509/certificate.js";
import { decodeChain } from "./x509/headers.js";
import { CertificatePath } from "./x509/path.js";

/** Certificates that say whose the signing key is, in the place of a kid (RFC 9360 §2). */
export interface SignerChain {
  /** In DER, leaf first; each further one certifies the one before it. */
  readonly certificates: readonly Uint8Array[];
  /** What is protected: the chain, or the leaf's SHA-256 with the chain unprotected beside it. */
  readonly protects?: "x5chain" | "x5t";
}

/** Who says it, and about what. */
export interface StatementClaims {
  readonly issuer: string;
  readonly subject: string;
  /** Seconds since the epoch; S30 demands it for payloads whose meaning depends on time. */
  readonly issuedAt?: number;
  /** Needed where the issuer is a did:x509. */
  readonly chain?: SignerChain;
}

/** A statement with its payload inside. */
export interface InlineStatement extends StatementClaims {
  readonly payload: Uint8Array;
  /** Media type of the payload, or its CoAP content format. */
  readonly contentType: string | number;
}

/** A statement about something that stays elsewhere; give its bytes or its digest. */
export interface EnvelopeStatement extends StatementClaims {
  readonly hash: HashName;
  readonly preimage: Uint8Array | { readonly digest: Uint8Array };
  /** Media type of the preimage. */
  readonly contentType?: string | number;
  readonly location?: string;
}

/**
 * Signs a statement that carries its payload (RFC 9943 §6).
 *
 * ```cddl
 * { 1: alg, 3: content-type, (4: kid // 33: x5chain // 34: x5t), 15: { 1: iss, 2: sub, ? 6: iat } }
 * ```
 *
 * A chain is held against the key, and its certificates against each other, as of `issuedAt`; what
 * its last certificate is worth is for the reader to say.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`, `STATEMENT_CHAIN_MALFORMED`,
 * `STATEMENT_CHAIN_INVALID`, `STATEMENT_IDENTIFIER_MISMATCH`, `STATEMENT_DID_INVALID`;
 * TypeError for what {@link SignedStatement.decode} would refuse, such as an empty issuer
 */
export async function signStatement(
  statement: InlineStatement,
  signer: Signer,
): Promise<Uint8Array> {
  const payload = new Uint8Array(statement.payload); // as it is at the call
  const identity = await identityOf(statement, signer);
  const protectedHeader: CborMap = new Map<number, CborValue>([
    [LABEL.contentType, statement.contentType],
    ...identity.protectedHeader,
  ]);
  return signDecodable({ ...identity, protectedHeader, payload }, signer);
}

/**
 * Signs a hash envelope: the payload is the digest of the preimage (RFC 9995).
 *
 * ```cddl
 * { 1: alg, (4: kid // 33: x5chain // 34: x5t), 15: claims, 258: hash, ? 259: preimage-content-type, ? 260: location }
 * ```
 *
 * @throws {@link StatementError} as {@link signStatement}; TypeError for what
 * {@link SignedStatement.decode} would refuse, such as an empty issuer or a digest of the wrong length
 */
export async function signHashEnvelope(
  statement: EnvelopeStatement,
  signer: Signer,
): Promise<Uint8Array> {
  const hash = hashByName(statement.hash);
  const { preimage, contentType, location } = statement;
  const payload = preimage instanceof Uint8Array ? digest(hash.name, preimage) : preimage.digest;
  if (payload.length !== hash.bytes) {
    throw new TypeError(`digest ${encodeHex(payload.subarray(0, 8))}… has ${payload.length} bytes`);
  }
  const identity = await identityOf(statement, signer);
  const protectedHeader: CborMap = new Map<number, CborValue>([
    ...identity.protectedHeader,
    [LABEL.payloadHashAlg, hash.id], // H1; H4: no content type (3) beside it
    ...optional(LABEL.preimageContentType, contentType),
    ...optional(LABEL.payloadLocation, location),
  ]);
  return signDecodable({ ...identity, protectedHeader, payload }, signer);
}

// What no service would take is refused here, before anyone relies on it.
async function signDecodable(content: Sign1Content, signer: Signer): Promise<Uint8Array> {
  const bytes = await signSign1(content, signer);
  try {
    SignedStatement.decode(bytes);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new TypeError(`no service would take the statement: ${cause.message}`, { cause });
  }
  return bytes;
}

/** The headers that say who signed. */
interface IdentityHeaders {
  readonly protectedHeader: readonly [number, CborValue][];
  readonly unprotectedHeader: CborMap;
}

// IS6, IS7: the claims, and what identifies the key, are protected.
async function identityOf(claims: StatementClaims, signer: Signer): Promise<IdentityHeaders> {
  const { issuer, subject, issuedAt, chain } = claims;
  if (issuer === "" || subject === "") throw new TypeError("issuer and subject must not be empty");
  if (DidX509.isClaimed(issuer)) requireResolvable(issuer, chain);
  const map: CborMap = new Map<number, CborValue>([
    [CLAIM.iss, issuer],
    [CLAIM.sub, subject],
    ...optional(CLAIM.iat, issuedAt), // S30
  ]);
  const { protectedHeader, unprotectedHeader } =
    chain === undefined
      ? {
          protectedHeader: [[LABEL.kid, signer.publicKey.kid] as const],
          unprotectedHeader: new Map(),
        }
      : await chainHeaders(chain, signer, issuedAt);
  return {
    protectedHeader: [...protectedHeader, [LABEL.cwtClaims, map]] as [number, CborValue][],
    unprotectedHeader,
  };
}

function requireResolvable(issuer: string, chain: SignerChain | undefined): void {
  DidX509.parse(issuer);
  if (chain !== undefined) return;
  throw new StatementError(
    "STATEMENT_DID_INVALID",
    "did:x509: a statement by it needs its certificate chain",
  );
}

async function chainHeaders(
  { certificates: encoded, protects = "x5chain" }: SignerChain,
  signer: Signer,
  issuedAt: number | undefined,
): Promise<IdentityHeaders> {
  const certificates = decodeChain(encoded);
  for (const certificate of certificates) certificate.open();
  await requireChain(certificates, signer, issuedAt);
  const ders = certificates.map(({ der }) => der);
  const [leaf] = ders;
  // RFC 9360 §2: one certificate is a bare byte string.
  const x5chain: [number, CborValue] = [LABEL.x5chain, ders.length === 1 ? leaf : ders];
  if (protects === "x5chain" || leaf === undefined) {
    return { protectedHeader: [x5chain], unprotectedHeader: new Map() };
  }
  const { id, name } = hashByName("sha-256");
  return {
    protectedHeader: [[LABEL.x5t, [id, digest(name, leaf)]]],
    unprotectedHeader: new Map([x5chain]), // IS3
  };
}

async function requireChain(
  chain: readonly Certificate[],
  { publicKey }: Signer,
  issuedAt: number | undefined,
): Promise<void> {
  const [leaf] = chain;
  const last = chain.at(-1);
  if (leaf === undefined || last === undefined) return;
  if (encodeHex(leaf.publicKey.thumbprint()) !== encodeHex(publicKey.thumbprint())) {
    throw new StatementError(
      "STATEMENT_IDENTIFIER_MISMATCH",
      `the first certificate, ${leaf.label}, is of another key than the one that signs`,
    );
  }
  if (chain.length === 1) return;
  // The last one stands in for the anchor, which may be its issuer and is known to the reader alone.
  const time = issuedAt ?? Math.max(...chain.map(({ notBefore }) => notBefore));
  await CertificatePath.verify(chain, [last], { time });
}

function optional(label: number, value: CborValue): [number, CborValue][] {
  return value === undefined ? [] : [[label, value]];
}
