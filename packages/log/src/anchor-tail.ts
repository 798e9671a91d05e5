import type { FileHandle } from "node:fs/promises";

import { HASH_BYTES } from "@tallystick/merkle";

import type { AnchorRecord, AnchorState } from "./anchor.js";
import {
  BLOCK_BYTES,
  claimedLength,
  damaged,
  decodeAnchorRecord,
  isFreeze,
  MAGIC,
  MAX_RECORD_BYTES,
  type StoredRecord,
  unchained,
  WAYS_OUT,
} from "./anchor-record.js";
import { LogError } from "./error.js";
import { isEqual } from "./layout.js";
import type { Frozen } from "./record.js";

/** Stands for the digest of a record before the first. */
export const ZEROS: Uint8Array = new Uint8Array(HASH_BYTES);
const CHAINED_AT_OPENING = 64;
/** One torn record, one intact one, and as much again for those before it. */
export const TAIL_BYTES: number = 3 * MAX_RECORD_BYTES;

/** What the end of the file holds. */
export interface Tail {
  readonly state: AnchorState;
  /** Where the next record goes. */
  readonly end: number;
  readonly last: StoredRecord | undefined;
}

/** What the newest records say. */
export interface Found {
  readonly newest: AnchorRecord | undefined;
  readonly frozen: Frozen | undefined;
}

/**
 * Yields what the end of an anchor of `size` bytes holds, its newest records chained.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export async function readTail(handle: FileHandle, size: number): Promise<Tail & Found> {
  const start = Math.max(0, Math.floor((size - TAIL_BYTES) / BLOCK_BYTES) * BLOCK_BYTES);
  const bytes = await readRange(handle, start, size);
  const tail = tailOf(bytes, start);
  return { ...tail, ...checkChain(bytes, start, tail) };
}

/** Finds the last intact record; what follows it must look like the beginning of one more. */
function tailOf(bytes: Uint8Array, start: number): Tail {
  const lowest = Math.max(0, bytes.length - 2 * MAX_RECORD_BYTES);
  let at = Math.floor((bytes.length - 1) / BLOCK_BYTES) * BLOCK_BYTES;
  let last: StoredRecord | undefined;
  for (; at >= lowest && last === undefined; at -= BLOCK_BYTES) {
    last = decodeAnchorRecord(bytes, at);
  }
  if (last === undefined && start + lowest > 0) throw damaged(start + bytes.length);
  const end = last === undefined ? 0 : at + BLOCK_BYTES + last.length;
  const rest = bytes.subarray(end);
  if (rest.length > 0 && !isBegun(rest)) throw damaged(start + end);
  return { state: rest.length > 0 ? "torn" : "whole", end: start + end, last };
}

// New blocks of a file hold what was written or zeros. Anything else was another thing once: a record
// that somebody was answered for, or a file that is no anchor.
function isBegun(rest: Uint8Array): boolean {
  const longest = claimedLength(rest) ?? MAX_RECORD_BYTES;
  if (rest.length > longest) return false;
  const first = rest.subarray(0, MAGIC.length);
  return first.every((byte, i) => byte === MAGIC[i]) || first.every((byte) => byte === 0);
}

function checkChain(bytes: Uint8Array, start: number, { end, last }: Tail): Found {
  let current = last;
  let at = end - start - (last?.length ?? 0);
  let newest: AnchorRecord | undefined;
  let oldest: AnchorRecord | undefined;
  let frozen: Frozen | undefined;
  for (let count = 1; current !== undefined; count++) {
    const { content, previous }: StoredRecord = current;
    if (isFreeze(content)) frozen = content;
    else {
      if (oldest !== undefined) requireGrowth(content, oldest);
      oldest = content;
      newest ??= content;
    }
    if (count >= CHAINED_AT_OPENING) break;
    if (start + at === 0) {
      if (!isEqual(previous, ZEROS)) throw unchained(0);
      break;
    }
    const before = recordBefore(bytes, at);
    if (before === undefined && at < MAX_RECORD_BYTES && start > 0) break;
    if (before === undefined) throw damaged(start + at);
    if (!isEqual(previous, before.digest)) throw unchained(start + at);
    at -= before.length;
    current = before;
  }
  return { newest, frozen };
}

/** Yields the record that ends at an offset, `undefined` if no whole and intact one does. */
export function recordBefore(bytes: Uint8Array, end: number): StoredRecord | undefined {
  const lowest = Math.max(0, end - MAX_RECORD_BYTES);
  for (let at = end - BLOCK_BYTES; at >= lowest; at -= BLOCK_BYTES) {
    const stored = decodeAnchorRecord(bytes, at);
    if (stored?.length === end - at) return stored;
  }
  return undefined;
}

/**
 * Returns if a record may follow another.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function requireGrowth(last: AnchorRecord | undefined, { size }: AnchorRecord): void {
  if (last === undefined || size > last.size) return;
  throw new LogError(
    "LOG_CORRUPT",
    `anchor: a record of size ${size} after ${last.size}. ${WAYS_OUT}`,
  );
}

/**
 * Yields the bytes of a range, which the file must have.
 *
 * @throws {@link LogError} `LOG_CORRUPT`; what the file system throws
 */
export async function readRange(handle: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0) throw damaged(from + done);
    done += bytesRead;
  }
  return bytes;
}
