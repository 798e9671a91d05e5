import { HASH_BYTES, TILE_WIDTH, tileWidth } from "@tallystick/merkle";
import type { Checkpoint } from "@tallystick/receipt";

import { LogError, toLogError } from "./error.js";
import {
  checkpointKey,
  formatKey,
  HEAD_KEY,
  KIND,
  kindRange,
  NUMBER_BYTES,
  numberOfKey,
  openRow,
  sealRow,
} from "./layout.js";
import { decodeChainLink, decodeHead, encodeHead } from "./record.js";
import { decodeStated } from "./stated.js";
import type { KeyRange, Row, Store } from "./store.js";

/** What checks and copies read. */
export type RowSource = Pick<Store, "getMany" | "keys">;

// An entry in a bundle stands behind two bytes of length (W17).
const ENTRY_BYTES = 2 + HASH_BYTES;

// Of the kinds whose keys end with a number.
const NUMBERED_KEY_BYTES: ReadonlyMap<string, number> = new Map([
  [KIND.bundle, 1 + NUMBER_BYTES],
  [KIND.tile, 2 + NUMBER_BYTES],
  [KIND.checkpoint, 1 + NUMBER_BYTES],
  [KIND.control, 1 + NUMBER_BYTES],
]);

/**
 * The rows of a log as they stood at one of its checkpoints, whatever is appended meanwhile.
 *
 * Nothing of a log is ever changed but partial bundles, partial tiles and the head. A narrower partial
 * one is the beginning of a wider one, so what stood there at the checkpoint can still be read; the
 * head is made again from the kept checkpoint. Rows that do not match their checksum are handed on as
 * they are, for the reader to notice.
 */
export class PinnedRows implements RowSource {
  readonly #rows: RowSource;
  /** What the checkpoint states, its signature unseen. */
  readonly stated: Checkpoint;
  /** The head row as of the checkpoint. */
  readonly head: Row;

  private constructor(rows: RowSource, stated: Checkpoint, head: Row) {
    this.#rows = rows;
    this.stated = stated;
    this.head = head;
  }

  /**
   * Pins the kept checkpoint of a size, that of the head unless given.
   *
   * @throws {@link LogError} `LOG_NOT_FOUND` without a head, `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`,
   * `LOG_UNAVAILABLE`
   */
  static async pin(rows: RowSource, size?: number): Promise<PinnedRows> {
    const payload = await find(rows, HEAD_KEY);
    if (payload === undefined) throw new LogError("LOG_NOT_FOUND", "the store has no head");
    const newest = decodeHead(payload);
    const atHead = read(newest.checkpoint);
    if (size === undefined || size === atHead.size) {
      return new PinnedRows(rows, atHead, sealRow(HEAD_KEY, payload));
    }
    const link = await find(rows, checkpointKey(size));
    if (link === undefined || size > atHead.size) {
      throw new LogError("LOG_SIZE_UNKNOWN", `no checkpoint of size ${size}`);
    }
    const { checkpoint } = decodeChainLink(link);
    const control = await newestControl(rows, size);
    const head = sealRow(HEAD_KEY, encodeHead({ epoch: newest.epoch, control, checkpoint }));
    return new PinnedRows(rows, read(checkpoint), head);
  }

  /** Index of the newest control entry at the checkpoint. */
  get control(): number {
    return decodeHead(openRow(this.head)).control;
  }

  /** Tree size of the checkpoint. */
  get size(): number {
    return this.stated.size;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.#rows.getMany(keys);
    return keys.map((key, i) => {
      const value = values[i];
      return value === undefined ? undefined : asOf({ key, value }, this.size, this.head);
    });
  }

  async *keys(range: KeyRange): AsyncIterable<Uint8Array> {
    const { limit = Infinity, ...all } = range;
    let count = 0;
    for await (const key of this.#rows.keys(all)) {
      if (!isCovered(key, this.size)) continue;
      if (count++ >= limit) return;
      yield key;
    }
  }
}

function asOf(row: Row, size: number, head: Row): Uint8Array | undefined {
  const { key, value } = row;
  if (!isCovered(key, size)) return undefined;
  switch (kindOf(key)) {
    case KIND.head:
      return head.value;
    case KIND.bundle:
      return beginning(row, ENTRY_BYTES * Math.min(TILE_WIDTH, size - firstEntry(key)));
    case KIND.tile:
      return beginning(row, HASH_BYTES * tileWidth(key[1] ?? 0, numberOfKey(key), size));
    default:
      return value;
  }
}

function beginning({ key, value }: Row, length: number): Uint8Array {
  const payload = tryOpen({ key, value });
  if (payload === undefined || payload.length <= length) return value;
  return sealRow(key, payload.subarray(0, length)).value;
}

// Keys that cannot be read are no row of this log; they are left for the reader to report.
function isCovered(key: Uint8Array, size: number): boolean {
  try {
    const length = NUMBERED_KEY_BYTES.get(kindOf(key));
    if (length !== undefined && key.length !== length) return true;
    switch (kindOf(key)) {
      case KIND.bundle:
        return firstEntry(key) < size;
      case KIND.tile:
        return tileWidth(key[1] ?? 0, numberOfKey(key), size) > 0;
      case KIND.checkpoint:
        return numberOfKey(key) <= size;
      case KIND.control:
        return numberOfKey(key) < size;
      default:
        return true;
    }
  } catch {
    return true;
  }
}

function kindOf(key: Uint8Array): string {
  return String.fromCharCode(key[0] ?? 0);
}

function firstEntry(bundle: Uint8Array): number {
  return numberOfKey(bundle) * TILE_WIDTH;
}

function tryOpen(row: Row): Uint8Array | undefined {
  try {
    return openRow(row);
  } catch {
    return undefined;
  }
}

async function newestControl(rows: RowSource, size: number): Promise<number> {
  try {
    for await (const key of rows.keys({ ...kindRange(KIND.control), isReversed: true })) {
      const index = numberOfKey(key);
      if (index < size) return index;
    }
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
  }
  throw new LogError("LOG_CORRUPT", `no control entry below ${size}`);
}

async function find(rows: RowSource, key: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const [value] = await rows.getMany([key]);
    return value === undefined ? undefined : openRow({ key, value });
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", `${formatKey(key)} cannot be read`);
  }
}

function read(checkpoint: Uint8Array): Checkpoint {
  try {
    return decodeStated(checkpoint);
  } catch (error) {
    throw toLogError(error, "LOG_CORRUPT", "checkpoint");
  }
}
