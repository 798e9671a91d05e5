import { concatBytes } from "@tallystick/cose";

import { parseCheckpoint } from "./checkpoint.js";
import { encodeTime, signedMessage } from "./message.js";
import { requireNoteText } from "./note.js";
import type { NoteSignature } from "./note.js";
import { SIGNATURE_TYPES } from "./verifier-key.js";
import type { NoteSigner } from "./verifier-key.js";

/**
 * Yields a plain signature over the text of a note, of type `ed25519`.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED`
 */
export async function signNote(text: string, { key, signer }: NoteSigner): Promise<NoteSignature> {
  if (SIGNATURE_TYPES[key.type].hasTime)
    throw new TypeError(`a key of ${key.type} signs with a time`);
  requireNoteText(text);
  const signature = await signer.sign(signedMessage(key, text, 0));
  return { name: key.name, keyId: key.keyId, signature };
}

/**
 * Yields a cosignature over a checkpoint, the text of a note, as of a time (W7).
 *
 * Says that the cosigner has seen no larger tree of that log, and none that this one does not
 * extend; whoever calls has checked that. `time` is in POSIX seconds.
 *
 * @throws {@link TlogError} `TLOG_CHECKPOINT_MALFORMED`, `TLOG_NOTE_MALFORMED`
 */
export async function cosign(
  text: string,
  { key, signer }: NoteSigner,
  time: number,
): Promise<NoteSignature> {
  if (!SIGNATURE_TYPES[key.type].hasTime)
    throw new TypeError(`a key of ${key.type} does not cosign`);
  if (!Number.isSafeInteger(time) || time < 0) throw new TypeError("time is no whole number");
  requireNoteText(text);
  parseCheckpoint(text);
  const signature = await signer.sign(signedMessage(key, text, time));
  return {
    name: key.name,
    keyId: key.keyId,
    signature: concatBytes([encodeTime(time), signature]),
  };
}
