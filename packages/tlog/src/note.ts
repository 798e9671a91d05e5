import { concatBytes } from "@tallystick/cose";

import { decodeBase64, encodeBase64 } from "./base64.js";
import { TlogError } from "./error.js";
import { decodeText, encodeText, hasControl, isWellFormed } from "./text.js";

/** Largest signed note that is read, in bytes. */
export const MAX_NOTE_BYTES = 1_048_576;

/** Most signatures of a note that is read; W1 asks for 16 at least. */
export const MAX_NOTE_SIGNATURES = 100;

/** One signature line. Name and key id together name the key that made it. */
export interface NoteSignature {
  readonly name: string;
  /** The four bytes before the signature, as a big-endian number. */
  readonly keyId: number;
  /** What follows the key id; for a cosignature it starts with the time. */
  readonly signature: Uint8Array;
}

/**
 * A signed note as it was read: nothing in it is verified. The text ends in a newline; the empty line
 * behind it is not part of it.
 */
export interface Note {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const LINE_START = "— ";
const ID_BYTES = 4;

/**
 * Yields the note in the bytes, strictly: each accepted byte string is what {@link formatNote} makes
 * of the note.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED`
 */
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > MAX_NOTE_BYTES) {
    throw malformed(`note of ${bytes.length} bytes, want at most ${MAX_NOTE_BYTES}`);
  }
  const whole = decodeText(bytes);
  // W1: UTF-8 without control characters other than newline.
  if (whole === undefined) throw malformed("note is not UTF-8");
  if (hasControl(whole)) throw malformed("note has a control character");
  const split = whole.lastIndexOf("\n\n");
  if (split < 0) throw malformed("note has no empty line before its signatures");
  return {
    text: whole.slice(0, split + 1),
    signatures: parseSignatureLines(whole.slice(split + 2)),
  };
}

/**
 * Yields the signatures of one or more lines, each ended by a newline.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED`
 */
export function parseSignatureLines(lines: string): readonly NoteSignature[] {
  if (!lines.endsWith("\n")) throw malformed("last signature line has no end");
  const each = lines.slice(0, -1).split("\n");
  if (each.length > MAX_NOTE_SIGNATURES) {
    throw malformed(`note of ${each.length} signatures, want at most ${MAX_NOTE_SIGNATURES}`);
  }
  return each.map(parseSignatureLine);
}

/**
 * Yields the bytes of a note.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED` where {@link parseNote} would not take them
 */
export function formatNote({ text, signatures }: Note): Uint8Array {
  requireNoteText(text);
  if (signatures.length === 0 || signatures.length > MAX_NOTE_SIGNATURES) {
    throw malformed(`note of ${signatures.length} signatures, want 1 to ${MAX_NOTE_SIGNATURES}`);
  }
  const bytes = encodeText(`${text}\n${formatSignatureLines(signatures)}`);
  if (bytes.length <= MAX_NOTE_BYTES) return bytes;
  throw malformed(`note of ${bytes.length} bytes, want at most ${MAX_NOTE_BYTES}`);
}

/**
 * Yields the signature lines, each ended by a newline.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED`
 */
export function formatSignatureLines(signatures: readonly NoteSignature[]): string {
  return signatures.map(formatSignatureLine).join("");
}

/** Yields whether a text can name a key (W1): not empty, no white space of Unicode and no plus. */
export function isKeyName(text: string): boolean {
  return /^[^+\p{White_Space}]+$/u.test(text) && !hasControl(text) && isWellFormed(text);
}

/**
 * Requires a text that can be signed: it ends in a newline and has no control characters.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED`
 */
export function requireNoteText(text: string): void {
  if (!text.endsWith("\n")) throw malformed("text of a note does not end in a newline");
  if (hasControl(text)) throw malformed("text of a note has a control character");
  if (!isWellFormed(text)) throw malformed("text of a note is not Unicode");
}

function parseSignatureLine(line: string): NoteSignature {
  const [name = "", text = "", ...rest] = line.startsWith(LINE_START)
    ? line.slice(LINE_START.length).split(" ")
    : [];
  const bytes = decodeBase64(text);
  if (rest.length > 0 || !isKeyName(name) || bytes === undefined || bytes.length <= ID_BYTES) {
    throw malformed("malformed signature line");
  }
  const keyId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { name, keyId, signature: bytes.slice(ID_BYTES) };
}

function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name) || signature.length === 0) throw malformed("malformed signature");
  return `${LINE_START}${name} ${encodeBase64(concatBytes([idBytes(keyId), signature]))}\n`;
}

/** Yields a key id as the four bytes that stand before a signature. */
export function idBytes(keyId: number): Uint8Array {
  const bytes = new Uint8Array(ID_BYTES);
  new DataView(bytes.buffer).setUint32(0, keyId);
  return bytes;
}

function malformed(message: string): TlogError {
  return new TlogError("TLOG_NOTE_MALFORMED", message);
}
