import { crc32c } from "./checksum.js";
import { LogError } from "./error.js";
import type { KeyRange, Row } from "./store.js";

/**
 * The kinds of row, by the first byte of their keys. Numbers in keys are big-endian, so that rows of
 * one kind stand in their order.
 *
 *     m              meta
 *     h              head
 *     b | N          entry bundle N, one row, replaced while it is partial
 *     t | L | N      tile N of tile level L, likewise
 *     d | digest     index of the entry, and its collateral
 *     s | index      body of the entry
 *     c | size       kept checkpoint of that size, and the link to the one before
 *     p | index      control entry at that index, and the index of the one before
 *     f              why and when the log was closed to entries for good
 *     v              how far the scrub has got
 *
 * Opening refuses a schema it does not know, so a new kind that older versions must not overlook
 * raises the schema number.
 */
export const KIND = {
  meta: "m",
  head: "h",
  bundle: "b",
  tile: "t",
  digest: "d",
  body: "s",
  checkpoint: "c",
  control: "p",
  frozen: "f",
  scrub: "v",
} as const;

/** One letter of {@link KIND}. */
export type Kind = (typeof KIND)[keyof typeof KIND];

/** Bytes of a number in a key or a record. */
export const NUMBER_BYTES = 8;

const CRC_BYTES = 4;
const DIGEST_BYTES = 32;

// Bytes of a key after its first.
const REST_BYTES: Readonly<Record<string, number>> = {
  meta: 0,
  head: 0,
  bundle: NUMBER_BYTES,
  tile: 1 + NUMBER_BYTES,
  digest: DIGEST_BYTES,
  body: NUMBER_BYTES,
  checkpoint: NUMBER_BYTES,
  control: NUMBER_BYTES,
  frozen: 0,
  scrub: 0,
};
const WORD = 2 ** 32;

export const META_KEY: Uint8Array = keyOf(KIND.meta);
export const HEAD_KEY: Uint8Array = keyOf(KIND.head);
export const FROZEN_KEY: Uint8Array = keyOf(KIND.frozen);
export const SCRUB_KEY: Uint8Array = keyOf(KIND.scrub);

/** Yields the key of entry bundle `index`. */
export function bundleKey(index: number): Uint8Array {
  return keyOf(KIND.bundle, encodeNumber(index));
}

/** Yields the key of a hash tile. */
export function tileKey(tile: { readonly level: number; readonly index: number }): Uint8Array {
  return keyOf(KIND.tile, Uint8Array.of(tile.level), encodeNumber(tile.index));
}

/** Yields the key under which an entry's index stands. */
export function digestKey(entry: Uint8Array): Uint8Array {
  return keyOf(KIND.digest, entry);
}

/** Yields the key of the body of the entry at an index. */
export function bodyKey(index: number): Uint8Array {
  return keyOf(KIND.body, encodeNumber(index));
}

/** Yields the key of the kept checkpoint of a size. */
export function checkpointKey(size: number): Uint8Array {
  return keyOf(KIND.checkpoint, encodeNumber(size));
}

/** Yields the key of the control entry at an index. */
export function controlKey(index: number): Uint8Array {
  return keyOf(KIND.control, encodeNumber(index));
}

/** Yields the range of all rows of one kind. */
export function kindRange(kind: Kind): KeyRange {
  const from = keyOf(kind);
  return { from, before: Uint8Array.of((from[0] ?? 0) + 1) };
}

/** Yields the range of the rows of one kind whose keys are `key` or greater. */
export function rangeFrom(kind: Kind, key: Uint8Array): KeyRange {
  return { ...kindRange(kind), from: key };
}

/** Every key that a store can hold. */
export const ALL_KEYS: KeyRange = { from: new Uint8Array(), before: Uint8Array.of(0xff) };

/** Yields the number at the end of a bundle, tile, body, checkpoint or control key. */
export function numberOfKey(key: Uint8Array): number {
  return decodeNumber(key, key.length - NUMBER_BYTES);
}

/**
 * Yields the row that stores a payload: payload, then the CRC32C of key and payload.
 *
 * The key is under the checksum because two intact values may have changed places.
 */
export function sealRow(key: Uint8Array, payload: Uint8Array): Row {
  const value = new Uint8Array(payload.length + CRC_BYTES);
  value.set(payload);
  putWord(value, payload.length, crc32c(key, payload));
  return { key, value };
}

/**
 * Yields the payload of a stored value, as a view on it.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function openRow({ key, value }: Row): Uint8Array {
  const length = value.length - CRC_BYTES;
  if (length < 0) throw new LogError("LOG_CORRUPT", `${formatKey(key)} is cut short`);
  const payload = value.subarray(0, length);
  const stored = new DataView(value.buffer, value.byteOffset + length).getUint32(0);
  if (crc32c(key, payload) !== stored) {
    throw new LogError("LOG_CORRUPT", `${formatKey(key)} does not match its checksum`);
  }
  return payload;
}

/** Yields the name of a row for messages: its kind, and its number or the first bytes of its digest. */
export function formatKey(key: Uint8Array): string {
  const letter = String.fromCharCode(key[0] ?? 0);
  const name = Object.entries(KIND).find(([, kind]) => kind === letter)?.[0];
  const rest = key.subarray(1);
  if (name === undefined || rest.length !== REST_BYTES[name])
    return `unknown row ${hexPrefix(key)}`;
  if (rest.length === 0) return name;
  if (rest.length === DIGEST_BYTES) return `${name} ${hexPrefix(rest)}`;
  return letter === KIND.tile
    ? `${name} ${rest[0] ?? 0}/${formatNumber(key)}`
    : `${name} ${formatNumber(key)}`;
}

// Numbers in damaged keys may be beyond what can be decoded, and must still be named.
function formatNumber(key: Uint8Array): string {
  const view = new DataView(key.buffer, key.byteOffset + key.length - NUMBER_BYTES, NUMBER_BYTES);
  return view.getBigUint64(0).toString();
}

/** Yields the first four bytes as hex, enough to find them again. */
export function hexPrefix(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Yields a size or index as eight bytes, big-endian. */
export function encodeNumber(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`number ${value}`);
  const bytes = new Uint8Array(NUMBER_BYTES);
  putWord(bytes, 0, Math.floor(value / WORD));
  putWord(bytes, 4, value % WORD);
  return bytes;
}

/**
 * Yields the eight-byte number at an offset.
 *
 * @throws {@link LogError} `LOG_CORRUPT` if it is cut short or no safe integer
 */
export function decodeNumber(bytes: Uint8Array, offset: number): number {
  if (offset < 0 || bytes.length < offset + NUMBER_BYTES) {
    throw new LogError("LOG_CORRUPT", `number cut short at ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, NUMBER_BYTES);
  const value = view.getUint32(0) * WORD + view.getUint32(4);
  if (!Number.isSafeInteger(value)) throw new LogError("LOG_CORRUPT", "number beyond 2^53");
  return value;
}

/**
 * Writes an unsigned 32-bit integer, big-endian. A DataView would have a short array leave the heap,
 * which takes longer than all that is done with it.
 */
export function putWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word >>> 24;
  bytes[offset + 1] = word >>> 16;
  bytes[offset + 2] = word >>> 8;
  bytes[offset + 3] = word;
}

/** Yields the parts as one array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Yields whether two byte strings are the same. */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function keyOf(kind: Kind, ...rest: readonly Uint8Array[]): Uint8Array {
  return concat(Uint8Array.of(kind.charCodeAt(0)), ...rest);
}
