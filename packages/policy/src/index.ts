/**
 * Registration policies (RFC 9943 §5.1.1): who may register what with a transparency service.
 *
 * A policy is a JSON document ({@link PolicyDocument}) in a signed statement on the log itself. It
 * applies from the entry on that follows the one that put it in force (T11, T12): the proposal, or
 * the last approval that the policy before it asks for. Each entry records which policy admitted
 * it, so that an auditor with the log alone can replay every decision.
 *
 * {@link Policy} finds the keys of issuers and operators; {@link PolicyState} is what the control
 * entries of a log amount to; {@link Admission.admit} decides, purely: statement, state and time
 * are arguments, and every rule that refuses is named. The first policy vouches for itself:
 * {@link Admission.bootstrap}.
 *
 * @packageDocumentation
 */
export { Admission } from "./admission.js";
export type { PolicyChange } from "./admission.js";
export {
  APPROVAL_FORMAT,
  APPROVAL_MEDIA_TYPE,
  formatApproval,
  parseApproval,
  signApproval,
} from "./approval.js";
export type { ApprovalDocument } from "./approval.js";
export { CONTENT_LIMITS, readContent } from "./content-facts.js";
export {
  POLICY_SUBJECT,
  firstPolicy,
  signPolicy,
  withIssuerKey,
  withReceiptKeys,
} from "./change.js";
export { POLICY_FORMAT, POLICY_MEDIA_TYPE, formatPolicy } from "./document.js";
export type { PolicyDocument } from "./document.js";
export { PolicyError } from "./error.js";
export type { PolicyErrorCode } from "./error.js";
export { Policy, isApprovalStatement, isOperatorStatement, isPolicyStatement } from "./policy.js";
export { PolicyState } from "./state.js";
export type { ControlEntry, OpenProposal, PolicyInForce } from "./state.js";
export { Facts, celValue, factsOf } from "./facts.js";
export type { FactMap, FactValue, PayloadFacts } from "./facts.js";
export { CelProgram } from "./cel/program.js";
export type { Bindings, Verdict } from "./cel/program.js";
export { shapeOf } from "./cel/shape.js";
export type { Kind, Shape } from "./cel/shape.js";
export { parseReviewKeys, parseRimKeys } from "./rules/signing-keys.js";
export { compileRule, parseRule } from "./rule.js";
export type { CelRuleDocument, ReadyRuleDocument, Rule, RuleDocument } from "./rule.js";
export type { ReadyRuleName } from "./rules/ready.js";
