import { concatBytes, decodeCbor, encodeCbor, isCborArray } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { encodeNumber } from "@tallystick/catalog";
import type { ListState, Term } from "@tallystick/catalog";
import { MENTIONS_EDITION } from "@tallystick/content";
import { LogError, openRow, sealRow } from "@tallystick/log";
import type { KeyRange, Row, RowBlock, Store } from "@tallystick/log";

/**
 * First member of the state of a search index; another value is another format, or another edition of
 * what is read out of payloads.
 */
const FORMAT = `tallystick-search/4.${MENTIONS_EDITION}`;

const DIGEST_BYTES = 32;
const NUMBER_BYTES = 8;

const NULL = encodeCbor(null);
/** An array of five, and a digest as its first. */
const FACTS_HEAD = Uint8Array.of(0x85, 0x58, DIGEST_BYTES);
const WORD = 2 ** 32;

const [STATE, CHECKPOINT, ENTRY, KEY, LISTED, MEMBER] = ["S", "C", "E", "K", "L", "M"].map(
  (letter) => new TextEncoder().encode(letter),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

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
  /** How many terms are committed to. */
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

/** {@link EntryFacts} to be written: the entry, and texts in CBOR. */
export interface EncodedFacts {
  readonly entry: Uint8Array;
  readonly issuer: Uint8Array | undefined;
  readonly subject: Uint8Array | undefined;
  readonly contentType: Uint8Array | undefined;
  readonly payload: Uint8Array | undefined;
}

/** What the list of a term comes to, and the index of the newest entry in it. */
export interface KeyState {
  readonly list: ListState;
  readonly index: number;
}

/** An entry in the list of a term, and what the list comes to with it. */
export interface ListedRow {
  readonly entry: Uint8Array;
  readonly list: ListState;
}

export const STATE_KEY: Uint8Array = STATE;

/** Yields the key of the checkpoint of a size. */
export function checkpointRowKey(size: number): Uint8Array {
  return concatBytes([CHECKPOINT, encodeNumber(size)]);
}

/** Yields the key of the facts of an entry. */
export function entryRowKey(index: number): Uint8Array {
  return concatBytes([ENTRY, encodeNumber(index)]);
}

/** Yields the key of what the list of a term comes to. */
export function keyRowKey(term: Uint8Array): Uint8Array {
  return concatBytes([KEY, term]);
}

/** Yields the key of an entry in the list of a term. */
export function listedRowKey(term: Uint8Array, index: number): Uint8Array {
  return concatBytes([LISTED, term, encodeNumber(index)]);
}

/** Yields the range of the checkpoints of sizes above one. */
export function checkpointsAbove(size: number): KeyRange {
  return { from: checkpointRowKey(size + 1), before: behind(CHECKPOINT), limit: 1 };
}

/** Yields the range of a list from one index up to another. */
export function listedRange(term: Uint8Array, from: number, before: number): KeyRange {
  return { from: listedRowKey(term, from), before: listedRowKey(term, before) };
}

/** Yields the range of the committed terms whose first two bytes are from one number up to another. */
export function membersBetween(from: number, before: number): KeyRange {
  const at = (prefix: number): Uint8Array =>
    prefix > 0xffff
      ? behind(MEMBER)
      : concatBytes([MEMBER, Uint8Array.of(prefix >> 8, prefix & 0xff)]);
  return { from: at(from), before: at(before) };
}

/** Yields the number at the end of a row's key. */
export function numberIn(key: Uint8Array): number {
  return numberAt(key, key.length - NUMBER_BYTES);
}

/** Yields the term key in a row's key. */
export function termIn(key: Uint8Array): Uint8Array {
  return key.slice(1, 1 + DIGEST_BYTES);
}

/** Makes the row of the state. */
export function stateRow({ size, members, first, last, head }: IndexState): Row {
  const kept = head === undefined ? null : [head.entry, head.index, head.size, head.root];
  return sealRow(STATE, encodeCbor([FORMAT, size, members, first, last, kept]));
}

/** Makes the row that stands in the place of a state: whoever opens the index finds it damaged. */
export function condemnedRow(): Row {
  return sealRow(STATE, encodeCbor(["condemned"]));
}

/** Makes the rows of an index that are written together. */
export class RowMaker {
  readonly #block: RowBlock;

  constructor(block: RowBlock) {
    this.#block = block;
  }

  /** Makes the row of a checkpoint: its time. */
  checkpoint(size: number, time: number): Row {
    return this.#block.seal([CHECKPOINT, encodeNumber(size)], [encodeNumber(time)]);
  }

  /** Makes the row of the facts of an entry. */
  entry(index: number, facts: EncodedFacts): Row {
    const { entry, issuer = NULL, subject = NULL, contentType = NULL, payload = NULL } = facts;
    const parts = [FACTS_HEAD, entry, issuer, subject, contentType, payload];
    return this.#block.seal([ENTRY, encodeNumber(index)], parts);
  }

  /** Makes the row of what a list comes to. */
  key(term: Uint8Array, { list, index }: KeyState): Row {
    return this.#block.seal(
      [KEY, term],
      [encodeNumber(list.count), list.digest, encodeNumber(index)],
    );
  }

  /** Makes the row by which a term is among those that are committed to. */
  member(term: Uint8Array): Row {
    return this.#block.seal([MEMBER, term], []);
  }

  /** Makes the row of an entry in a list. */
  listed(term: Uint8Array, index: number, { entry, list }: ListedRow): Row {
    const payload = [entry, encodeNumber(list.count), list.digest];
    return this.#block.seal([LISTED, term, encodeNumber(index)], payload);
  }
}

/** Indexes from one on, up to another, and how many of them. */
export interface Stretch {
  readonly from: number;
  readonly before: number;
  readonly limit: number;
}

/** Reads the rows of a search index, each held against its checksum. */
export class SearchRows {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Yields the state; `undefined` where there is none of this format. */
  async state(): Promise<IndexState | undefined> {
    const [payload] = await this.#payloads([STATE]);
    if (payload === undefined) return undefined;
    const parts = listOf(payload, "state");
    const [format, size, members, first, last, head] = parts;
    if (format !== FORMAT) return undefined;
    const kept = isCborArray(head) ? head : undefined;
    return {
      ...{ size: countOf(size), members: countOf(members) },
      ...{ first: bytesOf(first), last: bytesOf(last) },
      head: kept && {
        ...{ entry: bytesOf(kept[0]), index: countOf(kept[1]) },
        ...{ size: countOf(kept[2]), root: bytesOf(kept[3]) },
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
      return { size: numberIn(key), time: numberAt(await this.#payload(key), 0) };
    }
    return undefined;
  }

  /** Yields the facts of the entries at indexes, in their order. */
  async facts(indexes: readonly number[]): Promise<readonly EntryFacts[]> {
    const payloads = await this.#payloads(indexes.map(entryRowKey));
    return payloads.map((payload, i) => factsOf(payload, indexes[i]));
  }

  /** Yields what the lists of terms come to; `undefined` for one that has no entries. */
  async keys(terms: readonly Uint8Array[]): Promise<readonly (KeyState | undefined)[]> {
    const payloads = await this.#payloads(terms.map(keyRowKey));
    return payloads.map((payload) => payload && keyStateOf(payload));
  }

  /** Yields the terms in a range of {@link membersBetween}, in the order of their keys. */
  async *terms(range: KeyRange): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const key of this.#store.keys(range)) yield termIn(key);
  }

  /** Yields the indexes in a list within a range of {@link listedRange}. */
  async *listed(range: KeyRange): AsyncGenerator<number, void, undefined> {
    for await (const key of this.#store.keys(range)) yield numberIn(key);
  }

  /** Yields entries of a list at indexes that are in it. */
  async listedRows(term: Uint8Array, indexes: readonly number[]): Promise<readonly ListedRow[]> {
    const payloads = await this.#payloads(indexes.map((index) => listedRowKey(term, index)));
    return payloads.map((payload) => {
      if (payload?.length !== 2 * DIGEST_BYTES + NUMBER_BYTES) throw damaged("a list");
      const entry = payload.slice(0, DIGEST_BYTES);
      const digest = payload.slice(DIGEST_BYTES + NUMBER_BYTES);
      return { entry, list: { count: numberAt(payload, DIGEST_BYTES), digest } };
    });
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

/** Yields the first indexes of a stretch that are in the list of a term. */
export async function listedIn(
  rows: SearchRows,
  term: Uint8Array,
  { from, before, limit }: Stretch,
): Promise<readonly number[]> {
  const indexes: number[] = [];
  for await (const index of rows.listed({ ...listedRange(term, from, before), limit })) {
    indexes.push(index);
  }
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

function keyStateOf(payload: Uint8Array): KeyState {
  if (payload.length !== 2 * NUMBER_BYTES + DIGEST_BYTES) throw damaged("a term");
  const digest = payload.slice(NUMBER_BYTES, NUMBER_BYTES + DIGEST_BYTES);
  const list = { count: numberAt(payload, 0), digest };
  return { list, index: numberAt(payload, NUMBER_BYTES + DIGEST_BYTES) };
}

function factsOf(payload: Uint8Array | undefined, index: number | undefined): EntryFacts {
  if (payload === undefined) throw damaged(`entry ${String(index)}`);
  const [entry, issuer, subject, contentType, digest] = listOf(payload, "an entry");
  return {
    ...{ entry: bytesOf(entry), issuer: textOf(issuer), payload: textOf(digest) },
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
  if (value instanceof Uint8Array && value.length === DIGEST_BYTES) return value;
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

/** Makes the error of an index that is not what it should be. */
export function damaged(what: string): LogError {
  return new LogError("LOG_CORRUPT", `the search index: ${what} is not as it was written`);
}

function behind(kind: Uint8Array): Uint8Array {
  return Uint8Array.of((kind[0] ?? 0) + 1);
}

function numberAt(bytes: Uint8Array, offset: number): number {
  if (offset < 0 || bytes.length < offset + NUMBER_BYTES) throw damaged("a number");
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, NUMBER_BYTES);
  return view.getUint32(0) * WORD + view.getUint32(4);
}
