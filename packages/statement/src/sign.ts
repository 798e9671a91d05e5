import { CLAIM, LABEL, digest, encodeHex, hashByName, signSign1 } from "@tallystick/cose";
import type { CborMap, CborValue, HashName, Signer } from "@tallystick/cose";

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
 * @throws TypeError when issuer or subject is empty
 */
export function signStatement(statement: InlineStatement, signer: Signer): Promise<Uint8Array> {
  const protectedHeader: CborMap = new Map<number, CborValue>([
    [LABEL.contentType, statement.contentType],
    ...identity(statement, signer),
  ]);
  return signSign1({ protectedHeader, payload: statement.payload }, signer);
}

/**
 * Signs a hash envelope: the payload is the digest of the preimage (RFC 9995).
 *
 * ```cddl
 * { 1: alg, 4: kid, 15: claims, 258: hash, ? 259: preimage-content-type, ? 260: location }
 * ```
 *
 * @throws TypeError when issuer or subject is empty or a given digest has the wrong length
 */
export function signHashEnvelope(
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
  return signSign1({ protectedHeader, payload }, signer);
}

// IS6, IS7: kid and claims are protected; the kid is the key's thumbprint.
function identity(claims: StatementClaims, signer: Signer): [number, CborValue][] {
  const { issuer, subject, issuedAt } = claims;
  if (issuer === "" || subject === "") throw new TypeError("issuer and subject must not be empty");
  const map: CborMap = new Map<number, CborValue>([
    [CLAIM.iss, issuer],
    [CLAIM.sub, subject],
    ...optional(CLAIM.iat, issuedAt),
  ]);
  return [
    [LABEL.kid, signer.publicKey.kid],
    [LABEL.cwtClaims, map],
  ];
}

function optional(label: number, value: CborValue): [number, CborValue][] {
  return value === undefined ? [] : [[label, value]];
}
