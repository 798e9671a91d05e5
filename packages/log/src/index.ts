/**
 * An append-only Merkle log over an ordered key-value store.
 *
 * The log takes entries, 32-byte digests, each with the body it is the digest of, and gives each an
 * index, once and for good. It knows nothing about what a body means. Entries are sequenced in
 * rounds: a round builds the new tree, computes its root again from the bytes to be stored, has the
 * guard sign it, commits everything in one synced write, reads the head back, remembers the checkpoint
 * in the anchor, and only then publishes it and answers those who wait. Every checkpoint is kept, and receipts can be had for
 * any entry under any of them.
 *
 * {@link Log} is the log; {@link LevelStore} keeps one in a directory and {@link MemoryStore} in
 * memory, {@link AnchorFile} and {@link MemoryAnchor} what was signed. Opening checks that what is
 * stored still leads to the signed head and refuses otherwise, or where the anchor does not vouch for
 * that head; a store that lost its end opens to be read, and takes no entries.
 * {@link checkLog} recomputes everything from the entries up.
 *
 * After a failed write nothing is known about the store, so a {@link Log} stops for good, says so
 * through `onFatal`, and has to be opened again, best by a new process.
 *
 * @packageDocumentation
 */
export {
  type Anchor,
  AnchorFile,
  type AnchorRecord,
  type AnchorState,
  missingAnchor,
} from "./anchor.js";
export type { Arrivals } from "./arrivals.js";
export type { ArchiveSum } from "./archive.js";
export {
  type Backup,
  backupLog,
  type BackupOptions,
  type Manifest,
  readBackup,
  readManifest,
  restoreLog,
  type RestoreOptions,
} from "./backup.js";
export { LogError, type LogErrorCode } from "./error.js";
export { checkLog, type CheckOptions, type LogProgress } from "./fsck.js";
export { type Inspection, inspectLog } from "./inspection.js";
export type { NamedKeys, ReceiptKeys } from "./keys.js";
export { type LogLabel, readLabel } from "./label.js";
export { openRow, sealRow } from "./layout.js";
export { LevelStore } from "./level.js";
export { Log, type LogOptions } from "./log.js";
export { MemoryAnchor, MemoryStore } from "./memory.js";
export {
  LogReplay,
  type ReplayControl,
  type ReplayEntry,
  type ReplayHead,
  replayLog,
} from "./replay.js";
export type { AppendRequest } from "./request.js";
export type { RowSource } from "./pinned.js";
export type { Frozen, Meta, Placement } from "./record.js";
export { RowBlock } from "./row-block.js";
export type { LogProblem, LogReport, ProblemKind, Verdict } from "./report.js";
export {
  Scrub,
  type ScrubAge,
  type ScrubAges,
  type ScrubOptions,
  type ScrubProgress,
} from "./scrub.js";
export type { PassProgress } from "./scrub-progress.js";
export { type FileRebuilding, type FileRebuilt, rebuildAnchorFile } from "./rebuild.js";
export { SequencedEntry } from "./sequenced.js";
export { type Space, spaceShortage } from "./space.js";
export { decodeStated } from "./stated.js";
export type { ReaderCode, ReaderStanding, Standing } from "./standing.js";
export { COMMIT_STEPS, type CommitStep, type OnStep, type StepName } from "./step.js";
export type { KeyRange, Row, Store } from "./store.js";
