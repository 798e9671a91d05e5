import { chainDigest } from "@tallystick/receipt";

import { isSame } from "./collateral.js";
import { AuditorError } from "./error.js";
import type { AuditReport } from "./report.js";
import { BUNDLE_WIDTH, Replay, freshStart } from "./replay.js";
import { resumedStart, stateOf } from "./resume.js";
import type { AuditTrust, LogSource, SourceHead } from "./source.js";
import type { AuditState } from "./state.js";

/** How far an audit has got. */
export interface AuditProgress {
  /** Entries checked. */
  readonly checked: number;
  /** Entries that the newest checkpoint covers. */
  readonly size: number;
  /** Yields what to go on from later; copies 36 bytes for each entry. */
  readonly save: () => AuditState | undefined;
}

/** How an audit is run. */
export interface AuditOptions {
  /** Where an earlier run stopped. */
  readonly state?: AuditState;
  /** Stops the audit between two batches; what there is by then is reported. */
  readonly signal?: AbortSignal;
  /** Told after each batch. */
  readonly onProgress?: (progress: AuditProgress) => void;
}

/** A report, and what a later run can go on from. */
export interface Audit {
  readonly report: AuditReport;
  /** `undefined` where nothing was checked. */
  readonly state: AuditState | undefined;
}

/**
 * Replays a log from its first entry, or from where an earlier run stopped, up to its newest
 * checkpoint: every statement, every decision, every checkpoint (T13, T15).
 *
 * Pure but for what the source does: it takes no clock and no network. Memory is bounded by a batch
 * of at most 8 MiB and one statement, the policies, some 48 bytes for each entry of the log, and some
 * 150 for each issuer and subject.
 *
 * @throws {@link AuditorError} for the first thing that is not as it should be; what the source throws
 */
export async function audit(
  source: LogSource,
  trust: AuditTrust,
  options: AuditOptions = {},
): Promise<Audit> {
  const { state, signal, onProgress } = options;
  const replay = new Replay(
    state === undefined ? freshStart(trust) : await resumedStart(state, trust),
  );
  const head = await source.newest();
  await requireHead(replay, head);
  const { size } = head;
  const save = (): AuditState | undefined => stateOf(replay);
  const isStopped = (): boolean => signal?.aborted === true;
  while (replay.edge.size < size && !isStopped()) {
    const bundle = Math.floor(replay.edge.size / BUNDLE_WIDTH);
    for await (const checked of replay.bundle(source, bundle, size)) {
      onProgress?.({ checked, size, save });
      if (isStopped()) break;
    }
  }
  const isComplete = replay.edge.size === size;
  if (isComplete) requireReached(replay, head);
  return { report: reportOf(replay, { size, isComplete }), state: save() };
}

// Before anything is replayed: what the log says of itself holds, and is no less than what it said.
async function requireHead({ chain, edge }: Replay, { size, record }: SourceHead): Promise<void> {
  const opened = await chain.open(record);
  const { checkpoint } = opened;
  if (checkpoint.size !== size) {
    const reason = `the newest checkpoint is of size ${checkpoint.size}, not ${size}`;
    throw new AuditorError("AUDITOR_CHECKPOINT_INVALID", reason, { index: size - 1 });
  }
  chain.requireNewest(opened);
  if (size < edge.size) {
    const reason = `the log has ${size} entries, and had ${edge.size} when it was audited before`;
    throw new AuditorError("AUDITOR_SOURCE_TRUNCATED", reason, { index: size });
  }
}

function requireReached({ chain: { last } }: Replay, { size, record }: SourceHead): void {
  if (last?.size !== size) {
    const reason = `the newest checkpoint, of size ${size}, is not among the kept ones`;
    throw new AuditorError("AUDITOR_SOURCE_TRUNCATED", reason, { index: size - 1 });
  }
  if (!isSame(last.digest, chainDigest(record))) {
    const reason = `there are two checkpoints of size ${size}`;
    throw new AuditorError("AUDITOR_CHAIN_BROKEN", reason, { index: size - 1 });
  }
}

function reportOf(
  { chain, edge, history, index, ledger, sums }: Replay,
  { size, isComplete }: { readonly size: number; readonly isComplete: boolean },
): AuditReport {
  const { signatures, checkpoints, chains, bytes, longestWait } = sums;
  const { issuer, origin } = chain.name;
  const disowned = ledger.disowned(history.revocations);
  const counts = { entries: edge.size, signatures, checkpoints };
  return {
    issuer,
    origin,
    isComplete,
    checked: edge.size,
    size,
    root: isComplete ? chain.last?.root : undefined,
    counts: { ...counts, policies: history.count, chains, disowned, heads: index.heads, bytes },
    longestWait,
    unchecked: isComplete ? [] : [`entries ${edge.size} to ${size - 1}`],
  };
}
