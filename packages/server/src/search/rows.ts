import { EMPTY_LIST, extendList } from "@tallystick/catalog";
import type { ListState, ListedEntry, Term } from "@tallystick/catalog";
import { decodeCbor, encodeHex, isCborArray } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { MENTIONS_EDITION } from "@tallystick/content";
import { openRow } from "@tallystick/log";
import type { KeyRange, Store } from "@tallystick/log";

import { damaged } from "./damage.js";
import { decodeOrdinal } from "./ordinal.js";
import {
  ROW,
  checkpointsAbove,
  entryRowKey,
  listedIndexIn,
  listedRange,
  listedRowKey,
  sizeIn,
  termIn,
  termRowKey,
} from "./row-keys.js";
import type { ListedTerm } from "./row-keys.js";

/**
 * First member of the state of a search index; another value is another format, or another edition of
 * what is read out of payloads.
 */
export const SEARCH_FORMAT: `tallystick-search/5.${number}` = `tallystick-search/5.${MENTIONS_EDITION}`;

/**
 * Entries of a list from one whose row has what the list came to, to the next: so many rows at most are
 * read to know what it came to at an earlier size.
 */
export const CHAIN_EVERY = 8;

const DIGEST_BYTES = 32;
const NUMBER_BYTES = 8;

/** What the facts of an entry begin with: an array of five, and a digest as its first. */
export const FACTS_HEAD: Uint8Array = Uint8Array.of(0x85, 0x58, DIGEST_BYTES);
const WORD = 2 ** 32;

/** The newest head of the verifiable index on the log. */
export interface CommittedHead {
  /** 32 bytes. */
  readonly entry: Uint8Array;
  readonly index: number;
  /** How many entries it covers. */
  readonly size: number;
  readonly root: Uint8Array;
}

/** How far an index has got, and over which log. */
export interface IndexState {
  readonly size: number;
  /** How many terms have a list with a number. */
  readonly terms: number;
  /** How many of them are committed to. */
  readonly members: number;
  /** Entries at index 0 and `size - 1`, 32 bytes each. */
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  readonly head: CommittedHead | undefined;
}

/** What a statement is found by, and shown with. */
export interface EntryFacts {
  readonly entry: Uint8Array;
  readonly issuer: string;
  readonly subject: string | undefined;
  readonly contentType: string | undefined;
  /** In hexadecimal. */
  readonly payload: string;
}

/** The list of a term: its number, what it comes to, and the index of the newest entry in it. */
export interface TermState {
  /** In the order in which terms came, from 0 on. */
  readonly number: number;
  /** Without a digest where it is not committed to: that is 32 zero bytes. */
  readonly list: ListState;
  readonly index: number;
}

/** Indexes from one on, up to another, and how many of them. */
export interface Stretch {
  readonly from: number;
  readonly before: number;
  readonly limit: number;
}

/** Reads the rows of a search index, each held against its checksum if it has a value. */
export class SearchRows {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Yields the state; `undefined` where there is none of this format. */
  async state(): Promise<IndexState | undefined> {
    const [payload] = await this.#payloads([ROW.state]);
    if (payload === undefined) return undefined;
    const [format, size, terms, members, first, last, head] = listOf(payload, "state");
    if (format !== SEARCH_FORMAT) return undefined;
    const kept = isCborArray(head) ? head : undefined;
    return {
      ...{ size: countOf(size), terms: countOf(terms), members: countOf(members) },
      ...{ first: digestOf(first), last: digestOf(last) },
      head: kept && {
        ...{ entry: digestOf(kept[0]), index: countOf(kept[1]) },
        ...{ size: countOf(kept[2]), root: digestOf(kept[3]) },
      },
    };
  }

  /** Yields whether there are no rows at all. */
  async isEmpty(): Promise<boolean> {
    const all = { from: Uint8Array.of(0), before: Uint8Array.of(0xff), limit: 1 };
    for await (const _ of this.#store.keys(all)) return false;
    return true;
  }

  /** Yields the size and time of the first checkpoint above a size, `undefined` if there is none. */
  async checkpointAbove(size: number): Promise<{ size: number; time: number } | undefined> {
    for await (const key of this.#store.keys(checkpointsAbove(size))) {
      return { size: sizeIn(key), time: numberAt(await this.#payload(key), 0) };
    }
    return undefined;
  }

  /** Yields the facts of the entries at indexes, in their order. */
  async facts(indexes: readonly number[]): Promise<readonly EntryFacts[]> {
    const payloads = await this.#payloads(indexes.map(entryRowKey));
    return payloads.map((payload, i) => factsOf(payload, indexes[i]));
  }

  /**
   * Yields the entries at indexes, in their order, and nothing of what they are shown with.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async entries(indexes: readonly number[]): Promise<readonly ListedEntry[]> {
    const payloads = await this.#payloads(indexes.map(entryRowKey));
    return indexes.map((index, i) => ({ index, entry: entryIn(payloads[i], index) }));
  }

  /** Yields the lists of terms; `undefined` for one that has no entries. */
  async terms(terms: readonly ListedTerm[]): Promise<readonly (TermState | undefined)[]> {
    const payloads = await this.#payloads(terms.map(termRowKey));
    return payloads.map((payload) => payload && termStateOf(payload));
  }

  /** Yields the keys of terms in a range of `membersBetween`, in their order. */
  async *members(range: KeyRange): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const key of this.#store.keys(range)) yield termIn(key);
  }

  /** Yields the indexes within a range of `listedRange` or `payloadRange`. */
  async *listed(range: KeyRange): AsyncGenerator<number, void, undefined> {
    for await (const key of this.#store.keys(range)) yield listedIndexIn(key);
  }

  /**
   * Yields what a committed list came to at a size; `undefined` where it had no entries then.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async listAt(state: TermState, size: number): Promise<ListState | undefined> {
    if (state.index < size) return state.list;
    const newest = { ...listedRange(state.number, 0, size), isReversed: true, limit: CHAIN_EVERY };
    const indexes: number[] = [];
    for await (const index of this.listed(newest)) indexes.push(index);
    if (indexes.length === 0) return undefined;
    const values = await this.#store.getMany(indexes.map((at) => listedRowKey(state.number, at)));
    const links = values.map((value, i) =>
      linkIn(listedRowKey(state.number, indexes[i] ?? 0), value),
    );
    const from = links.findIndex((link) => link !== undefined);
    // One of so many has it.
    if (from === -1 && links.length === CHAIN_EVERY) throw damaged("a list");
    const behind = indexes.slice(0, from === -1 ? indexes.length : from).reverse();
    return (await this.entries(behind)).reduce(extendList, links[from] ?? EMPTY_LIST);
  }

  async #payload(key: Uint8Array): Promise<Uint8Array> {
    const [payload] = await this.#payloads([key]);
    if (payload === undefined) throw damaged("a row that is listed");
    return payload;
  }

  async #payloads(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await this.#store.getMany(keys);
    return keys.map((key, i) => {
      const value = values[i];
      return value && openRow({ key, value });
    });
  }
}

/** Makes the range of a list from one index up to another. */
export type RangeOf = (from: number, before: number) => KeyRange;

/** Yields the first indexes of a stretch that are in a list. */
export async function listedIn(
  rows: SearchRows,
  rangeOf: RangeOf,
  { from, before, limit }: Stretch,
): Promise<readonly number[]> {
  const indexes: number[] = [];
  for await (const index of rows.listed({ ...rangeOf(from, before), limit })) indexes.push(index);
  return indexes;
}

/** Yields whether an entry has all of the terms. */
export function hasAll(facts: EntryFacts, terms: readonly Term[]): boolean {
  return terms.every(({ kind, value }) => facts[kind] === value);
}

/** Yields the characters of what an entry is shown with whose length nobody bounds. */
export function charactersOf({ issuer, subject = "", contentType = "" }: EntryFacts): number {
  return issuer.length + subject.length + contentType.length;
}

function termStateOf(payload: Uint8Array): TermState {
  const number = decodeOrdinal(payload, 0);
  const count = decodeOrdinal(payload, number.end);
  const index = decodeOrdinal(payload, count.end);
  if (payload.length !== index.end + DIGEST_BYTES) throw damaged("a term");
  const list = { count: count.value, digest: payload.slice(index.end) };
  return { number: number.value, list, index: index.value };
}

function linkIn(key: Uint8Array, value: Uint8Array | undefined): ListState | undefined {
  if (value === undefined) throw damaged("a list");
  if (value.length === 0) return undefined;
  const payload = openRow({ key, value });
  const { value: count, end } = decodeOrdinal(payload, 0);
  if (payload.length !== end + DIGEST_BYTES) throw damaged("a list");
  return { count, digest: payload.slice(end) };
}

function entryIn(payload: Uint8Array | undefined, index: number): Uint8Array {
  const [start, end] = [FACTS_HEAD.length, FACTS_HEAD.length + DIGEST_BYTES];
  const isThere = payload !== undefined && payload.length > end;
  if (!isThere || FACTS_HEAD.some((byte, i) => payload[i] !== byte)) {
    throw damaged(`entry ${index}`);
  }
  return payload.slice(start, end);
}

function factsOf(payload: Uint8Array | undefined, index: number | undefined): EntryFacts {
  if (payload === undefined) throw damaged(`entry ${String(index)}`);
  const [entry, issuer, subject, contentType, digest] = listOf(payload, "an entry");
  return {
    ...{ entry: digestOf(entry), issuer: textOf(issuer), payload: encodeHex(bytesOf(digest)) },
    subject: subject === null ? undefined : textOf(subject),
    contentType: contentType === null ? undefined : textOf(contentType),
  };
}

function listOf(payload: Uint8Array, name: string): readonly CborValue[] {
  const value = decodeCbor(payload);
  if (isCborArray(value)) return value;
  throw damaged(name);
}

function bytesOf(value: CborValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw damaged("a digest");
}

function digestOf(value: CborValue | undefined): Uint8Array {
  const bytes = bytesOf(value);
  if (bytes.length === DIGEST_BYTES) return bytes;
  throw damaged("a digest");
}

function textOf(value: CborValue | undefined): string {
  if (typeof value === "string") return value;
  throw damaged("a text");
}

function countOf(value: CborValue | undefined): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw damaged("a number");
}

function numberAt(bytes: Uint8Array, offset: number): number {
  if (offset < 0 || bytes.length < offset + NUMBER_BYTES) throw damaged("a number");
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, NUMBER_BYTES);
  return view.getUint32(0) * WORD + view.getUint32(4);
}
