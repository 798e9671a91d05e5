import { once } from "node:events";

import type { Row, Store } from "../store.js";

/** An engine under test: whatever holds the rows of a log has to pass {@link testEngine}. */
export interface Engine<Place> {
  /** Yields where there is no store yet. */
  readonly place: () => Place;
  /** Opens the store at a place, and makes an empty one where there is none. */
  readonly open: (place: Place) => Promise<Store>;
}

/** An engine whose stores outlive a process, and are held by one alone. */
export interface DurableEngine extends Engine<string> {
  /** A module that does {@link writeForever} to the store whose place is its argument. */
  readonly writer: URL;
}

/** What a writer tells: the batch that it begins, and that a batch is on the disk. */
export interface WriterNews {
  readonly begun: number;
  readonly done: number;
}

/** Rows of a batch; the last ones are in other 32 KiB blocks of a file than the first. */
export const BATCH_ROWS = 64;

const ROW_BYTES = 32 * 1024;
const LETTER = 0x78;

/** Yields a batch, told apart from each other one by its keys and its values. */
export function batchOf(number: number): readonly Row[] {
  return Array.from({ length: BATCH_ROWS }, (_, row) => ({
    key: rowKey(number, row),
    value: new Uint8Array(ROW_BYTES).fill(1 + ((number * BATCH_ROWS + row) % 251)),
  }));
}

function rowKey(number: number, row: number): Uint8Array {
  const key = new Uint8Array(6);
  const view = new DataView(key.buffer);
  view.setUint8(0, LETTER);
  view.setUint32(1, number);
  view.setUint8(5, row);
  return key;
}

/** Yields how many rows of a batch are in a store as they were written. */
export async function rowsLeft(store: Store, number: number): Promise<number> {
  const batch = batchOf(number);
  const values = await store.getMany(batch.map(({ key }) => key));
  return batch.filter(({ value }, i) => Buffer.compare(values[i] ?? new Uint8Array(), value) === 0)
    .length;
}

/** Yields the number behind that of the newest batch of which anything is in a store. */
export async function batchesIn(store: Store): Promise<number> {
  const range = { from: Uint8Array.of(LETTER), before: Uint8Array.of(LETTER + 1) };
  for await (const key of store.keys({ ...range, isReversed: true, limit: 1 })) {
    return new DataView(key.buffer, key.byteOffset).getUint32(1) + 1;
  }
  return 0;
}

/**
 * Writes batch after batch behind those that are there, until it is killed.
 *
 * Each is told to the parent as it begins; the next one waits for the parent's answer.
 */
export async function writeForever(store: Store): Promise<never> {
  let done = (await batchesIn(store)) - 1;
  for (;;) {
    const batch = batchOf(done + 1);
    const answer = once(process, "message");
    await tell({ begun: done + 1, done });
    await store.write(batch);
    done++;
    await answer;
  }
}

function tell(news: WriterNews): Promise<void> {
  return new Promise((resolve) => {
    process.send?.(news, undefined, undefined, () => {
      resolve();
    });
  });
}
