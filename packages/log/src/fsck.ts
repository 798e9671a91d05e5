import { TILE_WIDTH, tileWidth } from "@tallystick/merkle";
import type { Checkpoint } from "@tallystick/receipt";

import type { Anchor } from "./anchor.js";
import { checkAnchor } from "./anchor-check.js";
import { ChainCheck, checkSignature, newestSizes } from "./chain-check.js";
import { ControlCheck } from "./control-check.js";
import { EntryLookup } from "./entry-lookup.js";
import { LogError, toLogError } from "./error.js";
import { KeySchedule, type ReceiptKeys, requireFirstKey } from "./keys.js";
import {
  ALL_KEYS,
  checkpointKey,
  digestKey,
  formatKey,
  FROZEN_KEY,
  HEAD_KEY,
  isEqual,
  KIND,
  type Kind,
  kindRange,
  META_KEY,
  numberOfKey,
  openRow,
  SCRUB_KEY,
} from "./layout.js";
import {
  decodeControl,
  decodeFrozen,
  decodeHead,
  decodeMeta,
  decodePlacement,
  type Frozen,
  type Head,
  type Meta,
} from "./record.js";
import { isEmpty } from "./recover.js";
import { Findings, type LogReport } from "./report.js";
import { decodeStated } from "./stated.js";
import type { Store } from "./store.js";
import { Survey } from "./survey.js";
import { TreeCheck } from "./tree-check.js";

/** How far a check has got. */
export interface LogProgress {
  readonly entries: number;
  readonly size: number;
}

/** What {@link checkLog} needs. */
export interface CheckOptions {
  /** Open, and quiet: what a writer changes meanwhile looks like damage. Left open. */
  readonly store: Store;
  /** Open, and left open; {@link missingAnchor} where there is none. Not looked at unless given. */
  readonly anchor?: Anchor;
  /** The log's receipt key, or all that it ever signed with; without it signatures are not checked. */
  readonly key?: ReceiptKeys;
  /** Whether to read and hash every body; true unless given. */
  readonly bodies?: boolean;
  readonly onProgress?: (progress: LogProgress) => void;
}

/**
 * Recomputes every leaf, tile and kept root from the stored entries and holds every row against the
 * result: an operator's command and the oracle of this package's tests.
 *
 * Reads the whole log, in bounded memory. It changes nothing.
 * Store and anchor must hold the same checkpoints; only the newest may lack its anchor record.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND` if the store is empty, `LOG_SCHEMA_UNSUPPORTED`,
 * `LOG_UNAVAILABLE`
 */
export async function checkLog(options: CheckOptions): Promise<LogReport> {
  const { store, anchor, key, bodies: withBodies = true, onProgress } = options;
  if (await isEmpty(store)) throw new LogError("LOG_NOT_FOUND", "the store is empty");
  const survey = new Survey(store, new Findings());
  const meta = await checkMeta(survey, key);
  const { head, stated } = await readHead(survey);
  const schedule = meta && (await scheduleIn(store, meta));
  const chain = new ChainCheck({ survey, meta, key, schedule });
  const kept = await newestSizes(survey, 2);
  // Without a head the newest kept checkpoint still tells how far the tree went.
  const size = stated?.size ?? kept[0] ?? 0;
  const sizesWithin: ChainCheck["sizesWithin"] = (after, to) => chain.sizesWithin(after, to);
  const tree = new TreeCheck({ survey, size, withBodies, sizesWithin });
  for await (const { reached } of tree.run()) {
    await chain.check(reached);
    onProgress?.({ entries: tree.counts.entries, size });
  }
  if (head !== undefined && stated !== undefined) {
    await checkSignature(survey, { row: HEAD_KEY, checkpoint: head.checkpoint, key });
    const isKept = (await chain.sizesWithin(size - 1, size)).length > 0;
    checkHead(survey, stated, { tree, isKept, newest: chain.newest });
  }
  const lookup = new EntryLookup(survey);
  const controls = await ControlCheck.from(survey, 0);
  await controls.check(kindRange(KIND.control), (index) => lookup.at(index));
  if (head !== undefined) controls.requireNewest(head.control);
  await checkOrphans(survey, { size, tree, entries: lookup });
  await checkSurplus(survey, size);
  const stored = await checkNotes(survey);
  if (anchor !== undefined) {
    await checkAnchoring(survey, anchor, kept);
    checkFreeze(survey, stored, anchor.frozen);
  }
  const { entries, tiles, bodies } = tree.counts;
  return {
    ...survey.findings.report(),
    size: stated?.size ?? 0,
    root: stated?.root,
    frozen: stored ?? anchor?.frozen,
    checked: { entries, tiles, bodies, checkpoints: chain.count },
  };
}

async function checkMeta(survey: Survey, key: ReceiptKeys | undefined): Promise<Meta | undefined> {
  const [payload] = await survey.require([META_KEY]);
  const meta = payload && survey.decode(META_KEY, payload, decodeMeta);
  if (meta === undefined || key === undefined) return meta;
  try {
    requireFirstKey(meta, key);
  } catch (error) {
    survey.findings.add("mismatch", "meta", error instanceof Error ? error.message : "another key");
  }
  return meta;
}

// A row that cannot be read is found later, and says nothing of who may have signed.
async function scheduleIn(store: Store, meta: Meta): Promise<KeySchedule | undefined> {
  const schedule = new KeySchedule(meta);
  try {
    for await (const key of store.keys(kindRange(KIND.control))) {
      const value = await store.get(key);
      if (value === undefined) return undefined;
      const { receiptKeys } = decodeControl(openRow({ key, value }));
      schedule.add(numberOfKey(key), receiptKeys);
    }
    return schedule;
  } catch (error) {
    const failure = toLogError(error, "LOG_UNAVAILABLE", "read failed");
    if (failure.code === "LOG_CORRUPT") return undefined;
    throw failure;
  }
}

interface ReadHead {
  readonly head: Head | undefined;
  readonly stated: Checkpoint | undefined;
}

async function readHead(survey: Survey): Promise<ReadHead> {
  const [payload] = await survey.require([HEAD_KEY]);
  const head = payload && survey.decode(HEAD_KEY, payload, decodeHead);
  const stated = head && survey.decode(HEAD_KEY, head.checkpoint, decodeStated);
  return { head, stated };
}

interface HeadContext {
  readonly tree: TreeCheck;
  /** Whether its own checkpoint is kept. */
  readonly isKept: boolean;
  readonly newest: Checkpoint | undefined;
}

function checkHead(
  survey: Survey,
  stated: Checkpoint,
  { tree, isKept, newest }: HeadContext,
): void {
  const { size, root, time } = stated;
  if (tree.counts.entries === size && !isEqual(tree.root(), root)) {
    survey.findings.add("mismatch", "head", "states another root than the entries lead to");
  }
  if (!isKept) {
    survey.findings.add("missing", formatKey(checkpointKey(size)), "the head's own checkpoint");
  } else if (newest?.size === size && (newest.time !== time || !isEqual(newest.root, root))) {
    survey.findings.add("mismatch", "head", "is not the newest kept checkpoint");
  }
}

interface OrphanContext {
  readonly size: number;
  readonly tree: TreeCheck;
  readonly entries: EntryLookup;
}

/** Index rows that no entry accounts for would make a new entry look like a duplicate. */
async function checkOrphans(survey: Survey, { size, tree, entries }: OrphanContext): Promise<void> {
  const { counts } = tree;
  let count = 0;
  for await (const key of survey.keys(kindRange(KIND.digest))) count += key.length > 0 ? 1 : 0;
  if (count === counts.placements && counts.entries === size) return;
  for await (const key of survey.keys(kindRange(KIND.digest))) {
    const [payload] = await survey.require([key]);
    const placement = payload && survey.decode(key, payload, decodePlacement);
    if (placement === undefined) continue;
    const { index } = placement;
    // Behind a lost bundle nothing is known of the entries.
    if (index >= counts.entries && index < size) continue;
    const logged = index < size ? await entries.at(index) : undefined;
    if (logged !== undefined && isEqual(digestKey(logged), key)) continue;
    survey.findings.add("unexpected", formatKey(key), "no such entry is logged");
  }
}

/**
 * The rows that are no part of the log: what is written there once must be readable. Yields why the log
 * was closed, if the store says so.
 */
async function checkNotes(survey: Survey): Promise<Frozen | undefined> {
  let frozen: Frozen | undefined;
  for (const kind of [KIND.frozen, KIND.scrub]) {
    for await (const key of survey.keys({ ...kindRange(kind), limit: 1 })) {
      if (!isEqual(key, kind === KIND.frozen ? FROZEN_KEY : SCRUB_KEY)) continue;
      const [payload] = await survey.require([key]);
      if (kind !== KIND.frozen || payload === undefined) continue;
      frozen = survey.decode(key, payload, decodeFrozen);
    }
  }
  return frozen;
}

/** Either place alone closes a log, and both say the same: only the first reason is ever kept. */
function checkFreeze(survey: Survey, stored?: Frozen, anchored?: Frozen): void {
  if (stored === undefined || anchored === undefined) return;
  if (stored.why === anchored.why && stored.time === anchored.time) return;
  survey.findings.add("mismatch", "frozen", "the anchor has another reason or time");
}

/**
 * The ends of the anchor and of the chain, whose two newest sizes are given; what lies before is
 * compared first.
 */
async function checkAnchoring(
  survey: Survey,
  anchor: Anchor,
  [newest = 0, before = 0]: readonly number[],
): Promise<void> {
  const { findings } = survey;
  if (anchor.state === "missing") {
    findings.add("missing", "anchor", "nothing can show that the log lost no end");
    return;
  }
  const anchored = anchor.newest?.size ?? 0;
  for await (const count of checkAnchor(survey, { anchor, size: newest })) if (count === 0) break;
  if (anchored > newest) {
    findings.add("missing", formatKey(checkpointKey(anchored)), "the anchor shows it was signed");
  } else if (anchored === newest && anchor.state === "torn") {
    findings.add("missing", "head", "the anchor begins a record beyond it");
  } else if (anchored < before) {
    findings.add("missing", "anchor", `it ends at ${anchored}, before checkpoint ${before}`);
  }
}

/** Rows beyond the head, and rows of no known kind. */
async function checkSurplus(survey: Survey, size: number): Promise<void> {
  const isBeyond: readonly [Kind, (key: Uint8Array) => boolean][] = [
    [KIND.bundle, (key) => numberOfKey(key) * TILE_WIDTH >= size],
    [KIND.tile, (key) => tileWidth(key[1] ?? 0, numberOfKey(key), size) === 0],
    [KIND.body, (key) => numberOfKey(key) >= size],
    [KIND.checkpoint, (key) => numberOfKey(key) > size],
  ];
  for (const [kind, test] of isBeyond) {
    for await (const key of survey.keys(kindRange(kind))) {
      if (survey.decode(key, key, test) !== true) continue;
      survey.findings.add("unexpected", formatKey(key), `lies beyond size ${size}`);
    }
  }
  for (const gap of gaps()) {
    for await (const key of survey.keys(gap)) {
      survey.findings.add("unexpected", formatKey(key), "row of unknown kind");
    }
  }
}

const SINGLE: readonly Kind[] = [KIND.meta, KIND.head, KIND.frozen, KIND.scrub];

// Everything between the ranges of the known kinds.
function gaps(): readonly { readonly from: Uint8Array; readonly before: Uint8Array }[] {
  const taken = Object.values(KIND)
    .map((kind) => {
      const { from, before } = kindRange(kind);
      const isSingle = SINGLE.includes(kind);
      return { from, before: isSingle ? Uint8Array.of(from[0] ?? 0, 0) : before };
    })
    .sort((a, b) => (a.from[0] ?? 0) - (b.from[0] ?? 0));
  const starts = [ALL_KEYS.from, ...taken.map(({ before }) => before)];
  const ends = [...taken.map(({ from }) => from), ALL_KEYS.before];
  return starts.map((from, i) => ({ from, before: ends[i] ?? ALL_KEYS.before }));
}
