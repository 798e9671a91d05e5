/**
 * COSE Receipts (RFC 9942): what a transparency service hands out, and how it is checked.
 *
 * A receipt of inclusion says that an entry is in a tree; a receipt of consistency says that a
 * newer tree contains an older one unchanged. Either is a COSE_Sign1 over the root of the (newer)
 * tree, which is left out: the verifier recomputes it from the proof, so that a signature which
 * holds proves the fold as well.
 *
 * The log signs a {@link SignedCheckpoint} once per tree size. Header and signature depend on the
 * checkpoint alone, so each receipt at that size is that signature plus an unprotected proof, made
 * by {@link issueInclusionReceipt} or {@link issueConsistencyReceipt} without a key.
 *
 * A {@link Contradiction} is two checkpoints of one log that cannot both be true, as a file for others.
 *
 * {@link Receipt.decode} reads a receipt of any service; {@link VerifiedInclusion.verify} and
 * {@link VerifiedConsistency.verify} are the only ways to the facts in it. Receipts of CCF ledgers
 * (vds 2) are verified, never issued.
 *
 * @packageDocumentation
 */
export { chainDigest, decodeChainLink, encodeChainLink } from "./chain-link.js";
export type { ChainLink } from "./chain-link.js";
export { SignedCheckpoint } from "./checkpoint.js";
export type { Checkpoint } from "./checkpoint.js";
export { Contradiction } from "./contradiction.js";
export type { ContradictionKind, ForkProof } from "./contradiction.js";
export { ReceiptError } from "./error.js";
export type { ReceiptErrorCode } from "./error.js";
export { issueConsistencyReceipt, issueInclusionReceipt } from "./issue.js";
export { PROFILE_LABEL } from "./profile.js";
export { decodeInclusionProof } from "./proof.js";
export type { ProofKind } from "./proof.js";
export { Receipt, VDS } from "./receipt.js";
export { VerifiedConsistency, VerifiedInclusion } from "./verify.js";
export type { ReceiptTrust, TrustedTree } from "./verify.js";
