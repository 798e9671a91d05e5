import { LABEL, encodeSign1 } from "@tallystick/cose";

import { verifyDigest } from "./envelope.js";
import { StatementError } from "./error.js";
import type { SignedStatement } from "./statement.js";

/**
 * Attaches receipts to a statement: the Transparent Statement (RFC 9943 Figure 7).
 *
 * The result carries exactly the receipts given, in that order; other unprotected headers are
 * dropped, as receipts cover the statement without them (N8).
 *
 * @throws TypeError when there is no receipt
 */
export function attachReceipts(
  statement: SignedStatement,
  receipts: readonly Uint8Array[],
): Uint8Array {
  if (receipts.length === 0) throw new TypeError("a transparent statement has a receipt");
  const { protectedBytes, payload, signature } = statement.message;
  const unprotectedHeader = new Map([[LABEL.receipts, receipts]]);
  return encodeSign1({ protectedBytes, unprotectedHeader, payload, signature });
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
