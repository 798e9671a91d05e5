/**
 * Decides offline whether firmware, or a device by what it measured, is to be trusted: by the
 * statements of a bundle, under the policy of a relying party.
 *
 * {@link parseAppraisalPolicy} and {@link decodeBundle} read both. {@link gather} verifies what the
 * bundle has: checkpoint, receipts, signatures of issuers, signatures inside reports and manifests.
 * {@link subjectOfFirmware}, or {@link judgeEvidence} and {@link subjectOfDevice}, say what is asked
 * about. {@link decide} comes to a decision, each reason of which names a statement, a rule and a
 * value; it is a function of its arguments alone, so that anybody can repeat it.
 *
 * Nothing of a bundle is trusted. Refused input is an {@link AppraisalError}; misuse by the caller is
 * a `TypeError`. Nothing here reads a clock, a file or the network.
 *
 * @packageDocumentation
 */
export { AppraisalError, type AppraisalErrorCode } from "./error.js";
export {
  decodeBundle,
  encodeBundle,
  MAX_BUNDLE_BYTES,
  MAX_BUNDLE_STATEMENTS,
  type Bundle,
} from "./bundle.js";
export {
  MAX_POLICY_BYTES,
  parseAppraisalPolicy,
  type AppraisalPolicy,
  type AppraisalRule,
  type RuleOutcome,
} from "./policy.js";
export type { EvidencePolicy, UncoveredOutcome } from "./evidence-policy.js";
export {
  gather,
  type Gathered,
  type Known,
  type Lapsed,
  type Parts,
  type SwidVerifier,
} from "./gather.js";
export { PlacedEntries, type PlacedEntry } from "./placed-entries.js";
export { judgeEvidence, type DeviceEvidence, type JudgeEvidenceOptions } from "./device.js";
export { subjectOfDevice, subjectOfFirmware, type Subject } from "./subject.js";
export { decide, type Appraisal } from "./decide.js";
export type { Held } from "./manifest.js";
export type { Decision, Reason } from "./reason.js";
export type { Used } from "./relevance.js";
export type { Unread } from "./unread.js";
