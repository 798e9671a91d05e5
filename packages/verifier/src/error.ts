import type { Step } from "./step.js";

/** Why a verification came to no. Codes are stable; see docs/errors.md. */
export type VerifierErrorCode =
  | "VERIFIER_TRUST_MALFORMED"
  | "VERIFIER_STATEMENT_REFUSED"
  | "VERIFIER_RECEIPTS_MISSING"
  | "VERIFIER_RECEIPTS_INSUFFICIENT"
  | "VERIFIER_ISSUER_UNVERIFIED"
  | "VERIFIER_KEY_OUT_OF_TERM"
  | "VERIFIER_KEY_REVOKED"
  | "VERIFIER_KEY_RETIRED"
  | "VERIFIER_ARTIFACT_MISMATCH"
  | "VERIFIER_CONSISTENCY_UNVERIFIED"
  | "VERIFIER_CHECKPOINT_REFUSED"
  | "VERIFIER_EVIDENCE_REFUSED"
  | "VERIFIER_COMPLETENESS_REFUSED"
  | "VERIFIER_INDEX_HEAD_REFUSED"
  | "VERIFIER_INDEX_STALE";

/** The one error of this package. */
export class VerifierError extends Error {
  readonly code: VerifierErrorCode;
  /** What was looked at before the verification stopped, the failing step last. */
  readonly steps: readonly Step[];

  constructor(
    code: VerifierErrorCode,
    message: string,
    options: ErrorOptions & { readonly steps?: readonly Step[] } = {},
  ) {
    super(message, options);
    this.name = "VerifierError";
    this.code = code;
    this.steps = options.steps ?? [];
  }
}
