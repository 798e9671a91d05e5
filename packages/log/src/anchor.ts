import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

import { sha256 } from "@tallystick/merkle";

import {
  type AnchorContent,
  damaged,
  decodeAnchorRecord,
  encodeAnchorRecord,
  isFreeze,
  MAX_RECORD_BYTES,
  unchained,
} from "./anchor-record.js";
import {
  type Found,
  readRange,
  readTail,
  recordBefore,
  requireGrowth,
  type Tail,
  TAIL_BYTES,
  ZEROS,
} from "./anchor-tail.js";
import { LogError, isMissing, toLogError } from "./error.js";
import { isEqual } from "./layout.js";
import type { Frozen } from "./record.js";

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

  /** Why and when the log was closed for good, if it was. */
  readonly frozen: Frozen | undefined;

  readonly state: AnchorState;

  /**
   * Appends a record of a greater size. When it resolves, the record is on disk; when it rejects, the
   * outcome is unknown (I7). Never called while an earlier call is under way.
   */
  append(record: AnchorRecord): Promise<void>;

  /** Appends, once, that the log is closed for good; durable as {@link Anchor.append} is. */
  appendFreeze(frozen: Frozen): Promise<void>;

  /**
   * Writes what was appended last once more, the same bytes in the same place, and syncs it: after a
   * sync that failed, reads may yield what the disk does not hold. To be called after opening.
   */
  renew(): Promise<void>;

  /**
   * Yields the records of checkpoints, oldest first, as of the call, each checked against the one before.
   *
   * @throws {@link LogError} `LOG_CORRUPT` where the chain breaks, `LOG_UNAVAILABLE`
   */
  records(): AsyncIterable<AnchorRecord>;

  /**
   * Yields the same records, newest first, each checked against the one after; reads no further than
   * is asked for.
   *
   * @throws {@link LogError} as {@link Anchor.records}
   */
  newestFirst(): AsyncIterable<AnchorRecord>;

  /** Releases the anchor; later calls reject. Idempotent. */
  close(): Promise<void>;
}

/** An anchor in a file of its own, best on another device than the store. */
export class AnchorFile implements Anchor {
  readonly #path: string;
  readonly #handle: FileHandle;
  // Owned by append, as is all below.
  #state: AnchorState;
  #newest: AnchorRecord | undefined;
  #frozen: Frozen | undefined;
  #last: Uint8Array;
  #digest: Uint8Array;
  #end: number;
  #bytes: number;
  // Set while an append is under way, and for good when it fails.
  #isUnknown = false;

  private constructor(
    file: { readonly path: string; readonly handle: FileHandle; readonly size: number },
    { state, end, last, ...found }: Tail & Found,
  ) {
    this.#path = file.path;
    this.#handle = file.handle;
    this.#bytes = file.size;
    this.#state = state;
    this.#end = end;
    this.#newest = found.newest;
    this.#frozen = found.frozen;
    this.#last =
      last === undefined ? new Uint8Array() : encodeAnchorRecord(last.content, last.previous);
    this.#digest = last?.digest ?? ZEROS;
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
      return new AnchorFile({ path, handle, size }, await readTail(handle, size));
    } catch (error) {
      await handle.close();
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be read");
    }
  }

  get newest(): AnchorRecord | undefined {
    return this.#newest;
  }

  get frozen(): Frozen | undefined {
    return this.#frozen;
  }

  get state(): AnchorState {
    return this.#state;
  }

  async append(record: AnchorRecord): Promise<void> {
    this.#requireKnown();
    requireGrowth(this.#newest, record);
    await this.#add(record);
    this.#newest = record;
  }

  async appendFreeze(frozen: Frozen): Promise<void> {
    this.#requireKnown();
    if (this.#frozen !== undefined) throw new TypeError("the anchor is frozen");
    await this.#add(frozen);
    this.#frozen = frozen;
  }

  async renew(): Promise<void> {
    this.#requireKnown();
    if (this.#last.length === 0) return;
    await this.#write(this.#last, this.#end - this.#last.length);
  }

  async #add(content: AnchorContent): Promise<void> {
    const bytes = encodeAnchorRecord(content, this.#digest);
    await this.#write(bytes, this.#end, this.#state === "torn");
    this.#end += bytes.length;
    this.#bytes = this.#end;
    this.#last = bytes;
    this.#digest = sha256(bytes);
    this.#state = "whole";
  }

  async #write(bytes: Uint8Array, at: number, cutsOff = false): Promise<void> {
    this.#isUnknown = true;
    try {
      const { size } = await this.#handle.stat();
      if (size !== this.#bytes) throw new Error("somebody else writes to it");
      if (cutsOff) await this.#handle.truncate(at);
      await writeAll(this.#handle, bytes, at);
      await this.#handle.datasync();
      await this.#requireThere(bytes, at);
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be written");
    }
    this.#isUnknown = false;
  }

  // What has no name any more, or was written over meanwhile, the next start will not find.
  async #requireThere(bytes: Uint8Array, at: number): Promise<void> {
    const [held, named] = await Promise.all([
      this.#handle.stat({ bigint: true }),
      stat(this.#path, { bigint: true }),
    ]);
    if (held.nlink < 1n || held.ino !== named.ino || held.dev !== named.dev) {
      throw new Error("another file has taken its place");
    }
    if (!isEqual(await readRange(this.#handle, at, at + bytes.length), bytes)) {
      throw new Error("somebody else writes to it");
    }
  }

  #requireKnown(): void {
    if (this.#isUnknown) throw new LogError("LOG_UNAVAILABLE", "the anchor is in an unknown state");
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
        const { content } = stored;
        previous = stored.digest;
        if (!isFreeze(content)) {
          requireGrowth(last, content);
          yield content;
          last = content;
        }
        inside += stored.length;
        at += stored.length;
      }
    }
  }

  async *newestFirst(): AsyncIterable<AnchorRecord> {
    let digest = this.#digest;
    let later: AnchorRecord | undefined;
    for (let end = this.#end; end > 0;) {
      const start = Math.max(0, end - TAIL_BYTES);
      const window = await this.#read(start, end);
      for (let inside = window.length; inside > 0;) {
        const stored = recordBefore(window, inside);
        // A record that the window cuts off is read again to its end.
        if (stored === undefined && inside < MAX_RECORD_BYTES && start > 0) break;
        if (stored === undefined) throw damaged(start + inside);
        if (!isEqual(stored.digest, digest)) throw unchained(start + inside);
        const { content } = stored;
        digest = stored.previous;
        if (!isFreeze(content)) {
          if (later !== undefined) requireGrowth(content, later);
          yield content;
          later = content;
        }
        inside -= stored.length;
        end -= stored.length;
      }
    }
    if (!isEqual(digest, ZEROS)) throw unchained(0);
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

/** Yields the anchor that is not there: no log opens with it, and {@link checkLog} says so. */
export function missingAnchor(): Anchor {
  const refuse = (): Promise<void> =>
    Promise.reject(new LogError("LOG_ANCHOR_MISSING", "there is no anchor"));
  return {
    newest: undefined,
    frozen: undefined,
    state: "missing",
    append: refuse,
    appendFreeze: refuse,
    renew: refuse,
    records: none,
    newestFirst: none,
    close: () => Promise.resolve(),
  };
}

async function* none(): AsyncIterable<AnchorRecord> {
  yield* await Promise.resolve([]);
}

/** Makes durable which files the directory of a file holds. */
export async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function openFile(path: string, create: boolean): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (!isMissing(error))
      throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be opened");
    if (!create) throw new LogError("LOG_ANCHOR_MISSING", "no anchor there", { cause: error });
  }
  try {
    const handle = await open(path, "wx+", 0o600);
    await syncDirectoryOf(path);
    return handle;
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "the anchor cannot be made");
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const left = bytes.length - done;
    done += (await handle.write(bytes, done, left, at + done)).bytesWritten;
  }
}
