import { concatBytes, digest } from "@tallystick/cose";
import { MENTION_KINDS, MENTION_ROLES } from "@tallystick/content";
import type { MentionKind, MentionRole, Mentions } from "@tallystick/content";
import { openRow } from "@tallystick/log";
import type { KeyRange, Row, RowBlock, Store } from "@tallystick/log";

import { damaged } from "./damage.js";
import { decodeOrdinal, encodeOrdinal } from "./ordinal.js";
import type { Stretch } from "./rows.js";

const [MENTION, PARTIAL] = ["A", "P"].map((letter) => new TextEncoder().encode(letter)) as [
  Uint8Array,
  Uint8Array,
];

const ENTRY_BYTES = 32;

/**
 * First bytes of a digest that are the key of a mention: nobody finds another one with the key of
 * something that is looked for, which would take 2^128 tries. Two of one's own choice that have the same
 * take 2^64, and would only be found for one another.
 */
const MENTION_BYTES = 16;

/** The first bytes of what a key is the digest of, which no other digest here begins with. */
const DOMAIN: Uint8Array = new TextEncoder().encode("tallystick-mention/1\0");

/** Something that is looked for in what statements say, in the form of `mentionForm`. */
export interface SoughtMention {
  readonly kind: MentionKind;
  readonly value: string;
}

/** What a statement speaks of, as an index keeps it. */
export interface MentionKeys {
  readonly keys: readonly {
    /** 16 bytes. */
    readonly key: Uint8Array;
    /** A bit for each role, the first of them the lowest. */
    readonly roles: number;
  }[];
  /** Whether that is all that it speaks of; see `Mentions` of `@tallystick/content`. */
  readonly isWhole: boolean;
}

const utf8 = new TextEncoder();

// Reused by every call: nothing in it outlives the call, and arrays of its own cost more than the hash.
const input = new Uint8Array(512);
input.set(DOMAIN);

/**
 * Yields the key of a mention: the first 16 bytes of the SHA-256 of the domain, the number of its kind
 * and its value in UTF-8.
 */
export function mentionKey({ kind, value }: SoughtMention): Uint8Array {
  return digest("sha-256", preimageOf(kind, value)).subarray(0, MENTION_BYTES);
}

function preimageOf(kind: MentionKind, value: string): Uint8Array {
  const at = DOMAIN.length;
  const number = MENTION_KINDS.indexOf(kind);
  input[at] = number;
  const { read, written } = utf8.encodeInto(value, input.subarray(at + 1));
  if (read === value.length) return input.subarray(0, at + 1 + written);
  return concatBytes([DOMAIN, Uint8Array.of(number), utf8.encode(value)]);
}

/** Yields what a statement speaks of as an index keeps it. */
export function mentionKeysOf({ list, isWhole }: Mentions): MentionKeys {
  const keys = list.map((mention) => ({ key: mentionKey(mention), roles: bitsOf(mention.roles) }));
  return { keys, isWhole };
}

/** An entry, and where it is in the log. */
export interface EntryPlace {
  readonly index: number;
  /** 32 bytes. */
  readonly entry: Uint8Array;
}

/** Makes the rows by which an entry is found by what it speaks of, in a block. */
export function mentionRows(
  block: RowBlock,
  { index, entry }: EntryPlace,
  { keys, isWhole }: MentionKeys,
): readonly Row[] {
  const number = encodeOrdinal(index);
  const rows = keys.map(({ key, roles }) =>
    block.seal([MENTION, key, number], [Uint8Array.of(roles >> 8, roles & 0xff)]),
  );
  return isWhole ? rows : [...rows, block.seal([PARTIAL, number], [entry])];
}

function mentionRowKey(key: Uint8Array, index: number): Uint8Array {
  return concatBytes([MENTION, key, encodeOrdinal(index)]);
}

function partialRowKey(index: number): Uint8Array {
  return concatBytes([PARTIAL, encodeOrdinal(index)]);
}

/** Reads what statements speak of, each row that it opens held against its checksum. */
export class MentionRows {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Yields the first indexes of a stretch whose entries speak of what has this key. */
  listed(key: Uint8Array, { from, before, limit }: Stretch): Promise<readonly number[]> {
    const range = { from: mentionRowKey(key, from), before: mentionRowKey(key, before), limit };
    return this.#indexes(range, 1 + MENTION_BYTES);
  }

  /** Yields the first entries of a stretch that may speak of more than they are found by. */
  async partial({ from, before, limit }: Stretch): Promise<readonly EntryPlace[]> {
    const range = { from: partialRowKey(from), before: partialRowKey(before), limit };
    const indexes = await this.#indexes(range, 1);
    const keys = indexes.map(partialRowKey);
    const values = await this.#store.getMany(keys);
    return keys.map((key, i) => {
      const value = values[i];
      const entry = value && openRow({ key, value });
      if (entry?.length !== ENTRY_BYTES) throw damaged("a partial entry");
      return { index: indexes[i] ?? 0, entry };
    });
  }

  /** Yields as what the entries at indexes speak of it; `undefined` where they do not. */
  async rolesAt(
    key: Uint8Array,
    indexes: readonly number[],
  ): Promise<readonly (readonly MentionRole[] | undefined)[]> {
    const keys = indexes.map((index) => mentionRowKey(key, index));
    const values = await this.#store.getMany(keys);
    return keys.map((rowKey, i) => {
      const value = values[i];
      return value && rolesOf(openRow({ key: rowKey, value }));
    });
  }

  async #indexes(range: KeyRange, offset: number): Promise<readonly number[]> {
    const indexes: number[] = [];
    for await (const key of this.#store.keys(range)) indexes.push(decodeOrdinal(key, offset).value);
    return indexes;
  }
}

function bitsOf(roles: readonly MentionRole[]): number {
  return roles.reduce((bits, role) => bits | (1 << MENTION_ROLES.indexOf(role)), 0);
}

function rolesOf(payload: Uint8Array): readonly MentionRole[] {
  const [high, low] = payload;
  if (payload.length !== 2 || high === undefined || low === undefined) throw damaged("a mention");
  const bits = (high << 8) | low;
  return MENTION_ROLES.filter((_, place) => (bits & (1 << place)) !== 0);
}
