import { open } from "node:fs/promises";

import {
  type AnchorContent,
  BLOCK_BYTES,
  claimedLength,
  decodeAnchorRecord,
  MAX_RECORD_BYTES,
} from "./anchor-record.js";
import { readRange, TAIL_BYTES } from "./anchor-tail.js";
import { toLogError } from "./error.js";

/** A block of a damaged anchor that looks like the first one of a record. */
export interface Remnant {
  readonly at: number;
  /** `undefined` where no more than the first bytes of the record are what they were. */
  readonly content: AnchorContent | undefined;
}

/**
 * Yields what is left in an anchor that is not whole: every block is looked at, whatever stands before
 * it. No more than the checksum speaks for a record; that it follows the one before is not looked at.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE`
 */
export async function* remnantsOf(path: string): AsyncIterable<Remnant> {
  try {
    yield* readRemnants(path);
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be read");
  }
}

async function* readRemnants(path: string): AsyncIterable<Remnant> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    for (let start = 0; start < size; start += TAIL_BYTES) {
      // The last record that begins in the window may end after it.
      const end = Math.min(size, start + TAIL_BYTES + MAX_RECORD_BYTES);
      const bytes = await readRange(handle, start, end);
      for (let at = 0; at < Math.min(TAIL_BYTES, bytes.length); at += BLOCK_BYTES) {
        if (claimedLength(bytes.subarray(at)) === undefined) continue;
        yield { at: start + at, content: decodeAnchorRecord(bytes, at)?.content };
      }
    }
  } finally {
    await handle.close();
  }
}
