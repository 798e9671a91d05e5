/**
 * Why nothing can be appraised. Codes are stable; see docs/errors.md.
 *
 * - `APPRAISAL_BUNDLE_INVALID`: not a bundle of statements.
 * - `APPRAISAL_BUNDLE_CONTRADICTION`: checkpoint and receipts of a bundle cannot all be of one log.
 * - `APPRAISAL_CHECKPOINT_INVALID`: the checkpoint of a bundle does not hold under the pins of the policy.
 * - `APPRAISAL_POLICY_INVALID`: not a policy for appraisals.
 * - `APPRAISAL_EVIDENCE_UNACCEPTED`: the policy does not say what is accepted of devices.
 * - `APPRAISAL_CHAIN_MISSING`: evidence that does not carry the device's certificates came without them.
 * - `APPRAISAL_PART_MISSING`: a signature of a kind that is not verified here.
 */
export type AppraisalErrorCode =
  | "APPRAISAL_BUNDLE_INVALID"
  | "APPRAISAL_BUNDLE_CONTRADICTION"
  | "APPRAISAL_CHECKPOINT_INVALID"
  | "APPRAISAL_POLICY_INVALID"
  | "APPRAISAL_EVIDENCE_UNACCEPTED"
  | "APPRAISAL_CHAIN_MISSING"
  | "APPRAISAL_PART_MISSING";

/** The one error of this package for refused input; misuse by the caller is a `TypeError`. */
export class AppraisalError extends Error {
  readonly code: AppraisalErrorCode;

  constructor(code: AppraisalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AppraisalError";
    this.code = code;
  }
}
