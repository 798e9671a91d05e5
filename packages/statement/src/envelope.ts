import { LABEL, digest, encodeHex, hashById } from "@tallystick/cose";
import type { CborValue, HashAlgorithm, Sign1 } from "@tallystick/cose";

import { fromCose } from "./cause.js";
import { StatementError } from "./error.js";

/** A statement whose payload is the digest of something kept elsewhere (RFC 9995). */
export interface HashEnvelope {
  readonly hash: HashAlgorithm;
  /** Media type or CoAP content format of what was hashed. */
  readonly preimageContentType: string | number | undefined;
  /** Where it may be found. Never fetched here (H7). */
  readonly location: string | undefined;
}

/**
 * Yields the hash envelope that a message states, `undefined` when it is none.
 *
 * @throws {@link StatementError} `STATEMENT_HASH_ENVELOPE_INVALID`
 */
export function hashEnvelopeOf(message: Sign1): HashEnvelope | undefined {
  const { protectedHeader: header, unprotectedHeader } = message;
  for (const label of [LABEL.payloadHashAlg, LABEL.preimageContentType, LABEL.payloadLocation]) {
    // H1, H2, H3: 258 to 260 are never unprotected.
    if (unprotectedHeader.has(label)) throw invalid(`header ${label} is unprotected`);
  }
  if (!header.has(LABEL.payloadHashAlg)) {
    if (!header.has(LABEL.preimageContentType) && !header.has(LABEL.payloadLocation)) {
      return undefined;
    }
    throw invalid("header 259 or 260 without 258");
  }
  // H4: no content type beside 258, in either header.
  if (header.has(LABEL.contentType) || unprotectedHeader.has(LABEL.contentType)) {
    throw invalid("content type (header 3) beside 258; the type of the preimage is header 259");
  }
  const hash = hashOf(header.get(LABEL.payloadHashAlg));
  requireDigest(message.payload, hash);
  return {
    hash,
    preimageContentType: header.has(LABEL.preimageContentType)
      ? contentTypeOf(header.get(LABEL.preimageContentType))
      : undefined,
    location: header.has(LABEL.payloadLocation)
      ? locationOf(header.get(LABEL.payloadLocation))
      : undefined,
  };
}

/**
 * Yields the digest of `artifact` once it is the one that the envelope's payload states.
 *
 * @throws {@link StatementError} `STATEMENT_PREIMAGE_MISMATCH`
 */
export function verifyDigest(
  envelope: HashEnvelope,
  payload: Uint8Array,
  artifact: Uint8Array,
): Uint8Array {
  const actual = digest(envelope.hash.name, artifact);
  if (encodeHex(actual) !== encodeHex(payload)) {
    throw new StatementError(
      "STATEMENT_PREIMAGE_MISMATCH",
      `${envelope.hash.name} of the file is ${prefix(actual)}…, the statement says ${prefix(payload)}…`,
    );
  }
  return actual;
}

function hashOf(id: CborValue): HashAlgorithm {
  try {
    return hashById(id);
  } catch (error) {
    const cause = fromCose(error);
    if (!(cause instanceof StatementError)) throw cause;
    throw new StatementError("STATEMENT_HASH_ENVELOPE_INVALID", cause.message, { cause: error });
  }
}

function requireDigest(payload: Uint8Array | null, hash: HashAlgorithm): void {
  if (payload === null || payload.length === hash.bytes) return;
  throw invalid(
    `payload of ${payload.length} bytes, want the ${hash.bytes} of a ${hash.name} digest`,
  );
}

function contentTypeOf(value: CborValue): string | number {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid("preimage content type (header 259) is neither text nor an unsigned integer");
}

function locationOf(value: CborValue): string {
  if (typeof value === "string") return value;
  throw invalid("payload location (header 260) is not text");
}

function invalid(message: string): StatementError {
  return new StatementError("STATEMENT_HASH_ENVELOPE_INVALID", message);
}

function prefix(bytes: Uint8Array): string {
  return encodeHex(bytes.subarray(0, 8));
}
