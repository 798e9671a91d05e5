/** Why a statement was refused. Codes are stable; see docs/errors.md. */
export type StatementErrorCode =
  | "STATEMENT_MALFORMED"
  | "STATEMENT_TOO_LARGE"
  | "STATEMENT_ALG_UNSUPPORTED"
  | "STATEMENT_CRIT_UNKNOWN"
  | "STATEMENT_CLAIMS_MISSING"
  | "STATEMENT_KEY_ID_MISSING"
  | "STATEMENT_PAYLOAD_MISSING"
  | "STATEMENT_HASH_ENVELOPE_INVALID"
  | "STATEMENT_PREIMAGE_MISMATCH"
  | "STATEMENT_RECEIPTS_MALFORMED"
  | "STATEMENT_CERTIFICATE_MALFORMED"
  | "STATEMENT_CHAIN_MALFORMED"
  | "STATEMENT_CHAIN_UNTRUSTED"
  | "STATEMENT_CHAIN_INVALID"
  | "STATEMENT_IDENTIFIER_MISMATCH"
  | "STATEMENT_DID_INVALID"
  | "STATEMENT_KEY_UNKNOWN"
  | "STATEMENT_KEY_MISMATCH"
  | "STATEMENT_SIGNATURE_INVALID";

/** The one error of this package. */
export class StatementError extends Error {
  readonly code: StatementErrorCode;

  constructor(code: StatementErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StatementError";
    this.code = code;
  }
}
