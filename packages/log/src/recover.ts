import { formatThumbprint } from "@tallystick/cose";
import { leafHash, TILE_WIDTH } from "@tallystick/merkle";
import { chainDigest, type ChainLink, ReceiptError, SignedCheckpoint } from "@tallystick/receipt";

import type { Anchor, AnchorRecord } from "./anchor.js";
import { compareAnchor } from "./anchoring.js";
import { Edge, edgeTiles } from "./edge.js";
import { LogError, toLogError } from "./error.js";
import { tellKept } from "./kept.js";
import { isAmong, isNamed, type ReceiptKeys, requireFirstKey, verifyUnder } from "./keys.js";
import {
  ALL_KEYS,
  bundleKey,
  checkpointKey,
  concat,
  controlKey,
  FROZEN_KEY,
  HEAD_KEY,
  isEqual,
  KIND,
  META_KEY,
  tileKey,
} from "./layout.js";
import {
  decodeChainLink,
  decodeControl,
  decodeFrozen,
  decodeHead,
  decodeMeta,
  type Frozen,
  type Head,
  type Meta,
} from "./record.js";
import { Recount } from "./recount.js";
import { corrupt, decodeEntries, Rows } from "./rows.js";
import { clockStanding, frozenStanding, type Standing, WRITER } from "./standing.js";
import { type Store, WRITE_BUFFER_BYTES } from "./store.js";
import { splitHashes } from "./tile.js";
import { View } from "./view.js";
import { controlAt, walkBack } from "./walk.js";
import type { ChainEnd, WriterState } from "./writer.js";

/** Who the caller believes the log to be, and when it is. */
export interface Expectation {
  readonly issuer: string;
  readonly origin: string;
  /** That of the log, or all that it ever signed with. */
  readonly key: ReceiptKeys;
  /** Seconds since the epoch. */
  readonly now: number;
  readonly ignoreClock?: boolean;
  /** As in {@link Stored}; for whoever makes the anchor again. */
  readonly isAnchorRebuilt?: boolean;
  /** Size of one write buffer of the store; {@link WRITE_BUFFER_BYTES} unless given. */
  readonly bufferBytes?: number;
}

/** Where a log is kept. */
export interface Kept {
  readonly store: Store;
  readonly anchor: Anchor;
}

/** A log that passed every check at boot. */
export interface Recovered {
  readonly meta: Meta;
  readonly epoch: number;
  readonly state: WriterState & { readonly view: View };
  readonly standing: Standing;
  /** What the anchor alone says of it. */
  readonly anchored: Standing;
  /** To be anchored before anything is shown, also by a log that is then only read. */
  readonly unanchored: AnchorRecord | undefined;
  /** Why nothing is taken for good; may still lack its place in the anchor. */
  readonly frozen: Frozen | undefined;
}

/**
 * Yields the state that store and anchor hold, or refuses; it never repairs. Costs the same whatever
 * the size of the log.
 *
 * A log that ends before its anchor, is frozen, or is ahead of the clock has no writer; what is wrong,
 * or has no anchor to vouch for it, throws.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_SCHEMA_UNSUPPORTED`, `LOG_KEY_MISMATCH`,
 * `LOG_FORKED`, `LOG_ANCHOR_BEHIND`, `LOG_ANCHOR_MISSING`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function recover(kept: Kept, expected: Expectation): Promise<Recovered> {
  const advice = tellKept(kept.store.kept);
  try {
    const recovered = await recoverAll(kept, expected);
    const { standing, anchored } = recovered;
    if (anchored.kind === "writer" || standing.kind === "writer") return recovered;
    return { ...recovered, standing: { ...standing, reason: standing.reason + advice } };
  } catch (error) {
    if (advice === "" || !(error instanceof LogError) || error.code !== "LOG_CORRUPT") throw error;
    throw new LogError("LOG_CORRUPT", error.message + advice, { cause: error });
  }
}

async function recoverAll({ store, anchor }: Kept, expected: Expectation): Promise<Recovered> {
  const rows = new Rows(store);
  const meta = await recoverMeta(rows, expected);
  const { head, signed } = await recoverHead(rows, meta, expected);
  const { size } = signed.checkpoint;
  const edge = await recoverEdge(rows, size);
  const recount = recountEdge(edge);
  requireRoot(signed, edge.root());
  requireRoot(signed, recount.root(edge.bundle.map(leafHash)));
  const { link, chain } = await recoverChain(rows, signed);
  const control = await recoverControl(rows, head.control, size);
  // T23: whoever holds another key has signed no head of this log.
  if (!isNamed(meta, control.receiptKeys, signed.kid)) {
    throw corrupt("the head is signed with a key that the control entry in force does not name");
  }
  await rows.requireNone(KIND.bundle, bundleKey(Math.ceil(size / TILE_WIDTH)));
  const view = new View({ signed, edge, control });
  const { key, isAnchorRebuilt = false, bufferBytes = WRITE_BUFFER_BYTES } = expected;
  await walkBack(rows, { view, link, bufferBytes });
  const anchoring = await compareAnchor(rows, anchor, { signed, link, key, isAnchorRebuilt });
  const frozen = await recoverFrozen(rows, anchor);
  const standing = recoverStanding(frozen, anchoring.standing, { signed, expected });
  return {
    meta,
    epoch: head.epoch,
    state: { view, recount, chain },
    standing,
    anchored: anchoring.standing,
    unanchored: anchoring.unanchored,
    frozen,
  };
}

/** Yields whether the store holds any row at all. */
export async function isEmpty(store: Store): Promise<boolean> {
  try {
    for await (const key of store.keys({ ...ALL_KEYS, limit: 1 })) return key.length < 0;
    return true;
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
  }
}

async function recoverMeta(rows: Rows, { issuer, origin, key }: Expectation): Promise<Meta> {
  const payload = await rows.find(META_KEY);
  if (payload === undefined) {
    if (await isEmpty(rows.store)) throw new LogError("LOG_NOT_FOUND", "the store is empty");
    throw corrupt("meta is missing");
  }
  const meta = decodeMeta(payload);
  if (meta.issuer !== issuer || meta.origin !== origin) {
    throw new LogError("LOG_KEY_MISMATCH", "the log has another issuer or origin");
  }
  requireFirstKey(meta, key);
  return meta;
}

async function recoverHead(
  rows: Rows,
  meta: Meta,
  { key }: Expectation,
): Promise<{ readonly head: Head; readonly signed: SignedCheckpoint }> {
  const head = decodeHead(await rows.require(HEAD_KEY));
  await requireKnown(rows, head, key);
  const signed = await verifyCheckpoint(head.checkpoint, key);
  const { issuer, origin } = signed.checkpoint;
  if (issuer !== meta.issuer || origin !== meta.origin) throw corrupt("head is of another log");
  return { head, signed };
}

// Not damage: the key that signs is named by the log, and its public half was not brought along.
async function requireKnown(rows: Rows, head: Head, keys: ReceiptKeys): Promise<void> {
  const payload = await rows.find(controlKey(head.control));
  const { receiptKeys } = payload === undefined ? {} : decodeControl(payload);
  const missing = receiptKeys?.filter((kid) => !isAmong(keys, kid)) ?? [];
  const kid = kidIn(head.checkpoint);
  if (kid === undefined || !missing.some((one) => isEqual(one, kid))) return;
  const message = `the log signs with the key ${formatThumbprint(kid)}, whose public half is not among its keys`;
  throw new LogError("LOG_KEY_MISMATCH", message);
}

function kidIn(checkpoint: Uint8Array): Uint8Array | undefined {
  try {
    return SignedCheckpoint.kidOf(checkpoint);
  } catch (error) {
    // What is wrong with it is said where it is verified.
    if (!(error instanceof ReceiptError)) throw error;
    return undefined;
  }
}

async function verifyCheckpoint(encoded: Uint8Array, key: ReceiptKeys): Promise<SignedCheckpoint> {
  try {
    return await verifyUnder(encoded, key);
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    throw new LogError("LOG_CORRUPT", `head: ${error.message}`, { cause: error });
  }
}

async function recoverEdge(rows: Rows, size: number): Promise<Edge> {
  const lastIndex = Math.floor((size - 1) / TILE_WIDTH);
  const partial = edgeTiles(size);
  const leaves = { level: 0, index: lastIndex };
  const [bundlePayload, leavesPayload, ...tilePayloads] = await rows.requireMany([
    bundleKey(lastIndex),
    tileKey(leaves),
    ...partial.map(tileKey),
  ]);
  const last = decodeEntries(bundlePayload ?? new Uint8Array(), "last bundle");
  const lastWidth = ((size - 1) % TILE_WIDTH) + 1;
  if (last.length !== lastWidth) {
    throw corrupt(`last bundle of width ${last.length}, want ${lastWidth}`);
  }
  if (leavesPayload === undefined || !isEqual(leavesPayload, concat(...last.map(leafHash)))) {
    throw corrupt("the last bundle does not hash to its tile");
  }
  const tiles: (readonly Uint8Array[])[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / TILE_WIDTH)) tiles.push([]);
  partial.forEach(({ level, width }, i) => {
    const hashes = splitHashes(tilePayloads[i] ?? new Uint8Array());
    if (hashes.length !== width)
      throw corrupt(`edge tile of width ${hashes.length}, want ${width}`);
    tiles[level] = hashes;
  });
  const bundle = lastWidth === TILE_WIDTH ? [] : last;
  return Edge.from({ size, bundle, tiles });
}

// What covers the full bundles stands in the tiles above the leaves, which are the same at both sizes.
function recountEdge({ size, tiles }: Edge): Recount {
  const bundles = Math.floor(size / TILE_WIDTH);
  const covered = Edge.from({ size: bundles * TILE_WIDTH, bundle: [], tiles });
  return Recount.seed(bundles, covered.nodes().hashes());
}

// D7: what is stored has to hash to the last signed root.
function requireRoot(signed: SignedCheckpoint, root: Uint8Array): void {
  if (!isEqual(root, signed.checkpoint.root)) {
    throw corrupt("the right edge does not hash to the signed root");
  }
}

interface RecoveredChain {
  readonly link: ChainLink;
  readonly chain: ChainEnd;
}

async function recoverChain(rows: Rows, signed: SignedCheckpoint): Promise<RecoveredChain> {
  const { size } = signed.checkpoint;
  const payload = await rows.require(checkpointKey(size));
  const link = decodeChainLink(payload);
  if (!isEqual(link.checkpoint, signed.encode())) {
    throw corrupt("the newest kept checkpoint is not that of the head");
  }
  await rows.requireNone(KIND.checkpoint, checkpointKey(size + 1));
  return { link, chain: { digest: chainDigest(payload), size } };
}

async function recoverControl(rows: Rows, index: number, size: number): Promise<View["control"]> {
  if (index >= size) throw corrupt(`control entry ${index} in a log of size ${size}`);
  const { entry, receiptKeys } = await controlAt(rows, index);
  await rows.requireNone(KIND.control, controlKey(index + 1));
  return { index, entry, receiptKeys };
}

// Either place alone keeps a log closed: a lost write, or an older copy, takes away no more than one.
async function recoverFrozen(rows: Rows, anchor: Anchor): Promise<Frozen | undefined> {
  const payload = await rows.find(FROZEN_KEY);
  return payload === undefined ? anchor.frozen : decodeFrozen(payload);
}

/** Why nothing may be written, by weight: what the operator said, then evidence, then the clock. */
function recoverStanding(
  frozen: Frozen | undefined,
  anchored: Standing,
  { signed, expected }: { signed: SignedCheckpoint; expected: Expectation },
): Standing {
  if (frozen !== undefined) return frozenStanding(frozen, anchored);
  if (anchored.kind === "reader") return anchored;
  const { time } = signed.checkpoint;
  const { now, ignoreClock = false } = expected;
  // I6: a checkpoint must not be older than the one before it.
  return now < time && !ignoreClock ? clockStanding(now, time) : WRITER;
}
