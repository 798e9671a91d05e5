import {
  type ChainLink,
  type Checkpoint,
  ReceiptError,
  type SignedCheckpoint,
} from "@tallystick/receipt";

import type { Anchor, AnchorRecord } from "./anchor.js";
import { LogError } from "./error.js";
import { type ReceiptKeys, verifyUnder } from "./keys.js";
import { checkpointKey, isEqual } from "./layout.js";
import { decodeChainLink } from "./record.js";
import type { Rows } from "./rows.js";
import { formatTime, type Standing, WRITER } from "./standing.js";

/** What the store says of itself, checked. */
export interface Stored {
  readonly signed: SignedCheckpoint;
  /** The kept checkpoint of the same size. */
  readonly link: ChainLink;
  readonly key: ReceiptKeys;
  /** The anchor may be short of checkpoints, or missing: it is about to be made again. */
  readonly isAnchorRebuilt?: boolean;
}

/** What comes of holding the anchor against the store. */
export interface Anchoring {
  readonly standing: Standing;
  /** What the anchor lacks: a crash came between the commit and its anchor record. */
  readonly unanchored?: AnchorRecord;
}

const FREEZE = "close this log for good (tally freeze DIR --why TEXT) and start another";

/**
 * Holds the newest record of the anchor against the newest checkpoint of the store. Equal, or the
 * store one ahead, is how a sound log is found. A store that ends where the anchor once did may be
 * read. What the anchor contradicts, or cannot vouch for, is not shown to anybody.
 *
 * @throws {@link LogError} `LOG_FORKED`, `LOG_ANCHOR_BEHIND`, `LOG_ANCHOR_MISSING`;
 * `LOG_KEY_MISMATCH` if the anchor is another log's, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function compareAnchor(
  rows: Rows,
  anchor: Anchor,
  stored: Stored,
): Promise<Anchoring> {
  const { newest } = anchor;
  const { checkpoint } = stored.signed;
  if (anchor.state === "missing") {
    const how = `${tellStored(checkpoint)}, and there is no anchor to vouch for it`;
    return short(stored, "LOG_ANCHOR_MISSING", how);
  }
  if (newest === undefined) {
    if (stored.link.previousSize === 0) return { standing: WRITER, unanchored: recordOf(stored) };
    const how = `${tellStored(checkpoint)}, the anchor is empty`;
    return short(stored, "LOG_ANCHOR_BEHIND", how);
  }
  const anchored = await verifyAnchored(newest, stored);
  if (newest.size > checkpoint.size) {
    const isOurs = await isAnchored(anchor, stored.signed);
    if (!isOurs) throw forked(checkpoint.size, "database", "anchor");
    return behind(checkpoint, anchored);
  }
  const kept = newest.size === checkpoint.size ? stored.link : await findLink(rows, newest.size);
  if (kept === undefined || !isEqual(kept.checkpoint, newest.checkpoint)) {
    throw forked(newest.size, "anchor", "database");
  }
  if (newest.size === checkpoint.size) {
    // Every record is of a round that the store had committed before.
    return anchor.state === "torn" ? behindTorn(checkpoint) : { standing: WRITER };
  }
  if (newest.size === stored.link.previousSize) {
    return { standing: WRITER, unanchored: recordOf(stored) };
  }
  const how = `${tellStored(checkpoint)}, the anchor ends at ${tell(anchored)}: it is not the newest copy`;
  return short(stored, "LOG_ANCHOR_BEHIND", how);
}

const LOST =
  "Put the newest copy of the anchor back; if it is lost, and the database is surely the newest copy, " +
  "make it again: tally recover DIR --rebuild-anchor";

function behind(stored: Checkpoint, anchored: Checkpoint): Anchoring {
  const missing = anchored.size - stored.size;
  const loss = `${tellStored(stored)}, the anchor shows ${tell(anchored)} signed: ${missing} entries are missing`;
  return reader(
    `${loss}. Put a newer copy of the database back (tally restore FILE DIR), or ${FREEZE}`,
    loss,
  );
}

// No loss that outlasts a freeze: the record may be the beginning of what says so.
function behindTorn(stored: Checkpoint): Anchoring {
  return reader(
    `${tellStored(stored)}, and the anchor begins one more record: the last round is missing. ` +
      `Put a newer copy of the database back (tally restore FILE DIR), or ${FREEZE}`,
  );
}

/** Yields the error of two signed histories; `one` holds what `other` should hold as well. */
export function forked(size: number, one: string, other: string): LogError {
  return new LogError(
    "LOG_FORKED",
    `the ${one} holds a signed checkpoint of size ${size}, the ${other} none or another of that size: ` +
      `two histories were signed. Keep both copies as evidence, and start another log`,
  );
}

// From the end, where an older copy of the store is soonest found.
async function isAnchored(anchor: Anchor, signed: SignedCheckpoint): Promise<boolean> {
  const { size } = signed.checkpoint;
  for await (const record of anchor.newestFirst()) {
    if (record.size <= size) {
      return record.size === size && isEqual(record.checkpoint, signed.encode());
    }
  }
  return false;
}

function reader(reason: string, loss?: string): Anchoring {
  return { standing: { kind: "reader", code: "LOG_BEHIND_ANCHOR", reason, loss } };
}

function short(
  { isAnchorRebuilt = false }: Stored,
  code: "LOG_ANCHOR_BEHIND" | "LOG_ANCHOR_MISSING",
  how: string,
): Anchoring {
  if (isAnchorRebuilt) return { standing: WRITER };
  throw new LogError(code, `${how}. ${LOST}`);
}

function tellStored(checkpoint: Checkpoint): string {
  return `the database ends at ${tell(checkpoint)}`;
}

function tell({ size, time }: Checkpoint): string {
  return `size ${size} (${formatTime(time)})`;
}

function recordOf({ signed }: Stored): AnchorRecord {
  const { size, root } = signed.checkpoint;
  return { size, root, checkpoint: signed.encode() };
}

async function findLink(rows: Rows, size: number): Promise<ChainLink | undefined> {
  const payload = await rows.find(checkpointKey(size));
  return payload && decodeChainLink(payload);
}

async function verifyAnchored(record: AnchorRecord, { signed, key }: Stored): Promise<Checkpoint> {
  const checkpoint = await verifyRecord(record, key);
  const { issuer, origin } = signed.checkpoint;
  if (checkpoint.issuer === issuer && checkpoint.origin === origin) return checkpoint;
  throw new LogError("LOG_KEY_MISMATCH", "the anchor is of a log of another issuer or origin");
}

async function verifyRecord(
  { size, root, checkpoint }: AnchorRecord,
  key: ReceiptKeys,
): Promise<Checkpoint> {
  try {
    const stated = (await verifyUnder(checkpoint, key)).checkpoint;
    if (stated.size === size && isEqual(stated.root, root)) return stated;
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    const message = `the newest anchor record: ${error.message}`;
    throw new LogError("LOG_CORRUPT", message, { cause: error });
  }
  throw new LogError("LOG_CORRUPT", "the newest anchor record is not about its checkpoint");
}
