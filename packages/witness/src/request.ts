import { HASH_BYTES } from "@tallystick/merkle";
import {
  decodeBase64,
  encodeBase64,
  parseCheckpoint,
  parseNote,
  TlogError,
} from "@tallystick/tlog";
import type { Checkpoint, Note } from "@tallystick/tlog";

import { WitnessError } from "./error.js";

/** Most lines of a consistency proof (W10). */
export const MAX_PROOF_LINES = 63;

/** The body of a request to add a checkpoint; nothing in it is verified. */
export interface AddCheckpoint {
  /** Size of the checkpoint that the witness cosigned last, as the client knows it. */
  readonly oldSize: number;
  /** From there to the new checkpoint. */
  readonly proof: readonly Uint8Array[];
  readonly note: Note;
  /** What the text of the note says. */
  readonly checkpoint: Checkpoint;
}

/**
 * Yields what a request asks for (W10).
 *
 * @throws {@link WitnessError} `WITNESS_REQUEST_MALFORMED`
 */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  const split = body.findIndex((byte, at) => byte === NEWLINE && body[at + 1] === NEWLINE);
  if (split < 0) throw malformed("no empty line before the checkpoint");
  // Whatever is not ASCII becomes a character that no line below may have.
  const [first = "", ...lines] = ascii.decode(body.subarray(0, split)).split("\n");
  const oldSize = Number(/^old (0|[1-9][0-9]{0,15})$/.exec(first)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(oldSize)) throw malformed("first line is not: old <size>");
  if (lines.length > MAX_PROOF_LINES) {
    throw malformed(`proof of more than ${MAX_PROOF_LINES} lines`);
  }
  const proof = lines.map((line) => {
    const hash = decodeBase64(line);
    if (hash?.length !== HASH_BYTES) throw malformed("a proof line is not 32 bytes in base64");
    return hash;
  });
  try {
    const note = parseNote(body.subarray(split + 2));
    return { oldSize, proof, note, checkpoint: parseCheckpoint(note.text) };
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

/** Yields the head of such a request, to which the bytes of the note are added. */
export function formatRequestHead(oldSize: number, proof: readonly Uint8Array[]): string {
  return `old ${oldSize}\n${proof.map((hash) => `${encodeBase64(hash)}\n`).join("")}\n`;
}

const NEWLINE = 0x0a;
const ascii = new TextDecoder("utf-8", { ignoreBOM: true });

function malformed(message: string, options?: ErrorOptions): WitnessError {
  return new WitnessError("WITNESS_REQUEST_MALFORMED", message, options);
}
