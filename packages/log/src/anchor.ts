import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

import { HASH_BYTES, sha256 } from "@tallystick/merkle";

import {
  BLOCK_BYTES,
  claimedLength,
  decodeAnchorRecord,
  encodeAnchorRecord,
  MAGIC,
  MAX_RECORD_BYTES,
  type StoredRecord,
} from "./anchor-record.js";
import { LogError, toLogError } from "./error.js";
import { isEqual } from "./layout.js";

/** One anchored checkpoint. */
export interface AnchorRecord {
  readonly size: number;
  readonly root: Uint8Array;
  /** As `SignedCheckpoint.encode` gives it. */
  readonly checkpoint: Uint8Array;
}

/**
 * How the anchor was found at opening.
 *
 * - `whole`: it ends with a record, or is empty.
 * - `torn`: bytes of one more record follow the newest, and are cut off by the next append. They show
 *   that the store once held more than the newest record says.
 * - `missing`: there is none; see {@link missingAnchor}.
 */
export type AnchorState = "whole" | "torn" | "missing";

/** Append-only memory of what was signed, kept apart from the store. */
export interface Anchor {
  /** Newest record as of opening or the last append; undefined when empty. */
  readonly newest: AnchorRecord | undefined;

  readonly state: AnchorState;

  /**
   * Appends a record of a greater size. When it resolves, the record is on disk; when it rejects, the
   * outcome is unknown (I7). Never called while an earlier call is under way.
   */
  append(record: AnchorRecord): Promise<void>;

  /**
   * Yields the records, oldest first, as of the call, each checked against the one before.
   *
   * @throws {@link LogError} `LOG_CORRUPT` where the chain breaks, `LOG_UNAVAILABLE`
   */
  records(): AsyncIterable<AnchorRecord>;

  /** Releases the anchor; later calls reject. Idempotent. */
  close(): Promise<void>;
}

const ZEROS = new Uint8Array(HASH_BYTES);
const CHAINED_AT_OPENING = 64;
// One torn record, one intact one, and as much again for those before it.
const TAIL_BYTES = 3 * MAX_RECORD_BYTES;

/** What the end of the file holds. */
interface Tail {
  readonly state: AnchorState;
  /** Where the next record goes. */
  readonly end: number;
  readonly newest: StoredRecord | undefined;
}

/** An anchor in a file of its own, best on another device than the store. */
export class AnchorFile implements Anchor {
  readonly #handle: FileHandle;
  // Owned by append, as is all below.
  #state: AnchorState;
  #newest: AnchorRecord | undefined;
  #digest: Uint8Array;
  #end: number;
  #bytes: number;
  // Set while an append is under way, and for good when it fails.
  #isUnknown = false;

  private constructor(handle: FileHandle, bytes: number, { state, end, newest }: Tail) {
    this.#handle = handle;
    this.#bytes = bytes;
    this.#state = state;
    this.#end = end;
    this.#newest = newest?.record;
    this.#digest = newest?.digest ?? ZEROS;
  }

  /**
   * Opens the anchor in a file. Reads the end of it only: the chain of the last 64 records is checked
   * here, the rest by {@link AnchorFile.records}. Changes nothing; `create` makes an empty file where
   * there is none.
   *
   * @throws {@link LogError} `LOG_ANCHOR_MISSING`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  static async open(
    path: string,
    { create = false }: { readonly create?: boolean } = {},
  ): Promise<AnchorFile> {
    const handle = await openFile(path, create);
    try {
      const { size } = await handle.stat();
      return new AnchorFile(handle, size, await readTail(handle, size));
    } catch (error) {
      await handle.close();
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be read");
    }
  }

  get newest(): AnchorRecord | undefined {
    return this.#newest;
  }

  get state(): AnchorState {
    return this.#state;
  }

  async append(record: AnchorRecord): Promise<void> {
    if (this.#isUnknown) throw new LogError("LOG_UNAVAILABLE", "the anchor is in an unknown state");
    requireGrowth(this.#newest, record);
    const bytes = encodeAnchorRecord(record, this.#digest);
    this.#isUnknown = true;
    try {
      const { size } = await this.#handle.stat();
      if (size !== this.#bytes) throw new Error("somebody else writes to it");
      if (this.#state === "torn") await this.#handle.truncate(this.#end);
      await writeAll(this.#handle, bytes, this.#end);
      await this.#handle.datasync();
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be written");
    }
    this.#end += bytes.length;
    this.#bytes = this.#end;
    this.#digest = sha256(bytes);
    this.#newest = record;
    this.#state = "whole";
    this.#isUnknown = false;
  }

  async *records(): AsyncIterable<AnchorRecord> {
    const end = this.#end;
    let previous: Uint8Array = ZEROS;
    let last: AnchorRecord | undefined;
    for (let at = 0; at < end;) {
      const windowEnd = Math.min(end, at + TAIL_BYTES);
      const window = await this.#read(at, windowEnd);
      for (let inside = 0; inside < window.length;) {
        const stored = decodeAnchorRecord(window, inside);
        // A record that the window cuts off is read again from its start.
        if (stored === undefined && inside > 0 && windowEnd < end) break;
        if (stored === undefined) throw damaged(at);
        if (!isEqual(stored.previous, previous)) throw unchained(at);
        requireGrowth(last, stored.record);
        yield stored.record;
        ({ digest: previous, record: last } = stored);
        inside += stored.length;
        at += stored.length;
      }
    }
  }

  async close(): Promise<void> {
    try {
      await this.#handle.close();
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be closed");
    }
  }

  async #read(from: number, to: number): Promise<Uint8Array> {
    try {
      return await readRange(this.#handle, from, to);
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be read");
    }
  }
}

/** Yields the anchor that is not there: a log opens with it to be read, and takes no entries. */
export function missingAnchor(): Anchor {
  return {
    newest: undefined,
    state: "missing",
    append: () => Promise.reject(new LogError("LOG_ANCHOR_MISSING", "there is no anchor")),
    records: none,
    close: () => Promise.resolve(),
  };
}

async function* none(): AsyncIterable<AnchorRecord> {
  yield* await Promise.resolve([]);
}

async function openFile(path: string, create: boolean): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    const isMissing = ["ENOENT", "ENOTDIR"].includes(codeOf(error));
    if (!isMissing) throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be opened");
    if (!create) throw new LogError("LOG_ANCHOR_MISSING", "no anchor there", { cause: error });
  }
  try {
    const handle = await open(path, "wx+", 0o600);
    const directory = await open(dirname(path), "r");
    await directory.sync();
    await directory.close();
    return handle;
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be made");
  }
}

async function readTail(handle: FileHandle, size: number): Promise<Tail> {
  const start = Math.max(0, Math.floor((size - TAIL_BYTES) / BLOCK_BYTES) * BLOCK_BYTES);
  const bytes = await readRange(handle, start, size);
  const tail = tailOf(bytes, start);
  if (tail.newest !== undefined) checkChain(bytes, start, tail);
  return tail;
}

/** Finds the last intact record; what follows it must look like the beginning of one more. */
function tailOf(bytes: Uint8Array, start: number): Tail {
  const lowest = Math.max(0, bytes.length - 2 * MAX_RECORD_BYTES);
  let at = Math.floor((bytes.length - 1) / BLOCK_BYTES) * BLOCK_BYTES;
  let newest: StoredRecord | undefined;
  for (; at >= lowest && newest === undefined; at -= BLOCK_BYTES) {
    newest = decodeAnchorRecord(bytes, at);
  }
  if (newest === undefined && start + lowest > 0) throw damaged(start + bytes.length);
  const end = newest === undefined ? 0 : at + BLOCK_BYTES + newest.length;
  const rest = bytes.subarray(end);
  if (rest.length > 0 && !isBegun(rest)) throw damaged(start + end);
  return { state: rest.length > 0 ? "torn" : "whole", end: start + end, newest };
}

// New blocks of a file hold what was written or zeros. Anything else was another thing once: a record
// that somebody was answered for, or a file that is no anchor.
function isBegun(rest: Uint8Array): boolean {
  const longest = claimedLength(rest) ?? MAX_RECORD_BYTES;
  if (rest.length > longest) return false;
  const first = rest.subarray(0, MAGIC.length);
  return first.every((byte, i) => byte === MAGIC[i]) || first.every((byte) => byte === 0);
}

function checkChain(bytes: Uint8Array, start: number, { end, newest }: Tail): void {
  let current = newest;
  let at = end - start - (newest?.length ?? 0);
  for (let count = 1; current !== undefined && count < CHAINED_AT_OPENING; count++) {
    if (start + at === 0) {
      if (!isEqual(current.previous, ZEROS)) throw unchained(0);
      return;
    }
    const before = recordBefore(bytes, at);
    if (before === undefined && at < MAX_RECORD_BYTES && start > 0) return;
    if (before === undefined) throw damaged(start + at);
    if (!isEqual(current.previous, before.digest)) throw unchained(start + at);
    requireGrowth(before.record, current.record);
    at -= before.length;
    current = before;
  }
}

function recordBefore(bytes: Uint8Array, end: number): StoredRecord | undefined {
  const lowest = Math.max(0, end - MAX_RECORD_BYTES);
  for (let at = end - BLOCK_BYTES; at >= lowest; at -= BLOCK_BYTES) {
    const stored = decodeAnchorRecord(bytes, at);
    if (stored?.length === end - at) return stored;
  }
  return undefined;
}

function requireGrowth(last: AnchorRecord | undefined, { size }: AnchorRecord): void {
  if (last === undefined || size > last.size) return;
  throw new LogError("LOG_CORRUPT", `anchor record of size ${size} after ${last.size}`);
}

async function readRange(handle: FileHandle, from: number, to: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(to - from);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, from + done);
    if (bytesRead === 0) throw damaged(from + done);
    done += bytesRead;
  }
  return bytes;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const left = bytes.length - done;
    done += (await handle.write(bytes, done, left, at + done)).bytesWritten;
  }
}

function damaged(at: number): LogError {
  return new LogError("LOG_CORRUPT", `no intact anchor record at byte ${at}`);
}

function unchained(at: number): LogError {
  return new LogError(
    "LOG_CORRUPT",
    `the anchor record at byte ${at} does not follow the one before`,
  );
}

function codeOf(error: unknown): string {
  const isCoded = typeof error === "object" && error !== null && "code" in error;
  return isCoded && typeof error.code === "string" ? error.code : "";
}
