/**
 * Reads the read path of a log (docs/formats/read-path.md) and believes nothing of it: every byte is
 * held against a checkpoint that a pinned key signed.
 *
 * {@link mirror} keeps a copy of it that can take its place, and {@link monitor} follows it from one
 * checkpoint to the next and tells of each new entry. Both demand that the log extends what was seen
 * of it, and have the evidence where it does not. {@link VerifiedReplay} reads it from its first entry on.
 *
 * Nothing here opens a socket or a file: where a log is, and where a copy is kept, are arguments.
 *
 * @packageDocumentation
 */
export { MirrorError } from "./error.js";
export type { MirrorErrorCode } from "./error.js";
export type { KeptCheckpoint, LogHead, NoteOptions, PublishedNote } from "./head.js";
export { readHead } from "./head.js";
export { requireAgreement } from "./extension.js";
export type { Showing } from "./extension.js";
export { readHeads, requireNote } from "./heads.js";
export type { LogHeads } from "./heads.js";
export { mirror } from "./mirror.js";
export type { Mirrored, MirrorOptions } from "./mirror.js";
export { monitor, requireFresh } from "./monitor.js";
export type { CheckedEntry, Followed, MonitorOptions } from "./monitor.js";
export { CheckedReader } from "./read-path.js";
export type { KeptPath, ReadPath, Wanted } from "./read-path.js";
export { VerifiedReplay } from "./replay.js";
export type { CheckpointTime, ReplayOptions } from "./replay.js";
export { FRESH_STATE, formatState, parseState } from "./state.js";
export type { MonitorState } from "./state.js";
export type { ChainEnd } from "./chain.js";
export { VerifiedTree } from "./tree.js";
