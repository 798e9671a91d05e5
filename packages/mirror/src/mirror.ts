import { ClientError, decodeKeySet, parseServiceVersion } from "@tallystick/client";
import { decodeCbor, isCborArray } from "@tallystick/cose";
import { TILE_WIDTH, tileWidth } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { MAX_NOTE_BYTES } from "@tallystick/tlog";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import { readBody } from "./body.js";
import { readBundle, wantedBundle } from "./bundle.js";
import { checkpointsBack, endAt } from "./chain.js";
import { MirrorError } from "./error.js";
import { requireExtension } from "./extension.js";
import { readHead } from "./head.js";
import { readHeads } from "./heads.js";
import type { LogHead } from "./head.js";
import { forEachOf } from "./parallel.js";
import { checkPartials } from "./partials.js";
import { CheckedReader } from "./read-path.js";
import type { KeptPath, ReadPath } from "./read-path.js";
import { isSame } from "./same.js";
import { VerifiedTree } from "./tree.js";

/** How a log is copied. */
export interface MirrorOptions {
  /** Pins note key and receipt keys of the log. */
  readonly trust: TrustStore;
  /** Whose cosignatures the note at `checkpoint` needs; none unless given. */
  readonly witnesses?: WitnessPolicy | undefined;
  /** The newest checkpoint that a run before had seen, whether it could copy what is under it or not. */
  readonly seen?: SignedCheckpoint | undefined;
  /** Told once a checkpoint extends all that was seen, before anything under it is copied. */
  readonly onSeen: (signed: SignedCheckpoint) => Promise<void>;
  /** Statements that are on their way at a time. */
  readonly parallel: number;
  /** Stops the copy between two bundles. */
  readonly signal?: AbortSignal;
  /** Told after each bundle: entries that are there, and how many there will be. */
  readonly onProgress?: (copied: number, size: number) => void;
}

/** What a copy came to. */
export interface Mirrored {
  readonly head: LogHead;
  /** The newest checkpoint that the log shows, which may be ahead of what it publishes. */
  readonly newest: SignedCheckpoint;
  /** Entries that the copy had before. */
  readonly before: number;
  /** Whether the new checkpoint is published; not where the copy was stopped. */
  readonly isComplete: boolean;
}

const KEYS = ".well-known/scitt-keys";
const VERSION = "version";
const MAX_JSON_BYTES = 65_536;
const MAX_KEYS_BYTES = 1_048_576;

/**
 * Brings a copy of the read path of a log up to date: whatever is written was held before against the
 * signed root, or the pins, and the new checkpoint is published once everything under it is there. A copy that was
 * cut short is continued, and what it has published is not read again. Of what nobody signs, the keys are
 * pinned ones and the names those of the checkpoint; the form of collateral is all that is held.
 *
 * Memory: two tiles for each level, a bundle, and `parallel` statements.
 *
 * @throws {@link MirrorError} every code but `MIRROR_STATE_INVALID`; what source and copy throw
 */
export async function mirror(
  source: ReadPath,
  copy: KeptPath,
  options: MirrorOptions,
): Promise<Mirrored> {
  const { trust, witnesses, seen, onSeen, signal } = options;
  const own = await published(copy, trust);
  // Read apart from the copy, which a log that does not extend it must not touch.
  const heads = await readHeads(new CheckedReader(source), { trust, witnesses });
  const { published: head, newest } = heads;
  const shown = (): Promise<VerifiedTree> =>
    newest.signed === head.signed
      ? Promise.resolve(heads.tree)
      : VerifiedTree.open(new CheckedReader(source), head.signed.checkpoint);
  const copied = { shown, seen: own?.tree, trust, keptIn: "the copy" };
  await requireExtension(own?.head.signed, head.signed, copied);
  await requireExtension(seen, newest.signed, {
    ...{ trust, keptIn: "what an earlier run has kept beside the copy" },
    shown: () => Promise.resolve(heads.tree),
  });
  await onSeen(newest.signed);
  const reader = new CheckedReader(source, copy);
  const tree = await VerifiedTree.open(reader, head.signed.checkpoint);
  const end = own === undefined ? undefined : endAt(own.head);
  const records = checkpointsBack(reader, head, { trust, tree, end });
  while ((await records.next()).done !== true) if (signal?.aborted === true) break;
  await reader.keep(`checkpoints/${tree.size}`, head.body);
  const before = own?.tree.size ?? 0;
  await checkPartials(new CheckedReader(source), heads.tree, before);
  const copying = { reader, tree, before };
  const isComplete = await copyBundles(copying, options);
  if (isComplete) {
    await copyTiles(copying);
    await publish(source, copy, { head, trust });
  }
  return { head, newest: newest.signed, before, isComplete };
}

interface Copying {
  readonly reader: CheckedReader;
  readonly tree: VerifiedTree;
  readonly before: number;
}

interface Published {
  readonly head: LogHead;
  readonly tree: VerifiedTree;
}

async function published(copy: KeptPath, trust: TrustStore): Promise<Published | undefined> {
  try {
    if ((await copy.find("checkpoint", MAX_NOTE_BYTES)) === undefined) return undefined;
    const reader = new CheckedReader(copy);
    // What was published before a key was retired is still what the log has to extend.
    const head = await readHead(reader, trust, { ignoresCutoffs: true });
    return { head, tree: await VerifiedTree.open(reader, head.signed.checkpoint) };
  } catch (cause) {
    if (!(cause instanceof MirrorError)) throw cause;
    throw new MirrorError(cause.code, `the copy: ${cause.message}`, { cause });
  }
}

async function copyBundles(
  { reader, tree, before }: Copying,
  { parallel, signal, onProgress }: MirrorOptions,
): Promise<boolean> {
  for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < tree.size; index++) {
    if (signal?.aborted === true) return false;
    // A bundle is kept after what it leads to, so one that is there has all of it.
    if (!(await reader.has(await wantedBundle(tree, index)))) {
      const { entries, first, path, bytes } = await readBundle(reader, tree, index);
      const missing = entries.slice(Math.max(before - first, 0));
      await forEachOf(missing, parallel, async (entry) => {
        await readBody(reader, entry);
      });
      await reader.keep(path, bytes);
    }
    onProgress?.(Math.min((index + 1) * TILE_WIDTH, tree.size), tree.size);
  }
  return true;
}

// Those of the lowest level came with the bundles, and the ragged ones with the tree.
async function copyTiles({ tree, before }: Copying): Promise<void> {
  for (let level = 1; tileWidth(level, 0, tree.size) > 0; level++) {
    const first = Math.floor(before / TILE_WIDTH ** (level + 1));
    for (let index = first; tileWidth(level, index, tree.size) > 0; index++) {
      await tree.tile({ level, index });
    }
  }
}

async function publish(
  source: ReadPath,
  copy: KeptPath,
  { head, trust }: { readonly head: LogHead; readonly trust: TrustStore },
): Promise<void> {
  const reader = new CheckedReader(source);
  const checked = async (
    path: string,
    maxBytes: number,
    check: (bytes: Uint8Array) => void,
  ): Promise<void> => {
    const bytes = await reader.read({
      ...{ path, maxBytes },
      check: (read) => {
        check(read);
        return read;
      },
    });
    await copy.keep(path, bytes);
  };
  await checked(KEYS, MAX_KEYS_BYTES, (bytes) => {
    requireKeys(bytes, head.signed, trust);
  });
  await checked(VERSION, MAX_JSON_BYTES, (bytes) => {
    requireNames(bytes, head.signed, trust);
  });
  await copy.keep("checkpoints/latest", head.body);
  await copy.keep("checkpoint", head.note);
}

// Nobody signs them, and whoever reads the copy may pin them: none that is not pinned here goes on.
function requireKeys(
  bytes: Uint8Array,
  { kid, checkpoint }: SignedCheckpoint,
  trust: TrustStore,
): void {
  const keys = restate(() => decodeKeySet(bytes));
  if (!keys.some((key) => isSame(key.thumbprint(), kid))) {
    throw refused(`${KEYS} lacks the key that signed the newest checkpoint`);
  }
  const set = decodeCbor(bytes);
  const isWhole = isCborArray(set) && set.length === keys.length;
  const isPinned = (name: Uint8Array): boolean =>
    trust.resolve(checkpoint.issuer, name)?.service.origin === checkpoint.origin;
  if (isWhole && keys.every(({ names }) => names.every(isPinned))) return;
  throw refused(`${KEYS} has a key, or a name of one, that is not pinned`);
}

function requireNames(
  bytes: Uint8Array,
  { kid, checkpoint }: SignedCheckpoint,
  trust: TrustStore,
): void {
  const { issuer, origin, note } = restate(() => parseServiceVersion(bytes));
  if (issuer !== checkpoint.issuer || origin !== checkpoint.origin) {
    throw refused(`${VERSION} names ${issuer}, log ${origin}`);
  }
  const pinned = trust.resolve(issuer, kid)?.service.note?.format();
  if (note === undefined || pinned === undefined || note === pinned) return;
  throw refused(`${VERSION} names another note key than the one that is pinned`);
}

function restate<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause;
    throw refused(cause.message, { cause });
  }
}

function refused(message: string, options: ErrorOptions = {}): MirrorError {
  return new MirrorError("MIRROR_CHECKPOINT_INVALID", message, options);
}
