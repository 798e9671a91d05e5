import { AuditorError } from "./error.js";
import { bytesOf, readEntry } from "./entry.js";
import type { ReadEntry } from "./entry.js";
import type { SourceEntry } from "./source.js";

const MAX_ENTRIES = 128;
const MAX_BYTES = 8 * 1024 * 1024;

/** Entries that one policy decides on; where one could not be read, it is the last. */
export interface Batch {
  readonly entries: readonly ReadEntry[];
  readonly failure: AuditorError | undefined;
}

/** How entries are cut into batches. */
export interface BatchOptions {
  /** Index of the first entry of the stream. */
  readonly first: number;
  /** Index that reading begins at; what stands before it was read earlier. */
  readonly from: number;
  /** Index that reading ends before. */
  readonly before: number;
  readonly isControl: (entry: ReadEntry) => boolean;
}

/**
 * Cuts entries into batches, in order: a control entry ends one, as do many entries or bytes, so that
 * memory is bounded however large statements are.
 */
export async function* batchesOf(
  entries: AsyncIterable<SourceEntry>,
  { first, from, before, isControl }: BatchOptions,
): AsyncIterable<Batch> {
  let index = first;
  let waiting: ReadEntry[] = [];
  let bytes = 0;
  for await (const source of entries) {
    if (index >= before) break;
    if (index++ < from) continue;
    const entry = readOne(source, index - 1);
    if (entry instanceof AuditorError) {
      yield { entries: waiting, failure: entry };
      return;
    }
    waiting.push(entry);
    bytes += bytesOf(entry);
    if (waiting.length >= MAX_ENTRIES || bytes >= MAX_BYTES || isControl(entry)) {
      yield { entries: waiting, failure: undefined };
      waiting = [];
      bytes = 0;
    }
  }
  if (waiting.length > 0) yield { entries: waiting, failure: undefined };
}

function readOne(source: SourceEntry, index: number): ReadEntry | AuditorError {
  try {
    return readEntry(source, index);
  } catch (error) {
    if (error instanceof AuditorError) return error;
    throw error;
  }
}

/** Yields what another iterable does, and has the next item read while one is worked on. */
export async function* readAhead<T>(items: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = items[Symbol.asyncIterator]();
  const advance = (): Promise<IteratorResult<T, unknown>> => {
    const next = iterator.next();
    // Whoever takes it sees the rejection; where nobody does, it must not end the process.
    next.catch(() => undefined);
    return next;
  };
  try {
    for (let next = advance(); ;) {
      const result = await next;
      if (result.done === true) return;
      next = advance();
      yield result.value;
    }
  } finally {
    await iterator.return?.();
  }
}
