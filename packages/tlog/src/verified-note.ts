import { algorithmByName, CoseError, verifySignature } from "@tallystick/cose";

import { TlogError } from "./error.js";
import { decodeTime, signedMessage, TIME_BYTES } from "./message.js";
import type { Note, NoteSignature } from "./note.js";
import { SIGNATURE_TYPES } from "./verifier-key.js";
import type { VerifierKey } from "./verifier-key.js";

/** A signature that holds. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  readonly line: NoteSignature;
  /** POSIX seconds of a cosignature; no other type has a time. */
  readonly time: number | undefined;
}

/** A note that at least one known key has signed, and none of them wrongly. */
export class VerifiedNote {
  readonly #verified = true;
  readonly note: Note;
  /** The signatures of known keys, in the order of the note; others are left out. */
  readonly signatures: readonly VerifiedSignature[];

  private constructor(note: Note, signatures: readonly VerifiedSignature[]) {
    this.note = note;
    this.signatures = signatures;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedNote {
    return #verified in value;
  }

  /**
   * Verifies a note under known keys.
   *
   * W2: signatures of other keys are ignored, also where they share a name or an id with a known
   * one. A known key's signature that does not hold refuses the whole note.
   *
   * @throws {@link TlogError} `TLOG_SIGNATURE_INVALID`, `TLOG_SIGNATURE_MISSING`, and for a
   * cosignature over something else `TLOG_CHECKPOINT_MALFORMED`
   */
  static async verify(note: Note, keys: readonly VerifierKey[]): Promise<VerifiedNote> {
    const known = new Map<string, VerifierKey>();
    for (const key of keys) {
      const other = known.get(handleOf(key));
      if (other !== undefined && !other.equals(key)) {
        throw new TypeError(`two keys called ${key.name} share their id`);
      }
      known.set(handleOf(key), key);
    }
    const signatures: VerifiedSignature[] = [];
    for (const line of note.signatures) {
      const key = known.get(handleOf(line));
      if (key !== undefined) signatures.push(await verifyLine(note.text, line, key));
    }
    if (signatures.length > 0) return new VerifiedNote(note, signatures);
    throw new TlogError("TLOG_SIGNATURE_MISSING", "no known key has signed the note");
  }
}

function handleOf({ name, keyId }: { readonly name: string; readonly keyId: number }): string {
  return `${keyId} ${name}`;
}

async function verifyLine(
  text: string,
  line: NoteSignature,
  key: VerifierKey,
): Promise<VerifiedSignature> {
  const { signatureBytes, hasTime } = SIGNATURE_TYPES[key.type];
  if (line.signature.length !== signatureBytes) throw invalid(key);
  const time = hasTime ? decodeTime(line.signature) : undefined;
  if (hasTime && time === undefined) throw invalid(key);
  const algorithm = algorithmByName(key.type === "ml-dsa-44-cosignature" ? "ML-DSA-44" : "EdDSA");
  const message = signedMessage(key, text, time ?? 0);
  const signature = hasTime ? line.signature.subarray(TIME_BYTES) : line.signature;
  try {
    await verifySignature({ algorithm, key: key.publicKey, message, signature });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw invalid(key, { cause });
  }
  return { key, line, time };
}

function invalid(key: VerifierKey, options?: ErrorOptions): TlogError {
  return new TlogError("TLOG_SIGNATURE_INVALID", `signature of ${key.name} does not hold`, options);
}
