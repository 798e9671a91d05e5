import { TILE_WIDTH } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import { readBody } from "./body.js";
import { readBundle } from "./bundle.js";
import { checkpointsBack, endAt, requireEnd } from "./chain.js";
import type { ChainEnd } from "./chain.js";
import { MirrorError } from "./error.js";
import { requireExtension } from "./extension.js";
import type { KeptCheckpoint, LogHead } from "./head.js";
import { readHeads } from "./heads.js";
import type { LogHeads } from "./heads.js";
import { forEachOf } from "./parallel.js";
import { checkPartials } from "./partials.js";
import { CheckedReader } from "./read-path.js";
import type { ReadPath } from "./read-path.js";
import type { MonitorState, SeenNote } from "./state.js";
import { isSame } from "./same.js";

/** How far the clocks of a log and of its reader may differ. */
const MAX_SKEW_SECONDS = 300;

/** What an entry that was checked says of itself; its issuer's signature is not verified. */
export interface CheckedEntry {
  readonly index: number;
  readonly entryId: string;
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly contentType: string | number | undefined;
}

/** The newest checkpoints that a log showed. */
export type Followed = Pick<LogHeads, "published" | "newest">;

/** How a log is followed. */
export interface MonitorOptions {
  /** Pins note key and receipt keys of the log. */
  readonly trust: TrustStore;
  /** Whose cosignatures the note at `checkpoint` needs; none unless given. */
  readonly witnesses?: WitnessPolicy | undefined;
  readonly state: MonitorState;
  /**
   * Index of the first entry that is checked and told of in a log that nobody has followed before, at
   * most its size then; `"now"` for its size. 0 by default.
   */
  readonly from?: number | "now" | undefined;
  /**
   * Told of the next few entries, at most `parallel`, in order, once all of them are checked. What it did
   * is done: the state that follows does not come back to them.
   */
  readonly onEntries: (entries: readonly CheckedEntry[]) => Promise<void>;
  /** Told of the checkpoints that the log shows, once they extend what was seen. */
  readonly onHeads?: (heads: Followed) => void;
  /** Told of each step from which a later run can go on. */
  readonly onState: (state: MonitorState) => Promise<void>;
  /** Statements that are on their way at a time. */
  readonly parallel: number;
  /** Stops the pass before the next few entries. */
  readonly signal?: AbortSignal;
}

/**
 * Follows a log up to its newest checkpoint, be it in the note or at `checkpoints/latest` alone: it extends
 * what was seen and what the note has, is signed in both forms, and so is every checkpoint since; each new
 * entry is a leaf of the tree, and its statement is the one that the tree has. The note is no smaller than
 * before, and its record is in the chain. Yields both checkpoints.
 *
 * Memory: two tiles for each level, a bundle, and `parallel` statements with the names in as many.
 *
 * @throws {@link MirrorError} every code but `MIRROR_STATE_INVALID`; what the source and the callbacks
 * throw
 */
export async function monitor(source: ReadPath, options: MonitorOptions): Promise<Followed> {
  const {
    trust,
    witnesses,
    state: start,
    from = 0,
    onEntries,
    onState,
    parallel,
    signal,
  } = options;
  const isStopped = (): boolean => signal?.aborted === true;
  const reader = new CheckedReader(source);
  const heads = await readHeads(reader, { trust, witnesses });
  const { published, newest, tree } = heads;
  const followed = { published, newest };
  await requireExtension(start.seen, newest.signed, {
    ...{ trust, keptIn: "the state", shown: () => Promise.resolve(tree) },
  });
  requireForward(published, start.published);
  options.onHeads?.(followed);
  // Kept with the first state: a first run that is cut short begins at the same entry again.
  const position =
    start.seen === undefined
      ? Math.min(from === "now" ? tree.size : from, tree.size)
      : start.position;
  const note = isKnown(published, start)
    ? start.published
    : { size: published.signed.checkpoint.size };
  let state: MonitorState = { ...start, seen: newest.signed, position, published: note };
  await onState(state);
  if (!(await followChain({ reader, trust, start, isStopped }, heads))) return followed;
  await checkPartials(reader, tree, position);
  state = { ...state, chained: endAt(newest), published: endAt(published) };
  while (state.position < tree.size && !isStopped()) {
    const bundle = await readBundle(reader, tree, Math.floor(state.position / TILE_WIDTH));
    const entries = bundle.entries.slice(state.position - bundle.first);
    for (let at = 0; at < entries.length && !isStopped(); at += parallel) {
      // Told in small pieces, for a name may be as large as a statement.
      const some = entries.slice(at, at + parallel);
      await onEntries(await checkedEntries(reader, some, { first: state.position, parallel }));
      state = { ...state, position: state.position + some.length };
      await onState(state);
    }
  }
  if (state.position === position) await onState(state);
  return followed;
}

/** Requires that the note is no smaller than one that was published before. */
function requireForward({ signed }: LogHead, before: SeenNote | undefined): void {
  const { size } = signed.checkpoint;
  if (before === undefined || size >= before.size) return;
  const sizes = `a note of ${size} entries, one of ${before.size} was published before`;
  throw new MirrorError("MIRROR_STALE", `shows ${sizes}: an old copy, or a log rolled back`);
}

/** Yields whether an earlier pass has found the record of the published note in the chain. */
function isKnown(published: LogHead, { published: before }: MonitorState): boolean {
  const { size, digest } = endAt(published);
  return before?.digest !== undefined && before.size === size && isSame(before.digest, digest);
}

interface Chain {
  readonly reader: CheckedReader;
  readonly trust: TrustStore;
  readonly start: MonitorState;
  readonly isStopped: () => boolean;
}

/**
 * Follows the chain back to where it was followed before, or further to a note below that which nobody
 * has found in it yet. Yields `false` where it was stopped.
 */
async function followChain(
  { reader, trust, start, isStopped }: Chain,
  { published, newest, tree }: LogHeads,
): Promise<boolean> {
  const { chained } = start;
  const note = endAt(published);
  requireEnd(published, chained);
  requireEnd(newest, chained);
  const isBelow = note.size < (chained?.size ?? 0) && !isKnown(published, start);
  const end = isBelow ? note : chained;
  for await (const kept of checkpointsBack(reader, newest, { trust, tree, end })) {
    requireLink(kept, note, "the published one");
    if (chained !== undefined) requireLink(kept, chained, "the one that it had before");
    if (isStopped()) return false;
  }
  return true;
}

/** Requires that the chain has a checkpoint where it comes to its size, and does not step over it. */
function requireLink(kept: KeptCheckpoint, wanted: ChainEnd, name: string): void {
  const { size, digest } = endAt(kept);
  const isPast = size < wanted.size || kept.link.previousSize >= wanted.size;
  if (isPast || (size === wanted.size && isSame(digest, wanted.digest))) return;
  const message = `the chain of checkpoints does not have ${name}, of ${wanted.size} entries`;
  throw new MirrorError("MIRROR_CHECKPOINT_INVALID", message);
}

async function checkedEntries(
  reader: CheckedReader,
  entries: readonly Uint8Array[],
  { first, parallel }: { readonly first: number; readonly parallel: number },
): Promise<readonly CheckedEntry[]> {
  const checked: CheckedEntry[] = [];
  await forEachOf(entries, parallel, async (entry, position) => {
    // No more of it is held, for a statement may be large.
    const { entryId, claims, contentType } = await readBody(reader, entry);
    const { issuer, subject } = claims;
    checked[position] = { index: first + position, entryId, issuer, subject, contentType };
  });
  return checked;
}

/** How old a checkpoint may be. */
export interface FreshOptions {
  /** Seconds since the epoch. */
  readonly now: number;
  /** In seconds. */
  readonly maxAge: number;
  /** What the checkpoint is called; the newest one unless given. */
  readonly name?: string;
}

/**
 * Requires that a checkpoint was signed at most so many seconds ago, and not in the future.
 *
 * @throws {@link MirrorError} `MIRROR_STALE`
 */
export function requireFresh(
  { checkpoint: { size, time } }: SignedCheckpoint,
  { now, maxAge, name = "newest checkpoint" }: FreshOptions,
): void {
  if (time - now > MAX_SKEW_SECONDS) {
    const ahead = `the ${name}, of ${size} entries, is dated ${time - now} s ahead`;
    throw new MirrorError("MIRROR_STALE", `${ahead}: its age says nothing`);
  }
  if (now - time <= maxAge) return;
  const message = `the ${name}, of ${size} entries, was signed ${now - time} s ago`;
  throw new MirrorError("MIRROR_STALE", `${message}, want ${maxAge} at most`);
}
