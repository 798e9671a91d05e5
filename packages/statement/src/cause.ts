import { CoseError } from "@tallystick/cose";

import { StatementError } from "./error.js";

/** Restates a COSE refusal in this package's codes; anything else passes unchanged. */
export function fromCose(error: unknown): unknown {
  if (!(error instanceof CoseError)) return error;
  const options = { cause: error };
  switch (error.code) {
    case "COSE_ALG_MISSING":
    case "COSE_ALG_UNPROTECTED":
    case "COSE_ALG_UNSUPPORTED":
      return new StatementError("STATEMENT_ALG_UNSUPPORTED", error.message, options);
    case "COSE_CRIT_UNKNOWN":
      return new StatementError("STATEMENT_CRIT_UNKNOWN", error.message, options);
    case "COSE_ALG_KEY_MISMATCH":
      return new StatementError("STATEMENT_KEY_MISMATCH", error.message, options);
    case "COSE_SIGNATURE_INVALID":
      return new StatementError("STATEMENT_SIGNATURE_INVALID", error.message, options);
    default:
      return new StatementError("STATEMENT_MALFORMED", error.message, options);
  }
}
