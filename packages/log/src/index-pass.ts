import { EntryLookup } from "./entry-lookup.js";
import { concat, digestKey, formatKey, HEAD_KEY, isEqual, KIND, kindRange } from "./layout.js";
import { decodeHead, decodePlacement } from "./record.js";
import { decodeStated } from "./stated.js";
import type { Survey } from "./survey.js";

/** How far a pass over the index rows has got, small enough to keep. */
export interface IndexMark {
  /** Of a tree whose entries were found to have their index rows. */
  readonly size: number;
  /** Rows below `size`, so far. */
  readonly count: number;
  /** Key of the row read last; none before the first. */
  readonly after: Uint8Array | undefined;
}

// Rows in one read.
const ROWS_AT_ONCE = 256;

interface Placed {
  readonly key: Uint8Array;
  readonly index: number;
}

/**
 * Looks for index rows that no entry accounts for: they would make a new entry look like a duplicate.
 *
 * Every entry below a size has its row, so there must be no more rows below that size than entries.
 * Counting them in the order of their keys is a tenth of the reading that looking each one up takes;
 * which rows are too many is left to {@link checkLog}. Rows beyond the size are looked up: they are
 * those of entries logged since, which are few.
 */
export class IndexPass {
  readonly #survey: Survey;
  // Owned by run.
  #mark: IndexMark;

  /** Reads the newest state of the store, not a pinned one. */
  constructor(survey: Survey, from: IndexMark) {
    this.#survey = survey;
    this.#mark = from;
  }

  /** Where a later pass can go on. */
  get mark(): IndexMark {
    return this.#mark;
  }

  /** Yields how many rows were read, a few at a time. */
  async *run(): AsyncIterable<number> {
    for (let keys = await this.#next(); keys.length > 0; keys = await this.#next()) {
      const { size, count } = this.#mark;
      const placed = await this.#read(keys);
      const beyond = placed.filter(({ index }) => index >= size);
      if (beyond.length > 0) await this.#lookUp(beyond);
      this.#mark = { size, count: count + placed.length - beyond.length, after: keys.at(-1) };
      yield keys.length;
    }
    this.#compare();
  }

  async #next(): Promise<readonly Uint8Array[]> {
    const { from, before } = kindRange(KIND.digest);
    const { after } = this.#mark;
    const start = after === undefined ? from : concat(after, Uint8Array.of(0));
    const keys: Uint8Array[] = [];
    const range = { from: start, before, limit: ROWS_AT_ONCE };
    for await (const key of this.#survey.keys(range)) keys.push(key);
    return keys;
  }

  async #read(keys: readonly Uint8Array[]): Promise<readonly Placed[]> {
    const payloads = await this.#survey.require(keys);
    return keys.flatMap((key, i) => {
      const payload = payloads[i];
      const placement = payload && this.#survey.decode(key, payload, decodePlacement);
      return placement === undefined ? [] : [{ key, index: placement.index }];
    });
  }

  async #lookUp(rows: readonly Placed[]): Promise<void> {
    // Read after the rows, so it covers all that were written with it or before.
    const [payload] = await this.#survey.require([HEAD_KEY]);
    const head = payload && this.#survey.decode(HEAD_KEY, payload, decodeHead);
    const stated = head && this.#survey.decode(HEAD_KEY, head.checkpoint, decodeStated);
    if (stated === undefined) return;
    // One for each read: partial bundles grow meanwhile.
    const entries = new EntryLookup(this.#survey);
    for (const { key, index } of rows) {
      const logged = index < stated.size ? await entries.at(index) : undefined;
      if (logged !== undefined && isEqual(digestKey(logged), key)) continue;
      this.#survey.findings.add("unexpected", formatKey(key), "no such entry is logged");
    }
  }

  #compare(): void {
    const { size, count } = this.#mark;
    const { findings } = this.#survey;
    if (count > size) {
      findings.add("unexpected", "digest rows", `${count - size} more than there are entries`);
    } else if (count < size) {
      findings.add("missing", "digest rows", `${size - count} less than there are entries`);
    }
  }
}
