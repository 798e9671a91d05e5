/**
 * An append-only Merkle log over an ordered key-value store.
 *
 * The log takes entries, 32-byte digests, each with the body it is the digest of, and gives each an
 * index, once and for good. It knows nothing about what a body means. Entries are sequenced in
 * rounds: a round builds the new tree, computes its root again from the bytes to be stored, has the
 * guard sign it, commits everything in one synced write, reads the head back, and only then publishes
 * the checkpoint and answers those who wait. Every checkpoint is kept, and receipts can be had for
 * any entry under any of them.
 *
 * {@link Log} is the log; {@link LevelStore} keeps one in a directory and {@link MemoryStore} in
 * memory. Opening checks that what is stored still leads to the signed head and refuses otherwise.
 * {@link checkLog} recomputes everything from the entries up.
 *
 * After a failed write nothing is known about the store, so a {@link Log} stops for good, says so
 * through `onFatal`, and has to be opened again, best by a new process.
 *
 * @packageDocumentation
 */
export { LogError, type LogErrorCode } from "./error.js";
export { checkLog, type CheckOptions, type LogProgress } from "./fsck.js";
export { LevelStore } from "./level.js";
export { type AppendRequest, Log, type LogOptions } from "./log.js";
export { MemoryStore } from "./memory.js";
export type { Placement } from "./record.js";
export type { LogProblem, LogReport, ProblemKind, Verdict } from "./report.js";
export { SequencedEntry } from "./sequenced.js";
export type { KeyRange, Row, Store } from "./store.js";
