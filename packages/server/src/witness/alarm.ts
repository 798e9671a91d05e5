import { CoseError, encodeHex, parseJson } from "@tallystick/cose";
import type { Log } from "@tallystick/log";
import { encodeBase64 } from "@tallystick/tlog";
import type { OwnNote } from "@tallystick/witness";

import { rootAt } from "./tree.js";

const FORMAT = "tallystick-own-note/1";

// Two notes, neither longer than a witness may answer, and what JSON escapes of them.
const MAX_EVIDENCE_BYTES = 1_048_576;

/** A checkpoint under the log's own key that the log does not extend: it was rolled back, or forked. */
export interface Contradiction {
  /** In a sentence. */
  readonly why: string;
  /** The document that is kept of it; docs/formats/evidence.md has its members. */
  readonly evidence: Uint8Array;
  /** What it can be called in a file system; one for each checkpoint. */
  readonly name: string;
}

/** Where a note of the log was found, and what the log says of itself. */
export interface Finding {
  readonly found: OwnNote;
  readonly where: string;
  /** The newest note of the log. */
  readonly newest: () => Promise<Uint8Array>;
  readonly time: number;
}

/**
 * Yields how a note that the log's own key signed contradicts the log, `undefined` where the log extends
 * it.
 *
 * Has to be called after the note was received: the log may have grown up to it meanwhile.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function contradictionOf(
  log: Log,
  { found, where, newest, time }: Finding,
): Promise<Contradiction | undefined> {
  const { size, root } = found.checkpoint;
  const head = log.head().checkpoint;
  let why: string;
  if (size > head.size) {
    why = `a checkpoint of size ${size} is signed with this log's key, and the log has ${head.size} entries`;
  } else {
    const own = encodeBase64(await rootAt(log, size));
    if (own === encodeBase64(root)) return undefined;
    why = `a checkpoint of size ${size} is signed with this log's key over another root than the log has`;
  }
  const decoder = new TextDecoder();
  const document = {
    format: FORMAT,
    ...{ time, where, why },
    found: decoder.decode(found.bytes),
    own: decoder.decode(await newest()),
  };
  const evidence = new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
  return { why, evidence, name: `${size}-${encodeHex(root.subarray(0, 8))}` };
}

/** Yields the note that a document of evidence was kept for, `undefined` for any other bytes. */
export function noteInEvidence(evidence: Uint8Array): Uint8Array | undefined {
  try {
    const document = parseJson(evidence, { maxBytes: MAX_EVIDENCE_BYTES });
    const isObject = typeof document === "object" && document !== null;
    const { format, found }: { format?: unknown; found?: unknown } = isObject ? document : {};
    if (format !== FORMAT || typeof found !== "string") return undefined;
    return new TextEncoder().encode(found);
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}
