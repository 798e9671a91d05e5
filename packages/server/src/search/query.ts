import { termKey } from "@tallystick/catalog";
import type { Term } from "@tallystick/catalog";
import { decodeHex, encodeHex } from "@tallystick/cose";

import { MAX_COUNTED, MentionList } from "./mention-list.js";
import type { SpokenRole } from "./mention-list.js";
import type { SoughtMention } from "./mention-rows.js";
import { partialWithin } from "./partial.js";
import type { PartialEntry } from "./partial.js";
import { listedRange, payloadRange } from "./row-keys.js";
import { charactersOf, hasAll, listedIn } from "./rows.js";
import type { EntryFacts, RangeOf, SearchRows, Stretch } from "./rows.js";
import type { SearchIndex } from "./search-index.js";

/** What is looked for: all of it at once. */
export interface SearchQuery {
  readonly terms: readonly Term[];
  /** What statements speak of. */
  readonly mentions?: readonly SoughtMention[];
  /** Earliest and latest time of registration, in seconds since the epoch. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Index of the first entry that is looked at, and of the first that is not any more. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  /** Most hits of a page. */
  readonly limit: number;
}

/** Something that was looked for, and as what a statement speaks of it. */
export interface FoundMention extends SoughtMention {
  readonly as: readonly SpokenRole[];
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
  /** Where it was looked for by what it speaks of: each of that. */
  readonly mentions?: readonly FoundMention[];
}

/** A part of what was found, in the order of the log. */
export interface SearchPage {
  /** How many entries of the log were searched: nothing is said of what comes behind. */
  readonly size: number;
  readonly hits: readonly SearchHit[];
  /** Where the next page begins; `null` behind the last one. */
  readonly next: number | null;
  /**
   * Where it was looked for by what statements speak of: entries up to the next page that are no hits
   * and may be all the same, since not all that they speak of could be listed; 100 at most.
   */
  readonly partial?: readonly PartialEntry[];
  /** Beside `partial`: index from which a query names the others, `null` where there are no others. */
  readonly nextPartial?: number | null;
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
  // Once, for the index grows meanwhile: nothing is said of what is not in the range.
  const { size } = index;
  const range = { ...(await rangeOf(index.rows, query, size)), size };
  if ((query.mentions ?? []).length === 0) return pageOf(index, query, range);
  const page = await pageOf(index, query, range);
  const hits = new Set(page.hits.map((hit) => hit.index));
  const stretch = { from: range.from, before: page.next ?? range.before };
  return { ...page, ...(await partialWithin(index, { ...stretch, terms: query.terms, hits })) };
}

async function pageOf(
  { rows, mentions }: SearchIndex,
  query: SearchQuery,
  { size, ...range }: IndexRange & { readonly size: number },
): Promise<SearchPage> {
  const sought = (query.mentions ?? []).map((one) => new MentionList(mentions, rows, one));
  const page = new Page(rows, query);
  let at = range.from;
  const scarcest = await scarcestOf(rows, { terms: query.terms, sought, range });
  if (scarcest === null) return { size, hits: [], next: null };
  let lookedAt = 0;
  while (at < range.before) {
    const indexes = await scarcest({ from: at, before: range.before, limit: CHUNK });
    if (indexes.length === 0) return { size, hits: page.hits, next: null };
    const facts = await rows.facts(indexes);
    const spoken = await Promise.all(sought.map((list) => list.at(indexes, facts)));
    for (const [i, one] of facts.entries()) {
      const next = indexes[i] ?? at;
      lookedAt++;
      if (page.isFull || lookedAt > MAX_LOOKED_AT) return { size, hits: page.hits, next };
      await page.look(
        next,
        one,
        spoken.map((roles) => roles[i]),
      );
      at = next + 1;
    }
  }
  return { size, hits: page.hits, next: null };
}

interface IndexRange {
  readonly from: number;
  readonly before: number;
}

/** Yields the first indexes of a stretch that are in a list. */
type EntryList = (stretch: Stretch) => Promise<readonly number[]>;

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

  /** Looks at an entry; `spoken` is as what it speaks of each mention, `undefined` where it does not. */
  async look(
    index: number,
    facts: EntryFacts,
    spoken: readonly (readonly SpokenRole[] | undefined)[],
  ): Promise<void> {
    const { issuer, subject = null, contentType = null } = facts;
    const length = charactersOf(facts);
    this.#lookedAt += length;
    const mentions = this.#mentionsOf(spoken);
    if (mentions === undefined || !hasAll(facts, this.#query.terms)) return;
    if (this.#checkpoint.size <= index) {
      this.#checkpoint = (await this.#rows.checkpointAbove(index)) ?? this.#checkpoint;
    }
    const { entry, payload } = facts;
    const [entryId, { time }] = [encodeHex(entry), this.#checkpoint];
    const hit = { index, entryId, time, issuer, subject, contentType, payload };
    this.hits.push(spoken.length === 0 ? hit : { ...hit, mentions });
    this.#characters += mentions.reduce((sum, { value }) => sum + value.length, length);
  }

  #mentionsOf(
    spoken: readonly (readonly SpokenRole[] | undefined)[],
  ): readonly FoundMention[] | undefined {
    const mentions: FoundMention[] = [];
    for (const [i, sought] of (this.#query.mentions ?? []).entries()) {
      const as = spoken[i];
      if (as === undefined) return undefined;
      mentions.push({ ...sought, as });
    }
    return mentions;
  }
}

/** What one entry has to be in at once. */
interface Lists {
  readonly terms: readonly Term[];
  readonly sought: readonly MentionList[];
  readonly range: IndexRange;
}

/** Yields the list with the fewest entries, all entries where none is asked for; `null` if one has none. */
async function scarcestOf(
  rows: SearchRows,
  { terms, sought, range }: Lists,
): Promise<EntryList | null> {
  let fewest = Infinity;
  let scarcest: EntryList = everything;
  for (const term of terms) {
    const found = await listOf(rows, term, range);
    if (found === undefined) return null;
    if (found.count >= fewest) continue;
    fewest = found.count;
    scarcest = (stretch) => listedIn(rows, found.rangeOf, stretch);
  }
  for (const list of sought) {
    const count = await list.count(range);
    if (count === 0) return null;
    if (count >= fewest) continue;
    fewest = count;
    scarcest = (stretch) => list.listed(stretch);
  }
  return scarcest;
}

/** A list, and how many entries are in it, or were counted. */
interface CountedList {
  readonly count: number;
  readonly rangeOf: RangeOf;
}

/** Yields the list of a term; `undefined` where it has no entries. */
async function listOf(
  rows: SearchRows,
  { kind, value }: Term,
  range: IndexRange,
): Promise<CountedList | undefined> {
  if (kind === "payload") {
    const digest = decodeHex(value);
    const rangeOf: RangeOf = (from, before) => payloadRange(digest, from, before);
    const { length } = await listedIn(rows, rangeOf, { ...range, limit: MAX_COUNTED });
    return length === 0 ? undefined : { count: length, rangeOf };
  }
  const [state] = await rows.terms([{ kind, key: termKey({ kind, value }) }]);
  if (state === undefined) return undefined;
  const { number, list } = state;
  return { count: list.count, rangeOf: (from, before) => listedRange(number, from, before) };
}

function everything({ from, before, limit }: Stretch): Promise<readonly number[]> {
  const length = Math.min(limit, before - from);
  return Promise.resolve(Array.from({ length }, (_, i) => from + i));
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
