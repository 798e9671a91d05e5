import { CoseError } from "@tallystick/cose";

import { ReceiptError } from "./error.js";

/** Restates a COSE refusal in this package's codes; anything else passes unchanged. */
export function fromCose(error: unknown): unknown {
  if (!(error instanceof CoseError)) return error;
  const options = { cause: error };
  switch (error.code) {
    case "COSE_ALG_MISSING":
    case "COSE_ALG_UNPROTECTED":
    case "COSE_ALG_UNSUPPORTED":
      return new ReceiptError("RECEIPT_ALG_UNSUPPORTED", error.message, options);
    case "COSE_CRIT_UNKNOWN":
      return new ReceiptError("RECEIPT_CRIT_UNKNOWN", error.message, options);
    case "COSE_ALG_KEY_MISMATCH":
      return new ReceiptError("RECEIPT_KEY_MISMATCH", error.message, options);
    case "COSE_SIGNATURE_INVALID":
      return new ReceiptError("RECEIPT_SIGNATURE_INVALID", error.message, options);
    default:
      return new ReceiptError("RECEIPT_MALFORMED", error.message, options);
  }
}
