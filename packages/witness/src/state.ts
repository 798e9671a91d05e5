import { formatNote, parseCheckpoint, parseNote, TlogError, VerifiedNote } from "@tallystick/tlog";
import type { Note, VerifierKey } from "@tallystick/tlog";

import { WitnessError } from "./error.js";

/** What a witness remembers of a log: the last checkpoint that it cosigned, if any. */
export interface LogState {
  readonly size: number;
  /** Of the checkpoint; `undefined` while none was cosigned. */
  readonly root: Uint8Array | undefined;
  /** Time of the newest cosignature, in POSIX seconds. */
  readonly time: number;
  /** The checkpoint with its signatures; `undefined` while none was cosigned. */
  readonly note: Uint8Array | undefined;
}

const FRESH = "tallystick-witness/1: nothing cosigned for ";

/**
 * Yields the bytes that stand for a log of which nothing was cosigned. They are there from when the
 * log is added, so that a state that is lost is never taken for one that was not there yet.
 */
export function formatFreshState(origin: string): Uint8Array {
  return new TextEncoder().encode(`${FRESH}${origin}\n`);
}

/** Whose signatures a stored state is held against. */
export interface StateTrust {
  readonly origin: string;
  readonly own: readonly VerifierKey[];
  readonly logKeys: readonly VerifierKey[];
}

/**
 * Yields the state in stored bytes. They are the checkpoint as it was cosigned, so that the own
 * signature shows that nothing in it changed.
 *
 * @throws {@link WitnessError} `WITNESS_STATE_DAMAGED`
 */
export async function readState(bytes: Uint8Array, trust: StateTrust): Promise<LogState> {
  const { origin, own, logKeys } = trust;
  if (isEqual(bytes, formatFreshState(origin))) {
    return { size: 0, root: undefined, time: 0, note: undefined };
  }
  try {
    const note = parseNote(bytes);
    const checkpoint = parseCheckpoint(note.text);
    const { signatures } = await VerifiedNote.verify(note, [...own, ...logKeys]);
    const times = signatures.flatMap(({ key, time }) =>
      time !== undefined && own.some((one) => one.equals(key)) ? [time] : [],
    );
    if (times.length === 0) throw damaged(origin, "this witness did not cosign it");
    if (checkpoint.origin !== origin) throw damaged(origin, "it is of another log");
    const { size, root } = checkpoint;
    return { size, root, time: Math.max(...times), note: bytes };
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw damaged(origin, cause.message, { cause });
  }
}

/** Yields the state after a checkpoint was cosigned. */
export function stateOf(note: Note, time: number): LogState & { readonly note: Uint8Array } {
  const { size, root } = parseCheckpoint(note.text);
  return { size, root, time, note: formatNote(note) };
}

/** Yields the refusal to go on from what is stored. */
export function damaged(origin: string, why: string, options?: ErrorOptions): WitnessError {
  return new WitnessError(
    "WITNESS_STATE_DAMAGED",
    `state of ${origin} is damaged: ${why}`,
    options,
  );
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
