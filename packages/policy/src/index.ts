/**
 * Registration policies (RFC 9943 §5.1.1): who may register what with a transparency service.
 *
 * A policy is a JSON document ({@link PolicyDocument}) in a signed statement on the log itself. The
 * newest one that is committed applies, from the next entry on (T11, T12), and each entry records
 * the policy that admitted it, so that an auditor with the log alone can replay every decision.
 *
 * {@link Policy} finds the keys of issuers and operators; {@link Admission.admit} decides, purely:
 * statement, policy and time are arguments, and every rule that refuses is named. The first policy
 * vouches for itself: {@link Admission.bootstrap}.
 *
 * @packageDocumentation
 */
export { Admission } from "./admission.js";
export type { PolicyInForce } from "./admission.js";
export { POLICY_SUBJECT, firstPolicy, signPolicy, withIssuerKey } from "./change.js";
export { POLICY_FORMAT, POLICY_MEDIA_TYPE, formatPolicy } from "./document.js";
export type { IssuerDocument, PolicyDocument } from "./document.js";
export { PolicyError } from "./error.js";
export type { PolicyErrorCode } from "./error.js";
export { Facts, factsOf } from "./facts.js";
export type { FactMap, FactValue, PayloadFacts } from "./facts.js";
export { Policy, isPolicyStatement } from "./policy.js";
export { compileRule, parseRule } from "./rule.js";
export type { CelRuleDocument, ReadyRuleDocument, Rule, RuleDocument } from "./rule.js";
export type { ReadyRuleName } from "./rules/ready.js";
