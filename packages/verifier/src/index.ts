/**
 * The relying party: is this statement transparent, by services that I trust?
 *
 * {@link verifyTransparentStatement} takes the statement's bytes and a {@link TrustStore} of pinned
 * keys, and yields what was verified step by step, or throws. {@link verifyConsistency} checks that
 * a log only grew since a tree seen before.
 *
 * Nothing here opens a socket or reads a clock: bytes, keys and policy are arguments, so a
 * verification years later, offline or in a browser, comes to the same result.
 *
 * @packageDocumentation
 */
export { verifyCheckpoint } from "./checkpoint.js";
export { VerifiedCompleteness, verifyCompleteness } from "./completeness.js";
export type { CompletenessQuestion } from "./completeness.js";
export { verifyConsistency } from "./consistency.js";
export { verifyEvidence } from "./evidence.js";
export { VerifierError } from "./error.js";
export type { VerifierErrorCode } from "./error.js";
export { proofOf, receiptOf } from "./proof.js";
export type { Step } from "./step.js";
export { VerifiedTransparentStatement, verifyTransparentStatement } from "./transparent.js";
export type { CountedReceipt, VerifyOptions } from "./transparent.js";
export { TrustedIssuers } from "./issuers.js";
export type { Placement, TermFacts, TrustedIssuersParts } from "./issuers.js";
export type { Cutoff, SignedTree } from "./cutoff.js";
export { TrustStore } from "./trust.js";
export type { TrustedIssuersDocument, TrustedService } from "./trust.js";
export { noteOf, verifyWitnesses } from "./witnesses.js";
