/** Why a receipt was refused. Codes are stable; see docs/errors.md. */
export type ReceiptErrorCode =
  | "RECEIPT_MALFORMED"
  | "RECEIPT_ALG_UNSUPPORTED"
  | "RECEIPT_CRIT_UNKNOWN"
  | "RECEIPT_VDS_UNSUPPORTED"
  | "RECEIPT_CLAIMS_MISSING"
  | "RECEIPT_PROOF_MISSING"
  | "RECEIPT_INCLUSION_INVALID"
  | "RECEIPT_CONSISTENCY_INVALID"
  | "RECEIPT_PAYLOAD_MISMATCH"
  | "RECEIPT_SIZE_MISMATCH"
  | "RECEIPT_KEY_MISMATCH"
  | "RECEIPT_SIGNATURE_INVALID"
  | "RECEIPT_EVIDENCE_MALFORMED"
  | "RECEIPT_NO_CONTRADICTION";

/** The one error of this package. */
export class ReceiptError extends Error {
  readonly code: ReceiptErrorCode;

  constructor(code: ReceiptErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReceiptError";
    this.code = code;
  }
}
