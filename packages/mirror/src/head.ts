import { CoseError, decodeCbor } from "@tallystick/cose";
import { ReceiptError, decodeChainLink } from "@tallystick/receipt";
import type { ChainLink, SignedCheckpoint } from "@tallystick/receipt";
import {
  MAX_NOTE_BYTES,
  TlogError,
  VerifiedNote,
  parseCheckpoint,
  parseNote,
  verifyWitnessed,
} from "@tallystick/tlog";
import type { Checkpoint, Cosigner, Note, VerifierKey, WitnessPolicy } from "@tallystick/tlog";
import { VerifierError, verifyCheckpoint } from "@tallystick/verifier";
import type { CheckpointOptions, TrustStore } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import type { CheckedReader, Wanted } from "./read-path.js";
import { isSame } from "./same.js";

/** Far above a checkpoint under the largest signature. */
const MAX_RECORD_BYTES = 65_536;

/** Where a log has the record that clients are shown. */
export const LATEST = "checkpoints/latest";

/** A kept checkpoint with its place in the chain, under a pinned key. */
export interface KeptCheckpoint {
  /** As the read path has it: one CBOR byte string. */
  readonly body: Uint8Array;
  /** What the next one names by its digest. */
  readonly record: Uint8Array;
  readonly link: ChainLink;
  readonly signed: SignedCheckpoint;
}

/** A checkpoint that a log publishes as a note, whose signatures were looked at. */
export interface PublishedNote {
  readonly note: Uint8Array;
  readonly checkpoint: Checkpoint;
  /** The witnesses of the policy whose cosignature holds; none without a policy. */
  readonly cosigners: readonly Cosigner[];
  /** Signatures of keys that neither the pins nor the policy name: nobody has verified them. */
  readonly unchecked: number;
}

/** The published checkpoint of a log in both forms, which are of one tree. */
export interface LogHead extends KeptCheckpoint, Omit<PublishedNote, "checkpoint"> {}

/** How a note is read. */
export interface NoteOptions {
  /** Pins the note key of the log. */
  readonly trust: TrustStore;
  /** Whose cosignatures it needs; none unless given. */
  readonly witnesses?: WitnessPolicy | undefined;
}

/**
 * Reads the published checkpoint: a note under the pinned note key of a log, and the record of that size
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
  return headOf(reader, await readPublished(reader, { trust }), { trust, ...options });
}

/**
 * Reads the note at `checkpoint`.
 *
 * @throws {@link MirrorError} `MIRROR_CHECKPOINT_INVALID`, `MIRROR_INCOMPLETE`, `MIRROR_NOT_WITNESSED`;
 * what the source throws
 */
export function readPublished(reader: CheckedReader, options: NoteOptions): Promise<PublishedNote> {
  return reader.read(publishedIn(options));
}

/** Reads as {@link readPublished} does; `undefined` where a place has no note. */
export function findPublished(
  reader: CheckedReader,
  options: NoteOptions,
): Promise<PublishedNote | undefined> {
  return reader.find(publishedIn(options));
}

function publishedIn(options: NoteOptions): Wanted<PublishedNote> {
  return {
    ...{ path: "checkpoint", maxBytes: MAX_NOTE_BYTES, isLeft: true },
    check: (bytes) => verifiedNote(bytes, options),
  };
}

/** Reads the record of a published note. Throws as {@link readHead}. */
export async function headOf(
  reader: CheckedReader,
  { checkpoint, ...published }: PublishedNote,
  options: KeptOptions,
): Promise<LogHead> {
  const kept = await readKept(reader, checkpoint.size, options);
  requireOneTree(checkpoint, kept.signed);
  return { ...kept, ...published };
}

/**
 * Reads the record at `checkpoints/latest`, whatever the cutoff of its key: `undefined` where a place has
 * none. Throws as {@link readHead}.
 */
export function readLatest(
  reader: CheckedReader,
  trust: TrustStore,
): Promise<KeptCheckpoint | undefined> {
  return reader.find({
    ...{ path: LATEST, maxBytes: MAX_RECORD_BYTES, isLeft: true },
    check: (body) => openRecord(body, { trust, ignoresCutoffs: true, at: LATEST }),
  });
}

/** The keys that a record has to be of, and whether their cutoffs count. */
export interface KeptOptions extends CheckpointOptions {
  readonly trust: TrustStore;
  /** Where it was read, for the message of a refusal. */
  readonly at?: string;
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
      const kept = await openRecord(body, { ...options, at: path });
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
      const { checkpoint } = await verifiedNote(bytes, { trust });
      requireOneTree(checkpoint, signed);
    },
  });
}

async function verifiedNote(
  bytes: Uint8Array,
  { trust, witnesses }: NoteOptions,
): Promise<PublishedNote> {
  try {
    const note = parseNote(bytes);
    const checkpoint = parseCheckpoint(note.text);
    const keys = trust.services.flatMap(({ origin, note: key }) =>
      key !== undefined && origin === checkpoint.origin ? [key] : [],
    );
    const [key] = keys;
    if (key === undefined) throw refused(`no note key of a log ${checkpoint.origin} is pinned`);
    await VerifiedNote.verify(note, keys);
    const cosigners = witnesses === undefined ? [] : await verifyWitnessed(note, witnesses);
    const known = [...keys, ...(witnesses?.witnesses ?? []).map((one) => one.key)];
    const unchecked = countOfOthers(note, known);
    if (checkpoint.size > 0) return { note: bytes, checkpoint, cosigners, unchecked };
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    const isLacking = cause.code === "TLOG_QUORUM_MISSING";
    const code = isLacking ? "MIRROR_NOT_WITNESSED" : "MIRROR_CHECKPOINT_INVALID";
    throw new MirrorError(code, `note: ${cause.message}`, { cause });
  }
  throw refused("the note is of a log without entries");
}

function countOfOthers({ signatures }: Note, known: readonly VerifierKey[]): number {
  const isOther = ({ name, keyId }: Pick<VerifierKey, "name" | "keyId">): boolean =>
    !known.some((key) => key.name === name && key.keyId === keyId);
  return signatures.filter(isOther).length;
}

/** Opens a chain record under a pinned key. Throws as {@link readHead}. */
export async function openRecord(
  body: Uint8Array,
  { trust, at, ...options }: KeptOptions,
): Promise<KeptCheckpoint> {
  const name = at === undefined ? "chain record" : `${at}: chain record`;
  try {
    const record = decodeCbor(body);
    if (!(record instanceof Uint8Array)) throw refused(`${name}: not a byte string`);
    const link = decodeChainLink(record);
    const signed = await verifyCheckpoint(link.checkpoint, trust, options);
    return { body, record, link, signed };
  } catch (cause) {
    const isRefusal = cause instanceof CoseError || cause instanceof ReceiptError;
    if (!isRefusal && !(cause instanceof VerifierError)) throw cause;
    throw refused(`${name}: ${cause.message}`, { cause });
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
