import { termKey } from "@tallystick/catalog";
import type { Term } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";

import type { EntryFacts, SearchRows } from "./rows.js";
import { listedRange } from "./rows.js";
import type { SearchIndex } from "./search-index.js";

/** What is looked for: all of it at once. */
export interface SearchQuery {
  readonly terms: readonly Term[];
  /** Earliest and latest time of registration, in seconds since the epoch. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Index of the first entry that is looked at, and of the first that is not any more. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  /** Most hits of a page. */
  readonly limit: number;
}

/** An entry that was looked for. */
export interface SearchHit {
  readonly index: number;
  readonly entryId: string;
  /** When it was registered: the time of the first checkpoint that covers it. */
  readonly time: number;
  readonly issuer: string;
  readonly subject: string | null;
  readonly contentType: string | null;
  readonly payload: string;
}

/** A part of what was found, in the order of the log. */
export interface SearchPage {
  /** How many entries of the log were searched: nothing is said of what comes behind. */
  readonly size: number;
  readonly hits: readonly SearchHit[];
  /** Where the next page begins; `null` behind the last one. */
  readonly next: number | null;
}

/** Most hits of a page. */
export const MAX_HITS = 1000;

/** Entries that are looked at for one page, whatever is found. */
const MAX_LOOKED_AT = 4096;

/** Characters of hits, and of all that is looked at, after which a page ends. */
const MAX_CHARACTERS = 262_144;
const MAX_CHARACTERS_LOOKED_AT = 8_388_608;

/** Entries that are read at a time. */
const CHUNK = 32;

/**
 * Yields a page of what an index has. Time and memory are bounded, whatever is asked: where much is
 * looked at and little found, the page is short, and `next` goes on.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function searchPage(index: SearchIndex, query: SearchQuery): Promise<SearchPage> {
  const { rows, size } = index;
  const range = await rangeOf(rows, query, size);
  const page = new Page(rows, query);
  let at = range.from;
  const scarcest = await scarcestOf(rows, query.terms);
  if (scarcest === null) return { size, hits: [], next: null };
  let lookedAt = 0;
  while (at < range.before) {
    const indexes = await nextOf(rows, scarcest, { from: at, before: range.before });
    if (indexes.length === 0) return { size, hits: page.hits, next: null };
    const facts = await rows.facts(indexes);
    for (const [i, one] of facts.entries()) {
      const next = indexes[i] ?? at;
      lookedAt++;
      if (page.isFull || lookedAt > MAX_LOOKED_AT) return { size, hits: page.hits, next };
      await page.look(next, one);
      at = next + 1;
    }
  }
  return { size, hits: page.hits, next: null };
}

interface IndexRange {
  readonly from: number;
  readonly before: number;
}

/** What has been found for a page. */
class Page {
  readonly hits: SearchHit[] = [];
  readonly #rows: SearchRows;
  readonly #query: SearchQuery;
  // Owned by look: the checkpoint of the newest hit, and the characters of all.
  #checkpoint: { readonly size: number; readonly time: number } = { size: 0, time: 0 };
  #characters = 0;
  // Owned by look: the characters of all that it was given.
  #lookedAt = 0;

  constructor(rows: SearchRows, query: SearchQuery) {
    this.#rows = rows;
    this.#query = query;
  }

  get isFull(): boolean {
    const isLong = this.#characters >= MAX_CHARACTERS || this.#lookedAt >= MAX_CHARACTERS_LOOKED_AT;
    return isLong || this.hits.length >= this.#query.limit;
  }

  async look(index: number, facts: EntryFacts): Promise<void> {
    const { issuer, subject = null, contentType = null } = facts;
    const length = issuer.length + (subject?.length ?? 0) + (contentType?.length ?? 0);
    this.#lookedAt += length;
    if (!this.#query.terms.every(({ kind, value }) => facts[kind] === value)) return;
    if (this.#checkpoint.size <= index) {
      this.#checkpoint = (await this.#rows.checkpointAbove(index)) ?? this.#checkpoint;
    }
    const { entry, payload } = facts;
    const [entryId, { time }] = [encodeHex(entry), this.#checkpoint];
    this.hits.push({ index, entryId, time, issuer, subject, contentType, payload });
    this.#characters += length;
  }
}

/** Yields the key of the term with the fewest entries; `undefined` without terms, `null` if one has none. */
async function scarcestOf(
  rows: SearchRows,
  terms: readonly Term[],
): Promise<Uint8Array | undefined | null> {
  const keys = terms.map(termKey);
  const states = await rows.keys(keys);
  let fewest = Infinity;
  let scarcest: Uint8Array | undefined;
  for (const [i, state] of states.entries()) {
    if (state === undefined) return null;
    if (state.list.count >= fewest) continue;
    fewest = state.list.count;
    scarcest = keys[i];
  }
  return scarcest;
}

async function nextOf(
  rows: SearchRows,
  term: Uint8Array | undefined,
  { from, before }: IndexRange,
): Promise<readonly number[]> {
  if (term === undefined) {
    return Array.from({ length: Math.min(CHUNK, before - from) }, (_, i) => from + i);
  }
  const indexes: number[] = [];
  for await (const index of rows.listed({ ...listedRange(term, from, before), limit: CHUNK })) {
    indexes.push(index);
  }
  return indexes;
}

// Times of checkpoints never go back (I6), so a range of times is one of indexes.
async function rangeOf(
  rows: SearchRows,
  { since, until, from = 0, before = Number.MAX_SAFE_INTEGER }: SearchQuery,
  size: number,
): Promise<IndexRange> {
  const first = since === undefined ? 0 : await firstAt(rows, size, (time) => time >= since);
  const end = until === undefined ? size : await firstAt(rows, size, (time) => time > until);
  return { from: Math.max(from, first), before: Math.min(before, end, size) };
}

/** Yields the first index whose checkpoint has a time that is so, as all later ones have; else the size. */
async function firstAt(
  rows: SearchRows,
  size: number,
  isSo: (time: number) => boolean,
): Promise<number> {
  let [low, high] = [0, size];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const checkpoint = await rows.checkpointAbove(middle);
    if (checkpoint === undefined || isSo(checkpoint.time)) high = middle;
    else low = Math.min(checkpoint.size, high);
  }
  return low;
}
