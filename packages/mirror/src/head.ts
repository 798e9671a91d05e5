import { CoseError, decodeCbor } from "@tallystick/cose";
import { ReceiptError, decodeChainLink } from "@tallystick/receipt";
import type { ChainLink, SignedCheckpoint } from "@tallystick/receipt";
import {
  MAX_NOTE_BYTES,
  TlogError,
  VerifiedNote,
  parseCheckpoint,
  parseNote,
} from "@tallystick/tlog";
import type { Checkpoint } from "@tallystick/tlog";
import { VerifierError, verifyCheckpoint } from "@tallystick/verifier";
import type { CheckpointOptions, TrustStore } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import type { CheckedReader } from "./read-path.js";
import { isSame } from "./same.js";

/** Far above a checkpoint under the largest signature. */
const MAX_RECORD_BYTES = 65_536;

/** A kept checkpoint with its place in the chain, under a pinned key. */
export interface KeptCheckpoint {
  /** As the read path has it: one CBOR byte string. */
  readonly body: Uint8Array;
  /** What the next one names by its digest. */
  readonly record: Uint8Array;
  readonly link: ChainLink;
  readonly signed: SignedCheckpoint;
}

/** The newest checkpoint of a log in both forms, which are of one tree. */
export interface LogHead extends KeptCheckpoint {
  readonly note: Uint8Array;
}

/**
 * Reads the newest checkpoint: a note under the pinned note key of a log, and the record of that size
 * under one of its pinned receipt keys, over the same tree. What is shown anew counts within the cutoff of
 * a retired key alone; `ignoresCutoffs` is for what was accepted before.
 *
 * @throws {@link MirrorError} `MIRROR_CHECKPOINT_INVALID`, `MIRROR_INCOMPLETE`; what the source throws
 */
export async function readHead(
  reader: CheckedReader,
  trust: TrustStore,
  options: CheckpointOptions = {},
): Promise<LogHead> {
  const { note, checkpoint } = await reader.read({
    ...{ path: "checkpoint", maxBytes: MAX_NOTE_BYTES, isLeft: true },
    check: (bytes) => verifiedNote(bytes, trust),
  });
  const kept = await readKept(reader, checkpoint.size, { trust, ...options });
  requireOneTree(checkpoint, kept.signed);
  return { ...kept, note };
}

/** The keys that a record has to be of, and whether their cutoffs count. */
export interface KeptOptions extends CheckpointOptions {
  readonly trust: TrustStore;
  /** Throws a {@link MirrorError} where it is not the one that is wanted, which is then not kept. */
  readonly accept?: (kept: KeptCheckpoint) => void;
}

/** Reads the record of a size. Throws as {@link readHead}. */
export async function readKept(
  reader: CheckedReader,
  size: number,
  { accept, ...options }: KeptOptions,
): Promise<KeptCheckpoint> {
  const path = `checkpoints/${size}`;
  return reader.read({
    ...{ path, maxBytes: MAX_RECORD_BYTES },
    check: async (body) => {
      const kept = await openRecord(body, options);
      const { size: found } = kept.signed.checkpoint;
      if (found !== size) throw refused(`${path} is of ${found} entries`);
      accept?.(kept);
      return kept;
    },
  });
}

/** Reads the note of a size, over the tree that its record signs. Throws as {@link readHead}. */
export async function readNote(
  reader: CheckedReader,
  signed: SignedCheckpoint,
  trust: TrustStore,
): Promise<void> {
  await reader.read({
    ...{ path: `notes/${signed.checkpoint.size}`, maxBytes: MAX_NOTE_BYTES },
    check: async (bytes) => {
      const { checkpoint } = await verifiedNote(bytes, trust);
      requireOneTree(checkpoint, signed);
    },
  });
}

async function verifiedNote(
  bytes: Uint8Array,
  trust: TrustStore,
): Promise<{ readonly note: Uint8Array; readonly checkpoint: Checkpoint }> {
  try {
    const note = parseNote(bytes);
    const checkpoint = parseCheckpoint(note.text);
    const keys = trust.services.flatMap(({ origin, note: key }) =>
      key !== undefined && origin === checkpoint.origin ? [key] : [],
    );
    const [key] = keys;
    if (key === undefined) throw refused(`no note key of a log ${checkpoint.origin} is pinned`);
    await VerifiedNote.verify(note, keys);
    if (checkpoint.size > 0) return { note: bytes, checkpoint };
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw refused(`note: ${cause.message}`, { cause });
  }
  throw refused("the note is of a log without entries");
}

async function openRecord(
  body: Uint8Array,
  { trust, ...options }: KeptOptions,
): Promise<KeptCheckpoint> {
  try {
    const record = decodeCbor(body);
    if (!(record instanceof Uint8Array)) throw refused("a chain record is not a byte string");
    const link = decodeChainLink(record);
    const signed = await verifyCheckpoint(link.checkpoint, trust, options);
    return { body, record, link, signed };
  } catch (cause) {
    const isRefusal = cause instanceof CoseError || cause instanceof ReceiptError;
    if (!isRefusal && !(cause instanceof VerifierError)) throw cause;
    throw refused(`chain record: ${cause.message}`, { cause });
  }
}

function requireOneTree(head: Checkpoint, { checkpoint }: SignedCheckpoint): void {
  const isOfLog = head.origin === checkpoint.origin && head.size === checkpoint.size;
  if (isOfLog && isSame(head.root, checkpoint.root)) return;
  throw refused(`the note and the record of ${head.size} entries are of two trees`);
}

function refused(message: string, options: ErrorOptions = {}): MirrorError {
  return new MirrorError("MIRROR_CHECKPOINT_INVALID", message, options);
}
