/** One key with its value. */
export interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys from `from` up to, but not including, `before`, in byte order. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly before: Uint8Array;
  /** Last key first. */
  readonly isReversed?: boolean;
  readonly limit?: number;
}

/**
 * Bytes of rows that an engine may hold in memory, and in a write-ahead log, before it turns to a
 * second such buffer and writes the first one out. What those two hold, damage can take a whole write
 * out of, in the middle and unnoticed, so opening checks that far back.
 */
export const WRITE_BUFFER_BYTES: number = 8 * 1024 * 1024;

/**
 * An ordered key-value store, open and held by one log alone. This is all that an engine has to give.
 *
 * Keys are ordered as unsigned bytes. Bytes handed in may be changed by the caller once the promise
 * settles; bytes handed out are the caller's own. A store need not notice damage to what it holds:
 * every value of the log carries its own checksum.
 *
 * An engine that several processes can open adds a compare-and-swap on the head row to `write`;
 * LevelDB's lock file makes that needless here.
 */
export interface Store {
  /** Yields the value, `undefined` if there is none. */
  get(key: Uint8Array): Promise<Uint8Array | undefined>;

  /** Yields the values in the order of the keys, read from one state of the store. */
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;

  /**
   * Writes all rows or none, replacing what is there. When it resolves, they are on disk and survive
   * power loss. When it rejects, the outcome is unknown: all may be there or none, now or after the
   * store is opened again (I7). Never called while an earlier call is under way.
   */
  write(rows: readonly Row[]): Promise<void>;

  /** Yields the keys in a range, from one state of the store. */
  keys(range: KeyRange): AsyncIterable<Uint8Array>;

  /** Where what opening may have lost is kept, if it is, until {@link Store.discardKept}. */
  readonly kept?: string | undefined;

  /** Lets go of that: the store has been found to hold all that was ever acknowledged. */
  discardKept?(): Promise<void>;

  /** Releases the store, so that another process can open it; later calls reject. Idempotent. */
  close(): Promise<void>;
}
