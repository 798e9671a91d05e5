import { HASH_BYTES } from "@tallystick/merkle";

import { decodeBase64, encodeBase64 } from "./base64.js";
import { TlogError } from "./error.js";
import { requireNoteText } from "./note.js";
import { parseDecimal } from "./text.js";

/** The head of a log's tree (C2SP tlog-checkpoint). */
export interface TreeHead {
  /** What the log is called. */
  readonly origin: string;
  /** Number of leaves. */
  readonly size: number;
  /** The root of that many leaves, 32 bytes. */
  readonly root: Uint8Array;
}

/** A tree head as read from the text of a note. */
export interface Checkpoint extends TreeHead {
  /** Further lines, which nobody can audit. Kept with the text, never written. */
  readonly extensions: readonly string[];
}

/**
 * Yields the checkpoint that the text of a note is (W5). Sizes beyond 2^53 - 1 are refused.
 *
 * @throws {@link TlogError} `TLOG_CHECKPOINT_MALFORMED`
 */
export function parseCheckpoint(text: string): Checkpoint {
  if (!text.endsWith("\n")) throw malformed("checkpoint does not end in a newline");
  const lines = text.slice(0, -1).split("\n");
  if (lines.length < 3 || lines.includes("")) {
    throw malformed("checkpoint is not of three or more lines that are not empty");
  }
  const [origin = "", decimal = "", encoded = "", ...extensions] = lines;
  const size = parseDecimal(decimal);
  if (size === undefined) throw malformed("size is not a canonical decimal below 2^53");
  const root = decodeBase64(encoded);
  if (root?.length !== HASH_BYTES) throw malformed("root is not 32 bytes in base64");
  return { origin, size, root, extensions };
}

/**
 * Yields the text of a note for a tree head (W5), without extension lines.
 *
 * @throws {@link TlogError} `TLOG_CHECKPOINT_MALFORMED`
 */
export function formatCheckpoint({ origin, size, root }: TreeHead): string {
  const text = `${origin}\n${size}\n${encodeBase64(root)}\n`;
  const { extensions } = parseCheckpoint(text);
  if (extensions.length > 0) throw malformed("origin has more than one line");
  try {
    requireNoteText(text);
  } catch (cause) {
    throw new TlogError("TLOG_CHECKPOINT_MALFORMED", "origin has control characters", { cause });
  }
  return text;
}

function malformed(message: string): TlogError {
  return new TlogError("TLOG_CHECKPOINT_MALFORMED", message);
}
