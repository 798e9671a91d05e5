import type { SignedCheckpoint } from "@tallystick/receipt";

import { MirrorError } from "./error.js";
import { requireAgreement } from "./extension.js";
import type { Showing } from "./extension.js";
import {
  LATEST,
  findPublished,
  headOf,
  openRecord,
  readLatest,
  readNote,
  readPublished,
} from "./head.js";
import type { KeptCheckpoint, KeptOptions, LogHead, NoteOptions } from "./head.js";
import type { CheckedReader } from "./read-path.js";
import { isSame } from "./same.js";
import { VerifiedTree } from "./tree.js";

/** What a log shows under two names: its note, and the record that clients and receipts follow. */
export interface LogHeads {
  /** What `checkpoint` has, in both forms. */
  readonly published: LogHead;
  /** The larger one of that and of `checkpoints/latest`, which may be ahead while witnesses are asked. */
  readonly newest: KeptCheckpoint;
  /** The tree under the newest. */
  readonly tree: VerifiedTree;
}

/**
 * Reads the newest checkpoints of a log: its note, in both forms, and `checkpoints/latest` where the place
 * has it, with the note of its size. The two are of one log, and the larger one extends the other, so that nobody is shown another
 * history under the one name than under the other.
 *
 * @throws {@link MirrorError} `MIRROR_CONTRADICTION` with the evidence, `MIRROR_NOT_EXTENDED`,
 * `MIRROR_CHECKPOINT_INVALID`, `MIRROR_NOT_WITNESSED`, `MIRROR_TILE_INVALID`, `MIRROR_INCOMPLETE`; what
 * the source throws
 */
export async function readHeads(reader: CheckedReader, options: NoteOptions): Promise<LogHeads> {
  const { trust } = options;
  // In this order: a log that grows meanwhile has the second one ahead, and no harm is done.
  const note = await readPublished(reader, options);
  const latest = await readLatest(reader, trust);
  const isAhead = latest !== undefined && latest.signed.checkpoint.size > note.checkpoint.size;
  // A smaller one counts as part of the newest, whatever the cutoff of its key.
  const published = await headOf(reader, note, { trust, ignoresCutoffs: isAhead });
  if (!isAhead) {
    const tree = (): Promise<VerifiedTree> =>
      VerifiedTree.open(reader, published.signed.checkpoint);
    return {
      published,
      newest: published,
      tree: await notBehind(latest, published, { trust, tree }),
    };
  }
  const newest = await ahead(() => openRecord(latest.body, { trust }));
  const tree = await requireAgreement(published.signed, newest.signed, {
    ...{ trust, tree: () => ahead(() => VerifiedTree.open(reader, newest.signed.checkpoint)) },
  });
  // Last, for a fork is evidence under the receipt key alone; nothing counts that the note key has not signed.
  await ahead(() => readNote(reader, newest.signed, trust));
  return { published, newest, tree };
}

/**
 * Holds the note of a log against a checkpoint that the same place showed as its newest: the two are of one
 * log, and the larger one extends the other. Yields the size of the note, `undefined` where the place has
 * none, which says nothing. The cutoff of a retired key does not count for the smaller one.
 *
 * @throws {@link MirrorError} as {@link readHeads}
 */
export async function requireNote(
  reader: CheckedReader,
  shown: SignedCheckpoint,
  { trust, ...options }: KeptOptions,
): Promise<number | undefined> {
  const note = await findPublished(reader, { trust });
  if (note === undefined) return undefined;
  const isBehind = note.checkpoint.size < shown.checkpoint.size;
  const ignoresCutoffs = isBehind || options.ignoresCutoffs === true;
  const { signed } = await headOf(reader, note, { trust, ignoresCutoffs });
  const [smaller, larger] = isBehind ? [signed, shown] : [shown, signed];
  const tree = (): Promise<VerifiedTree> => VerifiedTree.open(reader, larger.checkpoint);
  await requireAgreement(smaller, larger, { trust, tree });
  return note.checkpoint.size;
}

/** Yields the tree under a published checkpoint, which has to begin with what else is shown. */
async function notBehind(
  latest: KeptCheckpoint | undefined,
  published: LogHead,
  showing: Showing,
): Promise<VerifiedTree> {
  if (latest === undefined) return showing.tree();
  const tree = await requireAgreement(latest.signed, published.signed, showing);
  const isSmaller = latest.signed.checkpoint.size < published.signed.checkpoint.size;
  if (isSmaller || isSame(latest.record, published.record)) return tree;
  const message = `${LATEST} has another record than checkpoints/${tree.size}`;
  throw new MirrorError("MIRROR_CHECKPOINT_INVALID", message);
}

async function ahead<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof MirrorError)) throw cause;
    const message = `${LATEST} is ahead of the note: ${cause.message}`;
    throw new MirrorError(cause.code, message, { cause });
  }
}
