/** Why a policy, or a statement under it, was refused. Codes are stable; see docs/errors.md. */
export type PolicyErrorCode = "POLICY_MALFORMED" | "POLICY_REJECTED" | "POLICY_STALE";

/** The one error of this package. */
export class PolicyError extends Error {
  readonly code: PolicyErrorCode;
  /** Every rule that refused, for `POLICY_REJECTED`; else the message alone. */
  readonly reasons: readonly string[];

  constructor(code: PolicyErrorCode, reasons: readonly string[], options?: ErrorOptions) {
    super(reasons.join("; "), options);
    this.name = "PolicyError";
    this.code = code;
    this.reasons = reasons;
  }
}
