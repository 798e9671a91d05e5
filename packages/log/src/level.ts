import { access } from "node:fs/promises";
import { join } from "node:path";

import { Level } from "level";

import { LogError, isMissing } from "./error.js";
import { discardLogs, keepLogs, tellKept, unkeepLogs } from "./kept.js";
import { type KeyRange, type Row, type Store, WRITE_BUFFER_BYTES } from "./store.js";
import { type ReadWhole, requireReplayable } from "./wal.js";

const MEBIBYTE = 1024 * 1024;

// Recovery reads the write-ahead log, at most two buffers long. Files are small enough that each holds
// rows of one kind: where rows that come in order share files with those by digest, which fall between
// all others, the first are merged again and again with the second (docs/decisions.md).
const OPTIONS = {
  keyEncoding: "view",
  valueEncoding: "view",
  writeBufferSize: WRITE_BUFFER_BYTES,
  maxFileSize: 4 * MEBIBYTE,
  cacheSize: 64 * MEBIBYTE,
  // Each keeps the index of its blocks in memory, some 40 KiB.
  maxOpenFiles: 1000,
  // No check by itself, but a flipped bit often trips the decompressor where it would pass unseen.
  compression: true,
} as const;

// Every LevelDB database has this file, and nothing else makes it.
const CURRENT = "CURRENT";

/** A store in a directory, through LevelDB. LevelDB does not verify what it reads; the log does. */
export class LevelStore implements Store {
  readonly #db: Level<Uint8Array, Uint8Array>;

  // Owned by discardKept.
  #kept: string | undefined;

  private constructor(db: Level<Uint8Array, Uint8Array>, kept: string | undefined) {
    this.#db = db;
    this.#kept = kept;
  }

  get kept(): string | undefined {
    return this.#kept;
  }

  /**
   * Opens the store in a directory and locks it against other processes until it is closed.
   *
   * With `create` the directory and an empty store are made where there are none. What is there is
   * first read with `read`, by which tests let a disk fail, and left alone if it is damaged. LevelDB
   * then writes the write-ahead log out and removes it; it is kept beside the directory until
   * {@link LevelStore.discardKept}.
   *
   * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_LOCKED`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  static async open(
    directory: string,
    options: { readonly create?: boolean; readonly read?: ReadWhole } = {},
  ): Promise<LevelStore> {
    const createIfMissing = options.create ?? false;
    if (!createIfMissing) await requireDatabase(directory);
    // I8: LevelDB makes damage of its write-ahead log good by leaving out what it held.
    await requireReplayable(directory, options.read);
    const keeping = await keepLogs(directory);
    // Begins to open at once.
    const db = new Level<Uint8Array, Uint8Array>(directory, { ...OPTIONS, createIfMissing });
    try {
      await db.open();
    } catch (error) {
      const failure = toStoreError(error);
      if (failure.code === "LOG_LOCKED") await unkeepLogs(keeping);
      if (failure.code !== "LOG_CORRUPT") throw failure;
      const message = failure.message + tellKept(keeping.path);
      throw new LogError("LOG_CORRUPT", message, { cause: error });
    }
    return new LevelStore(db, keeping.path);
  }

  async discardKept(): Promise<void> {
    if (this.#kept !== undefined) await discardLogs(this.#kept);
    this.#kept = undefined;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return await this.#db.get(key);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    try {
      return await this.#db.getMany([...keys]);
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async write(rows: readonly Row[]): Promise<void> {
    try {
      // Put by put, which is several times cheaper than an array of operations.
      const batch = this.#db.batch();
      for (const { key, value } of rows) batch.put(key, value);
      // The default is not to sync, which loses acknowledged writes at power loss (I1).
      await batch.write({ sync: true });
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async *keys(range: KeyRange): AsyncIterable<Uint8Array> {
    try {
      const keys = this.#db.keys({
        gte: range.from,
        lt: range.before,
        reverse: range.isReversed ?? false,
        limit: range.limit ?? Infinity,
      });
      for await (const key of keys) yield key;
    } catch (error) {
      throw toStoreError(error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.#db.close();
    } catch (error) {
      throw toStoreError(error);
    }
  }
}

async function requireDatabase(directory: string): Promise<void> {
  try {
    await access(join(directory, CURRENT));
  } catch (error) {
    // A directory that may not be read is another trouble than one that is not there.
    if (!isMissing(error)) throw toStoreError(error);
    throw new LogError("LOG_NOT_FOUND", "no log in this directory", { cause: error });
  }
}

function toStoreError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  const options = { cause: error };
  const inner = error instanceof Error && error.cause !== undefined ? error.cause : error;
  switch (codeOf(inner)) {
    case "LEVEL_LOCKED":
      return new LogError("LOG_LOCKED", "the store is open elsewhere", options);
    case "LEVEL_CORRUPTION":
      return new LogError("LOG_CORRUPT", "the store reports damage", options);
    default: {
      const reason = inner instanceof Error ? inner.message : String(inner);
      return new LogError("LOG_UNAVAILABLE", `the store failed: ${reason}`, options);
    }
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
