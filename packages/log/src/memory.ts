import { decodeHex, encodeHex } from "@tallystick/cose";

import type { Anchor, AnchorRecord, AnchorState } from "./anchor.js";
import { LogError } from "./error.js";
import type { Frozen } from "./record.js";
import type { KeyRange, Row, Store } from "./store.js";

/**
 * A store that lives in memory, for tests and trials: ordered and atomic like a real one, durable
 * for as long as somebody holds it.
 */
export class MemoryStore implements Store {
  // Owned by this store; keys as hex, whose text order is the byte order of the keys.
  readonly #rows: Map<string, Uint8Array>;
  #isOpen = true;

  constructor(rows: Iterable<Row> = []) {
    this.#rows = new Map(Array.from(rows, ({ key, value }) => [encodeHex(key), value.slice()]));
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#attempt(() => this.#rows.get(encodeHex(key))?.slice());
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#attempt(() => keys.map((key) => this.#rows.get(encodeHex(key))?.slice()));
  }

  write(rows: readonly Row[]): Promise<void> {
    return this.#attempt(() => {
      for (const { key, value } of rows) this.#rows.set(encodeHex(key), value.slice());
    });
  }

  async *keys(range: KeyRange): AsyncIterable<Uint8Array> {
    const keys = await this.#attempt(() => {
      const from = encodeHex(range.from);
      const before = encodeHex(range.before);
      return [...this.#rows.keys()].filter((key) => from <= key && key < before).sort();
    });
    if (range.isReversed === true) keys.reverse();
    for (const key of keys.slice(0, range.limit)) yield decodeHex(key);
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  /** Yields every row in key order, copied, also from a closed store. */
  rows(): readonly Row[] {
    const keys = [...this.#rows.keys()].sort();
    return keys.map((key) => ({
      key: decodeHex(key),
      value: this.#rows.get(key)?.slice() ?? new Uint8Array(),
    }));
  }

  /** Yields an open store with a copy of the rows: what a restart finds. */
  reopen(): MemoryStore {
    const copy = new MemoryStore();
    for (const [key, value] of this.#rows) copy.#rows.set(key, value.slice());
    return copy;
  }

  /** Puts a value past the log, or removes the row when there is none: damage, for tests. */
  damage(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value === undefined) this.#rows.delete(encodeHex(key));
    else this.#rows.set(encodeHex(key), value.slice());
  }

  #attempt<T>(act: () => T): Promise<T> {
    if (!this.#isOpen) {
      return Promise.reject(new LogError("LOG_UNAVAILABLE", "the store is closed"));
    }
    return Promise.resolve(act());
  }
}

/** An anchor that lives in memory, for tests and trials; one for each {@link MemoryStore}. */
export class MemoryAnchor implements Anchor {
  // Owned by append.
  readonly #records: AnchorRecord[];
  #frozen: Frozen | undefined;
  #state: AnchorState;
  #isOpen = true;

  constructor(records: Iterable<AnchorRecord> = [], state: AnchorState = "whole") {
    this.#records = [...records];
    this.#state = state;
  }

  get frozen(): Frozen | undefined {
    return this.#frozen;
  }

  get state(): AnchorState {
    return this.#state;
  }

  get newest(): AnchorRecord | undefined {
    return this.#records.at(-1);
  }

  append(record: AnchorRecord): Promise<void> {
    if (!this.#isOpen) return Promise.reject(closed());
    if (record.size <= (this.newest?.size ?? 0)) {
      const message = `anchor record of size ${record.size} after ${this.newest?.size ?? 0}`;
      return Promise.reject(new LogError("LOG_CORRUPT", message));
    }
    this.#records.push(record);
    this.#state = "whole";
    return Promise.resolve();
  }

  appendFreeze(frozen: Frozen): Promise<void> {
    if (!this.#isOpen) return Promise.reject(closed());
    if (this.#frozen !== undefined) return Promise.reject(new TypeError("the anchor is frozen"));
    this.#frozen = frozen;
    this.#state = "whole";
    return Promise.resolve();
  }

  renew(): Promise<void> {
    return this.#isOpen ? Promise.resolve() : Promise.reject(closed());
  }

  async *records(): AsyncIterable<AnchorRecord> {
    if (!this.#isOpen) return Promise.reject(closed());
    yield* [...this.#records];
  }

  async *newestFirst(): AsyncIterable<AnchorRecord> {
    if (!this.#isOpen) return Promise.reject(closed());
    yield* [...this.#records].reverse();
  }

  close(): Promise<void> {
    this.#isOpen = false;
    return Promise.resolve();
  }

  /** Yields an open anchor with a copy of the first `count` records, of all there is unless given. */
  reopen(count?: number, state: AnchorState = this.#state): MemoryAnchor {
    const copy = new MemoryAnchor(this.#records.slice(0, count), state);
    if (count === undefined) copy.#frozen = this.#frozen;
    return copy;
  }
}

function closed(): LogError {
  return new LogError("LOG_UNAVAILABLE", "the anchor is closed");
}
