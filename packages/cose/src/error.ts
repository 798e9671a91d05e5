/**
 * Why CBOR, a COSE header, a message or a key was refused. Codes are stable; see docs/errors.md.
 *
 * `COSE_CBOR_…` codes speak of the encoding, the others of what it says; `COSE_JSON_MALFORMED` of both.
 */
export type CoseErrorCode =
  | "COSE_CBOR_MALFORMED"
  | "COSE_CBOR_INDEFINITE"
  | "COSE_CBOR_NOT_SHORTEST"
  | "COSE_CBOR_DUPLICATE_KEY"
  | "COSE_CBOR_UNSUPPORTED"
  | "COSE_CBOR_LIMIT"
  | "COSE_JSON_MALFORMED"
  | "COSE_MALFORMED"
  | "COSE_TAG"
  | "COSE_ALG_MISSING"
  | "COSE_ALG_UNPROTECTED"
  | "COSE_ALG_UNSUPPORTED"
  | "COSE_ALG_KEY_MISMATCH"
  | "COSE_CRIT_UNKNOWN"
  | "COSE_CRIT_MALFORMED"
  | "COSE_PAYLOAD_MISSING"
  | "COSE_PAYLOAD_CONFLICT"
  | "COSE_SIGNATURE_INVALID"
  | "COSE_KEY_MALFORMED"
  | "COSE_KEY_UNSUPPORTED"
  | "COSE_KEY_WEAK"
  | "COSE_KEY_NOT_PRIVATE";

/** The one error of this package for refused input; misuse by the caller is a `TypeError`. */
export class CoseError extends Error {
  readonly code: CoseErrorCode;
  constructor(code: CoseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CoseError";
    this.code = code;
  }
}
