import { encodeNumber } from "@tallystick/catalog";
import { concatBytes, digest } from "@tallystick/cose";
import { MENTION_KINDS, MENTION_ROLES } from "@tallystick/content";
import type { MentionKind, MentionRole, Mentions } from "@tallystick/content";
import { openRow, sealRow } from "@tallystick/log";
import type { Row, Store } from "@tallystick/log";

import { damaged, numberIn } from "./rows.js";
import type { Stretch } from "./rows.js";

const [MENTION, PARTIAL] = ["A", "P"].map((letter) => new TextEncoder().encode(letter)) as [
  Uint8Array,
  Uint8Array,
];

const ENTRY_BYTES = 32;

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
    /** 32 bytes. */
    readonly key: Uint8Array;
    /** A bit for each role, the first of them the lowest. */
    readonly roles: number;
  }[];
  /** Whether that is all that it speaks of; see `Mentions` of `@tallystick/content`. */
  readonly isWhole: boolean;
}

/** Yields the key of a mention: SHA-256 of the domain, the number of its kind and its value in UTF-8. */
export function mentionKey({ kind, value }: SoughtMention): Uint8Array {
  const kindByte = Uint8Array.of(MENTION_KINDS.indexOf(kind));
  const bytes = concatBytes([DOMAIN, kindByte, new TextEncoder().encode(value)]);
  return digest("sha-256", bytes);
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

/** Makes the rows by which an entry is found by what it speaks of. */
export function mentionRows(
  { index, entry }: EntryPlace,
  { keys, isWhole }: MentionKeys,
): readonly Row[] {
  const rows = keys.map(({ key, roles }) =>
    sealRow(mentionRowKey(key, index), Uint8Array.of(roles >> 8, roles & 0xff)),
  );
  return isWhole ? rows : [...rows, sealRow(partialRowKey(index), entry)];
}

function mentionRowKey(key: Uint8Array, index: number): Uint8Array {
  return concatBytes([MENTION, key, encodeNumber(index)]);
}

function partialRowKey(index: number): Uint8Array {
  return concatBytes([PARTIAL, encodeNumber(index)]);
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
    return this.#indexes(range);
  }

  /** Yields the first entries of a stretch that may speak of more than they are found by. */
  async partial({ from, before, limit }: Stretch): Promise<readonly EntryPlace[]> {
    const range = { from: partialRowKey(from), before: partialRowKey(before), limit };
    const indexes = await this.#indexes(range);
    const keys = indexes.map(partialRowKey);
    const values = await this.#store.getMany(keys);
    return keys.map((key, i) => {
      const value = values[i];
      const entry = value && openRow({ key, value });
      if (entry?.length !== ENTRY_BYTES) throw damaged("a partial entry");
      return { index: numberIn(key), entry };
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

  async #indexes(range: Parameters<Store["keys"]>[0]): Promise<readonly number[]> {
    const indexes: number[] = [];
    for await (const key of this.#store.keys(range)) indexes.push(numberIn(key));
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
