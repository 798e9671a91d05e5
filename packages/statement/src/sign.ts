import { CLAIM, LABEL, digest, encodeHex, hashByName, signSign1 } from "@tallystick/cose";
import type { CborMap, CborValue, HashName, Sign1Content, Signer } from "@tallystick/cose";

import { StatementError } from "./error.js";
import { SignedStatement } from "./statement.js";

/** Who says it, and about what. */
export interface StatementClaims {
  readonly issuer: string;
  readonly subject: string;
  /** Seconds since the epoch; S30 demands it for payloads whose meaning depends on time. */
  readonly issuedAt?: number;
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
 * { 1: alg, 3: content-type, 4: kid, 15: { 1: iss, 2: sub, ? 6: iat } }
 * ```
 *
 * @throws TypeError for what {@link SignedStatement.decode} would refuse, such as an empty issuer
 */
export async function signStatement(
  statement: InlineStatement,
  signer: Signer,
): Promise<Uint8Array> {
  const protectedHeader: CborMap = new Map<number, CborValue>([
    [LABEL.contentType, statement.contentType],
    ...identity(statement, signer),
  ]);
  return signDecodable({ protectedHeader, payload: statement.payload }, signer);
}

/**
 * Signs a hash envelope: the payload is the digest of the preimage (RFC 9995).
 *
 * ```cddl
 * { 1: alg, 4: kid, 15: claims, 258: hash, ? 259: preimage-content-type, ? 260: location }
 * ```
 *
 * @throws TypeError for what {@link SignedStatement.decode} would refuse, such as an empty issuer
 * or a digest of the wrong length
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
  const protectedHeader: CborMap = new Map<number, CborValue>([
    ...identity(statement, signer),
    [LABEL.payloadHashAlg, hash.id], // H1; H4: no content type (3) beside it
    ...optional(LABEL.preimageContentType, contentType),
    ...optional(LABEL.payloadLocation, location),
  ]);
  return signDecodable({ protectedHeader, payload }, signer);
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

// IS6, IS7: kid and claims are protected.
function identity(claims: StatementClaims, signer: Signer): [number, CborValue][] {
  const { issuer, subject, issuedAt } = claims;
  if (issuer === "" || subject === "") throw new TypeError("issuer and subject must not be empty");
  const map: CborMap = new Map<number, CborValue>([
    [CLAIM.iss, issuer],
    [CLAIM.sub, subject],
    ...optional(CLAIM.iat, issuedAt), // S30
  ]);
  return [
    [LABEL.kid, signer.publicKey.kid],
    [LABEL.cwtClaims, map],
  ];
}

function optional(label: number, value: CborValue): [number, CborValue][] {
  return value === undefined ? [] : [[label, value]];
}
