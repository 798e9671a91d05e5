import { LABEL, encodeSign1 } from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import { verifyDigest } from "./envelope.js";
import { StatementError } from "./error.js";
import type { SignedStatement } from "./statement.js";

/** What is attached beside receipts. */
export interface AttachOptions {
  /** The unprotected chain of a statement whose unprotected header was emptied, leaf first, in DER. */
  readonly chain?: readonly Uint8Array[];
}

/**
 * Attaches receipts to a statement: the Transparent Statement (RFC 9943 Figure 7).
 *
 * The result carries exactly the receipts given, in that order. An unprotected `x5chain` stays where
 * no protected one stands, as a reader could not tell the signer without it (IS3); other unprotected
 * headers are dropped, as receipts cover the statement without them (N8).
 *
 * @throws TypeError when there is no receipt
 */
export function attachReceipts(
  statement: SignedStatement,
  receipts: readonly Uint8Array[],
  { chain }: AttachOptions = {},
): Uint8Array {
  if (receipts.length === 0) throw new TypeError("a transparent statement has a receipt");
  const { protectedBytes, payload, signature } = statement.message;
  const x5chain = unprotectedChain(statement, chain);
  const unprotectedHeader: CborMap = new Map<number, CborValue>([
    ...(x5chain === undefined ? [] : ([[LABEL.x5chain, x5chain]] as const)),
    [LABEL.receipts, receipts],
  ]);
  return encodeSign1({ protectedBytes, unprotectedHeader, payload, signature });
}

function unprotectedChain(
  { message }: SignedStatement,
  chain: readonly Uint8Array[] | undefined,
): CborValue {
  if (message.protectedHeader.has(LABEL.x5chain)) return undefined;
  // RFC 9360 §2: one certificate is a bare byte string.
  if (chain !== undefined) return chain.length === 1 ? chain[0] : chain;
  return message.unprotectedHeader.get(LABEL.x5chain);
}

/**
 * Yields `artifact` once it is what the statement is about: the preimage of its hash envelope
 * (RFC 9995), or its payload byte for byte.
 *
 * @throws {@link StatementError} `STATEMENT_PREIMAGE_MISMATCH`, `STATEMENT_PAYLOAD_MISSING`
 */
export function verifyArtifact(statement: SignedStatement, artifact: Uint8Array): Uint8Array {
  const { payload, hashEnvelope } = statement;
  if (payload === null) {
    throw new StatementError("STATEMENT_PAYLOAD_MISSING", "payload is detached");
  }
  if (hashEnvelope !== undefined) {
    verifyDigest(hashEnvelope, payload, artifact);
    return artifact;
  }
  const isSame =
    payload.length === artifact.length && payload.every((byte, i) => byte === artifact[i]);
  if (isSame) return artifact;
  throw new StatementError("STATEMENT_PREIMAGE_MISMATCH", "file is not the payload inside");
}
