import { constants, copyFile, link, open, rename, rm, stat } from "node:fs/promises";

import { chainDigest, ReceiptError } from "@tallystick/receipt";

import {
  type Anchor,
  AnchorFile,
  type AnchorRecord,
  missingAnchor,
  syncDirectoryOf,
} from "./anchor.js";
import { isFreeze } from "./anchor-record.js";
import { type Remnant, remnantsOf } from "./anchor-salvage.js";
import { forked } from "./anchoring.js";
import { LogError, toLogError } from "./error.js";
import { type ReceiptKeys, verifyUnder } from "./keys.js";
import { checkpointKey, isEqual, KIND, kindRange, numberOfKey } from "./layout.js";
import { decodeChainLink, type Frozen } from "./record.js";
import { type Expectation, recover } from "./recover.js";
import { corrupt, Rows } from "./rows.js";
import { refusalOf } from "./standing.js";
import type { Store } from "./store.js";

/** Who the caller believes the log to be. */
type Identity = Pick<Expectation, "issuer" | "origin" | "key">;

/** What {@link rebuildAnchor} works on. */
export interface Rebuilding {
  /** Open, and left open. */
  readonly store: Store;
  /** What is left of the anchor; {@link missingAnchor} if nothing is. */
  readonly anchor: Anchor;
  /** What can still be read of an anchor that is damaged, and for that counts as missing. */
  readonly remnants?: AsyncIterable<Remnant>;
  /** Makes the new one; called once store and anchor have passed every check. */
  readonly make: () => Promise<Anchor>;
}

/**
 * Writes every kept checkpoint into a new anchor, with the freeze of either, and yields how many the
 * anchor had lacked: for an operator who has lost it, or its end, and knows the store to be the newest
 * copy. Nothing can show afterwards that it was.
 *
 * The store passes all checks at boot first, and must hold all that is left of the anchor, of a damaged
 * one as well: a checkpoint in it that the key signed and the store lacks shows that the store is not
 * the newest copy. Store and both anchors stay open.
 *
 * @throws {@link LogError} `LOG_BEHIND_ANCHOR`, `LOG_FORKED`, and what opening the log throws
 */
export async function rebuildAnchor(
  { store, anchor, remnants, make }: Rebuilding,
  expected: Identity,
): Promise<number> {
  const whole = { ...expected, now: 0, ignoreClock: true, isAnchorRebuilt: true };
  const recovered = await recover({ store, anchor }, whole);
  if (recovered.anchored.kind === "reader") throw refusalOf(recovered.anchored);
  const rows = new Rows(store);
  const had = await requireKept(rows, anchor);
  const { size } = recovered.state.view;
  const told = remnants && (await requireRemnantsKept(rows, { remnants, size, key: expected.key }));
  const target = await make();
  const count = await copyChain(rows, target, expected.key);
  const frozen = recovered.frozen ?? told;
  if (frozen !== undefined) await target.appendFreeze(frozen);
  return count - had;
}

/** Yields the freeze among what is left of a damaged anchor, once the store holds all the rest. */
async function requireRemnantsKept(
  rows: Rows,
  left: {
    readonly remnants: AsyncIterable<Remnant>;
    readonly size: number;
    readonly key: ReceiptKeys;
  },
): Promise<Frozen | undefined> {
  let frozen: Frozen | undefined;
  let beyond: number | undefined;
  for await (const { content } of left.remnants) {
    if (content === undefined) continue;
    if (isFreeze(content)) {
      frozen = content;
      continue;
    }
    const payload = await rows.find(checkpointKey(content.size));
    const kept = payload && decodeChainLink(payload).checkpoint;
    if (kept !== undefined && isEqual(kept, content.checkpoint)) continue;
    // An intact checksum is no proof: what the key did not sign is no history of this log.
    if (!(await isSigned(content, left.key))) continue;
    if (content.size <= left.size) throw forked(content.size, "anchor", "database");
    beyond = Math.max(beyond ?? 0, content.size);
  }
  if (beyond !== undefined) throw notNewest(left.size, `shows size ${beyond} signed`);
  return frozen;
}

async function isSigned({ size, checkpoint }: AnchorRecord, key: ReceiptKeys): Promise<boolean> {
  try {
    return (await verifyUnder(checkpoint, key)).checkpoint.size === size;
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    return false;
  }
}

function notNewest(size: number | undefined, shown: string): LogError {
  const ends = size === undefined ? "" : ` ends at size ${size}, and`;
  return new LogError(
    "LOG_BEHIND_ANCHOR",
    `the database${ends} is not the newest copy: the anchor, damaged as it is, ${shown}. ` +
      "Put a newer copy of the database back (tally restore FILE DIR), or a whole copy of the anchor",
  );
}

async function requireKept(rows: Rows, anchor: Anchor): Promise<number> {
  let count = 0;
  for await (const { size, checkpoint } of anchor.records()) {
    const payload = await rows.find(checkpointKey(size));
    if (payload === undefined || !isEqual(decodeChainLink(payload).checkpoint, checkpoint)) {
      throw forked(size, "anchor", "database");
    }
    count++;
  }
  return count;
}

async function copyChain(rows: Rows, target: Anchor, key: ReceiptKeys): Promise<number> {
  let previous: Uint8Array | undefined;
  let count = 0;
  for await (const row of rows.store.keys(kindRange(KIND.checkpoint))) {
    const payload = await rows.require(row);
    const { checkpoint, previousDigest } = decodeChainLink(payload);
    const size = numberOfKey(row);
    if (previous !== undefined && !isEqual(previous, previousDigest)) {
      throw corrupt(`checkpoint ${size} does not follow the one before`);
    }
    previous = chainDigest(payload);
    await target.append({ size, root: await verifiedRoot(checkpoint, size, key), checkpoint });
    count++;
  }
  return count;
}

async function verifiedRoot(
  encoded: Uint8Array,
  size: number,
  key: ReceiptKeys,
): Promise<Uint8Array> {
  try {
    const { checkpoint } = await verifyUnder(encoded, key);
    if (checkpoint.size === size) return checkpoint.root;
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    throw new LogError("LOG_CORRUPT", `checkpoint ${size}: ${error.message}`, { cause: error });
  }
  throw corrupt(`checkpoint ${size} states another size`);
}

/** What {@link rebuildAnchorFile} works on. */
export interface FileRebuilding {
  /** Open, and left open. */
  readonly store: Store;
  /** Of the anchor; no other process may have it open. */
  readonly path: string;
  /** Where an anchor goes that cannot be read: evidence, and not removed. */
  readonly aside: string;
}

/** What came of {@link rebuildAnchorFile}. */
export interface FileRebuilt {
  /** Checkpoints that the anchor had lacked. */
  readonly count: number;
  /** Whether a damaged anchor was set aside. */
  readonly isSetAside: boolean;
}

/**
 * Does as {@link rebuildAnchor} does to the anchor in a file. The new one takes the place of the old
 * one when it is whole and synced; whatever goes wrong before leaves all as it was.
 *
 * @throws {@link LogError} as {@link rebuildAnchor}
 */
export async function rebuildAnchorFile(
  { store, path, aside }: FileRebuilding,
  expected: Identity,
): Promise<FileRebuilt> {
  const { anchor, isDamaged } = await openWhole(path);
  const part = `${path}.part`;
  let target: Anchor | undefined;
  try {
    const make = async (): Promise<Anchor> => {
      await rm(part, { force: true });
      target = await AnchorFile.open(part, { create: true });
      return target;
    };
    const left = isDamaged ? { anchor, remnants: remnantsOf(path) } : { anchor };
    const count = await rebuildAnchor({ store, ...left, make }, expected);
    await target?.close();
    if (isDamaged) {
      await requireNoLonger(path, (await stat(part)).size);
      await setAside(path, aside);
    }
    await rename(part, path);
    await syncDirectoryOf(path);
    return { count, isSetAside: isDamaged };
  } catch (error) {
    await target?.close();
    await rm(part, { force: true });
    throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be made");
  } finally {
    await anchor.close();
  }
}

async function copySynced(path: string, copy: string): Promise<void> {
  await copyFile(path, copy, constants.COPYFILE_EXCL);
  const file = await open(copy, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

// What file systems without hard links answer.
const NO_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

// A second name, and not another one: at no moment there is no anchor, which the next attempt would take
// for one that was lost, with nothing left to hold the store against.
async function setAside(path: string, aside: string): Promise<void> {
  try {
    await link(path, aside);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (NO_LINKS.has(code)) {
      await copySynced(path, aside);
      return;
    }
    // Of an attempt that was cut short here.
    const [old, other] = [await stat(path), await stat(aside).catch(() => undefined)];
    if (other?.ino !== old.ino || other.dev !== old.dev) throw error;
  }
}

// The newest copy of the store holds all that was ever anchored: no record can begin where the anchor
// that was made from it has ended, though nothing else of that record be left.
async function requireNoLonger(path: string, bytes: number): Promise<void> {
  for await (const { at } of remnantsOf(path)) {
    if (at >= bytes) throw notNewest(undefined, `has one more record at byte ${at}`);
  }
}

/** Opens an anchor and reads all of it; one that is not whole counts as missing. */
async function openWhole(
  path: string,
): Promise<{ readonly anchor: Anchor; readonly isDamaged: boolean }> {
  let anchor: Anchor | undefined;
  try {
    anchor = await AnchorFile.open(path);
    for await (const { size } of anchor.records()) if (size < 1) break;
    return { anchor, isDamaged: false };
  } catch (error) {
    await anchor?.close();
    const code = error instanceof LogError ? error.code : "LOG_UNAVAILABLE";
    const isDamaged = code === "LOG_CORRUPT";
    if (!isDamaged && code !== "LOG_ANCHOR_MISSING") throw error;
    return { anchor: missingAnchor(), isDamaged };
  }
}
