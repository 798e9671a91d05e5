import { encodeHex } from "@tallystick/cose";

import type { Anchor, AnchorRecord } from "../anchor.js";
import { HEAD_KEY, isEqual, openRow } from "../layout.js";
import { decodeHead } from "../record.js";
import { decodeStated } from "../stated.js";
import type { KeyRange, Row, Store } from "../store.js";

/** What a log is given instead of its disk. */
export interface Parts {
  readonly store: Store;
  readonly anchor: Anchor;
  /** Resolves when all that was put off is done. */
  readonly settled?: () => Promise<void>;
}

/** Ways to break the log, each by what stands between it and its disk. */
export const BROKEN = {
  "release before the commit": (parts: Parts): Parts => {
    const queue = new Queue();
    const store = new LateStore(parts.store, queue);
    return { store, anchor: lateAnchor(parts.anchor, queue), settled: () => queue.settled };
  },
  "release before the anchor": (parts: Parts): Parts => {
    const queue = new Queue();
    return { ...parts, anchor: lateAnchor(parts.anchor, queue), settled: () => queue.settled };
  },
  "no anchor check": async (parts: Parts): Promise<Parts> => {
    const value = await parts.store.get(HEAD_KEY);
    const newest = value === undefined ? undefined : recordIn({ key: HEAD_KEY, value });
    const append = (): Promise<void> => Promise.resolve();
    return { ...parts, anchor: anchorLike(parts.anchor, { newest, state: "whole", append }) };
  },
  "anchor before the commit": ({ store, anchor }: Parts): Parts => {
    const write = async (rows: readonly Row[]): Promise<void> => {
      const head = rows.find(({ key }) => isEqual(key, HEAD_KEY));
      if (head !== undefined) await anchor.append(recordIn(head));
      await store.write(rows);
    };
    const append = async (record: AnchorRecord): Promise<void> => {
      if (record.size > (anchor.newest?.size ?? 0)) await anchor.append(record);
    };
    return { store: storeLike(store, write), anchor: anchorLike(anchor, { append }) };
  },
} as const;

/** Tells of a freeze in the store and nowhere else. */
export function freezeUnanchored({ store, anchor }: Parts): Parts {
  const appendFreeze = (): Promise<void> => Promise.resolve();
  return { store, anchor: anchorLike(anchor, { appendFreeze }) };
}

/** Does one thing after another while nobody waits; after a failure, which nobody hears of, nothing. */
class Queue {
  // Owned by add.
  #last: Promise<void> = Promise.resolve();

  add(act: () => Promise<void>): void {
    this.#last = this.#last.then(act);
    this.#last.catch(() => undefined);
  }

  get settled(): Promise<void> {
    return this.#last.catch(() => undefined);
  }
}

/** A store whose writes are put off, and seen by its reads at once. */
class LateStore implements Store {
  readonly #inner: Store;
  readonly #queue: Queue;
  // Owned by write.
  readonly #written = new Map<string, Uint8Array>();

  constructor(inner: Store, queue: Queue) {
    this.#inner = inner;
    this.#queue = queue;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#written.get(encodeHex(key)) ?? this.#inner.get(key);
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.#inner.getMany(keys);
    return keys.map((key, i) => this.#written.get(encodeHex(key)) ?? values[i]);
  }

  write(rows: readonly Row[]): Promise<void> {
    for (const { key, value } of rows) this.#written.set(encodeHex(key), value);
    this.#queue.add(() => this.#inner.write(rows));
    return Promise.resolve();
  }

  keys(range: KeyRange): AsyncIterable<Uint8Array> {
    return this.#inner.keys(range);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function lateAnchor(inner: Anchor, queue: Queue): Anchor {
  let newest = inner.newest;
  return {
    get newest() {
      return newest;
    },
    get frozen() {
      return inner.frozen;
    },
    state: inner.state,
    append: (record) => {
      newest = record;
      queue.add(() => inner.append(record));
      return Promise.resolve();
    },
    appendFreeze: (frozen) => inner.appendFreeze(frozen),
    renew: () => inner.renew(),
    records: () => inner.records(),
    newestFirst: () => inner.newestFirst(),
    close: () => inner.close(),
  };
}

function storeLike(inner: Store, write: Store["write"]): Store {
  return {
    get: (key) => inner.get(key),
    getMany: (keys) => inner.getMany(keys),
    write,
    keys: (range) => inner.keys(range),
    close: () => inner.close(),
  };
}

function anchorLike(
  inner: Anchor,
  other: Partial<Pick<Anchor, "newest" | "state" | "append" | "appendFreeze">>,
): Anchor {
  return {
    get newest() {
      return "newest" in other ? other.newest : inner.newest;
    },
    get state() {
      return other.state ?? inner.state;
    },
    get frozen() {
      return inner.frozen;
    },
    append: (record) => other.append?.(record) ?? inner.append(record),
    appendFreeze: (frozen) => other.appendFreeze?.(frozen) ?? inner.appendFreeze(frozen),
    renew: () => inner.renew(),
    records: () => inner.records(),
    newestFirst: () => inner.newestFirst(),
    close: () => inner.close(),
  };
}

function recordIn(head: Row): AnchorRecord {
  const { checkpoint } = decodeHead(openRow(head));
  const { size, root } = decodeStated(checkpoint);
  return { size, root, checkpoint };
}
