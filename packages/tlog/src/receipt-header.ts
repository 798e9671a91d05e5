import { concatBytes, CoseError, decodeSign1, encodeSign1, isCborArray } from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import { TlogError } from "./error.js";
import { idBytes, isKeyName, MAX_NOTE_SIGNATURES } from "./note.js";
import type { NoteSignature } from "./note.js";

/**
 * Label of the unprotected header of a receipt that holds the signatures of the note of its checkpoint:
 * of private use (RFC 9052 §11.1), minus the ASCII codes of "Tcos" as a number.
 */
export const NOTE_SIGNATURES_LABEL = -1_415_802_739;

/** Most that signatures may add to a receipt, in bytes; verifiers read 65,536 in all. */
const MAX_ADDED_BYTES = 49_152;
const ID_BYTES = 4;
const MAX_RECEIPT_BYTES = 65_536;

/**
 * Yields a receipt that carries the signatures of the note of its checkpoint, in place of those that it
 * carried. Nothing that the receipt signs changes. Signatures that come too late for the room there is
 * are left out.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED` for bytes that are no COSE_Sign1
 */
export function withNoteSignatures(
  receipt: Uint8Array,
  signatures: readonly NoteSignature[],
): Uint8Array {
  const { protectedBytes, unprotectedHeader, payload, signature } = decoded(receipt);
  const header = new Map(unprotectedHeader);
  header.delete(NOTE_SIGNATURES_LABEL);
  const pairs = pairsOf(signatures);
  if (pairs.length > 0) header.set(NOTE_SIGNATURES_LABEL, pairs);
  return encodeSign1({ protectedBytes, unprotectedHeader: header, payload, signature });
}

/**
 * Yields the signatures that the unprotected header of a receipt carries, none of them verified; none
 * where it carries none.
 *
 * @throws {@link TlogError} `TLOG_NOTE_MALFORMED`
 */
export function noteSignaturesIn(unprotectedHeader: CborMap): readonly NoteSignature[] {
  if (!unprotectedHeader.has(NOTE_SIGNATURES_LABEL)) return [];
  const value = unprotectedHeader.get(NOTE_SIGNATURES_LABEL);
  if (!isCborArray(value) || value.length === 0 || value.length > MAX_NOTE_SIGNATURES) {
    throw malformed(`not an array of 1 to ${MAX_NOTE_SIGNATURES} signatures`);
  }
  return value.map(signatureOf);
}

function signatureOf(pair: CborValue): NoteSignature {
  const [name, bytes, ...rest] = isCborArray(pair) ? pair : [];
  if (typeof name !== "string" || !(bytes instanceof Uint8Array) || rest.length > 0) {
    throw malformed("a signature is not a name and a byte string");
  }
  if (!isKeyName(name) || bytes.length <= ID_BYTES) throw malformed("malformed signature");
  const keyId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { name, keyId, signature: bytes.slice(ID_BYTES) };
}

function pairsOf(signatures: readonly NoteSignature[]): readonly CborValue[] {
  let room = MAX_ADDED_BYTES;
  return signatures.slice(0, MAX_NOTE_SIGNATURES).flatMap(({ name, keyId, signature }) => {
    const bytes = concatBytes([idBytes(keyId), signature]);
    // Name and bytes at their longest, and their heads.
    const added = 3 * name.length + bytes.length + 16;
    if (added > room) return [];
    room -= added;
    return [[name, bytes]];
  });
}

function decoded(receipt: Uint8Array): ReturnType<typeof decodeSign1> {
  try {
    return decodeSign1(receipt, { maxBytes: MAX_RECEIPT_BYTES });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

function malformed(message: string, options?: ErrorOptions): TlogError {
  return new TlogError("TLOG_NOTE_MALFORMED", `signatures in a receipt: ${message}`, options);
}
