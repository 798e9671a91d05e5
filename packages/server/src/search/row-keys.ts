import { isCommitted } from "@tallystick/catalog";
import type { TermKind } from "@tallystick/catalog";
import { concatBytes } from "@tallystick/cose";
import type { KeyRange } from "@tallystick/log";

import { decodeOrdinal, encodeOrdinal } from "./ordinal.js";

/** A kind whose lists are counted, and numbered; an entry of a payload is found by the digest itself. */
export type ListedKind = Exclude<TermKind, "payload">;

/** A term by its kind and its key. */
export interface ListedTerm {
  readonly kind: ListedKind;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const TERM_BYTES = 32;

/** First bytes of a payload's digest that are in a key; whoever finds an entry by them compares the rest. */
const PAYLOAD_BYTES = 8;

/** What the keys of rows begin with, by what is in them; `A` and `P` are those of mentions. */
export const ROW: Readonly<
  Record<"state" | "checkpoint" | "entry" | "committed" | "type" | "listed" | "payload", Uint8Array>
> = {
  state: letter("S"),
  checkpoint: letter("C"),
  entry: letter("E"),
  committed: letter("K"),
  type: letter("T"),
  listed: letter("L"),
  payload: letter("D"),
};

function letter(of: string): Uint8Array {
  return new TextEncoder().encode(of);
}

/** Yields the key of the checkpoint of a size. */
export function checkpointRowKey(size: number): Uint8Array {
  return concatBytes([ROW.checkpoint, encodeOrdinal(size)]);
}

/** Yields the key of the facts of an entry. */
export function entryRowKey(index: number): Uint8Array {
  return concatBytes([ROW.entry, encodeOrdinal(index)]);
}

/** Yields the first byte of the key of what the list of a term of a kind comes to. */
export function termLetter(kind: ListedKind): Uint8Array {
  return isCommitted(kind) ? ROW.committed : ROW.type;
}

/** Yields the key of what the list of a term comes to. */
export function termRowKey({ kind, key }: ListedTerm): Uint8Array {
  return concatBytes([termLetter(kind), key]);
}

/** Yields the key of an entry in the list with a number. */
export function listedRowKey(list: number, index: number): Uint8Array {
  return concatBytes([ROW.listed, encodeOrdinal(list), encodeOrdinal(index)]);
}

/** Yields what the entries of a payload have in their keys, out of its digest. */
export function payloadPart(digest: Uint8Array): Uint8Array {
  const part = new Uint8Array(PAYLOAD_BYTES);
  part.set(digest.subarray(0, PAYLOAD_BYTES));
  return part;
}

function payloadRowKey(digest: Uint8Array, index: number): Uint8Array {
  return concatBytes([ROW.payload, payloadPart(digest), encodeOrdinal(index)]);
}

/** Yields the range of the checkpoints of sizes above one. */
export function checkpointsAbove(size: number): KeyRange {
  return { from: checkpointRowKey(size + 1), before: behind(ROW.checkpoint), limit: 1 };
}

/** Yields the range of a list from one index up to another. */
export function listedRange(list: number, from: number, before: number): KeyRange {
  return { from: listedRowKey(list, from), before: listedRowKey(list, before) };
}

/** Yields the range of the entries that may have a payload, from one index up to another. */
export function payloadRange(digest: Uint8Array, from: number, before: number): KeyRange {
  return { from: payloadRowKey(digest, from), before: payloadRowKey(digest, before) };
}

/** Yields the range of the committed terms whose first two bytes are from one number up to another. */
export function membersBetween(from: number, before: number): KeyRange {
  const at = (prefix: number): Uint8Array =>
    prefix > 0xffff
      ? behind(ROW.committed)
      : concatBytes([ROW.committed, Uint8Array.of(prefix >> 8, prefix & 0xff)]);
  return { from: at(from), before: at(before) };
}

/**
 * Yields the size in the key of a checkpoint.
 *
 * @throws LogError `LOG_CORRUPT`
 */
export function sizeIn(key: Uint8Array): number {
  return decodeOrdinal(key, 1).value;
}

/**
 * Yields the index in the key of an entry in a list, or of one that may have a payload.
 *
 * @throws LogError `LOG_CORRUPT`
 */
export function listedIndexIn(key: Uint8Array): number {
  const isPayload = key[0] === ROW.payload[0];
  return decodeOrdinal(key, isPayload ? 1 + PAYLOAD_BYTES : decodeOrdinal(key, 1).end).value;
}

/** Yields the term key in the key of a row. */
export function termIn(key: Uint8Array): Uint8Array {
  return key.slice(1, 1 + TERM_BYTES);
}

function behind(kind: Uint8Array): Uint8Array {
  return Uint8Array.of((kind[0] ?? 0) + 1);
}
