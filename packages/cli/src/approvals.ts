/** A proposal that waits for approvals. */
export interface WaitingProposal {
  readonly entryId: string;
  /** `iss` of the operators who have signed it, the one that proposed it first. */
  readonly approvers: readonly string[];
}

/** What is in force, and what waits. */
export interface PolicyStanding {
  /** Of the entry that put the policy in force. */
  readonly entryId: string;
  readonly proposals: readonly WaitingProposal[];
}

/** Yields how many operators have to sign a proposal yet, when `wanted` have to in all. */
export function approvalsLacking({ approvers }: WaitingProposal, wanted: number): number {
  return Math.max(0, wanted - approvers.length);
}

/** Yields how many approvals a proposal has and lacks, in words. */
export function formatApprovals(proposal: WaitingProposal, wanted: number): string {
  const { approvers } = proposal;
  const lacking = approvalsLacking(proposal, wanted);
  return `has ${approvers.length} of ${wanted} approvals (${approvers.join(", ")}), lacks ${lacking}`;
}

/**
 * Yields what became of a registered proposal, or of an approval of it: in force, waiting, or neither,
 * since another policy was faster or, where the one before is still in force, since its operator made
 * a newer proposal.
 */
export function outcomeOf(
  { entryId, proposals }: PolicyStanding,
  made: { readonly entryId: string; readonly proposal: string; readonly previous: string },
): "in force" | "overtaken" | "replaced" | WaitingProposal {
  if (entryId === made.entryId) return "in force";
  const waiting = proposals.find((one) => one.entryId === made.proposal);
  return waiting ?? (entryId === made.previous ? "replaced" : "overtaken");
}
