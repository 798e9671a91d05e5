import { codec } from "./codec.js";
import { encodeHead, MAJOR, readHead } from "./head.js";
import { DEEPEST } from "./limits.js";
import { type CborMap, type CborValue, isCborArray, isCborMap } from "./value.js";

const TWO_POW_32 = 2 ** 32;
const TWO_POW_64 = 2n ** 64n;

// A float, and the only one ever given to cbor-x: it would write the integer -2^64 as a bignum tag.
const LOWEST = -(2 ** 64);
const LOWEST_FLOAT_INFO = 27;
const LOWEST_HEAD = encodeHead(MAJOR.negative, TWO_POW_64 - 1n);

const utf8 = new TextEncoder();

function checkText(text: string): string {
  // A lone surrogate has no UTF-8, and cbor-x would write it all the same.
  if (/\p{Surrogate}/u.test(text)) throw new TypeError("text with a lone surrogate");
  if (text.startsWith("\ufeff")) throw new TypeError("text that starts with a byte order mark");
  return text;
}

// The number or bigint for which cbor-x writes the shortest integer: it writes every bigint in
// eight bytes, and as a float each number that does not fit 32 bits.
function prepareInteger(value: number | bigint): number | bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new TypeError(`number ${value}, want a safe integer`);
  }
  if (value >= -TWO_POW_32 && value < TWO_POW_32) return Number(value);
  const integer = BigInt(value);
  if (integer === -TWO_POW_64) return LOWEST;
  if (integer < -TWO_POW_64 || integer >= TWO_POW_64) {
    throw new TypeError("integer beyond 64 bits");
  }
  return integer;
}

function encodeKey(key: number | bigint | string): Uint8Array {
  if (typeof key !== "string") {
    if (key === LOWEST) return LOWEST_HEAD;
    return key >= 0
      ? encodeHead(MAJOR.unsigned, key)
      : encodeHead(MAJOR.negative, -1n - BigInt(key));
  }
  const text = utf8.encode(checkText(key));
  const head = encodeHead(MAJOR.text, text.length);
  const bytes = new Uint8Array(head.length + text.length);
  bytes.set(head);
  bytes.set(text, head.length);
  return bytes;
}

/** Compares byte strings bytewise, a prefix first. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function prepareKey(key: unknown): number | bigint | string {
  if (typeof key === "string") return key;
  if (typeof key === "number" || typeof key === "bigint") return prepareInteger(key);
  throw new TypeError(`map key of type ${typeof key}`);
}

function prepareMap(map: CborMap, depth: number): Map<number | bigint | string, unknown> {
  const entries = Array.from(map, ([given, value]) => {
    const key = prepareKey(given);
    return { key, encoded: encodeKey(key), value: prepare(value, depth) };
  });
  // RFC 8949 §4.2.1: keys in the bytewise order of their encodings.
  entries.sort((a, b) => compareBytes(a.encoded, b.encoded));
  const sorted = new Map(entries.map(({ key, value }) => [key, value]));
  if (sorted.size !== map.size) throw new TypeError("map with the same key twice");
  return sorted;
}

function prepare(value: CborValue, depth: number): unknown {
  switch (typeof value) {
    case "undefined":
    case "boolean":
      return value;
    case "string":
      return checkText(value);
    case "number":
    case "bigint":
      return prepareInteger(value);
    default:
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return value;
  if (depth === DEEPEST) throw new TypeError(`nested over ${DEEPEST} deep`);
  if (isCborArray(value)) return Array.from(value, (element) => prepare(element, depth + 1));
  if (isCborMap(value)) return prepareMap(value, depth + 1);
  throw new TypeError("object that is no array, Map or Uint8Array");
}

// Puts the integer -2^64 where cbor-x wrote the float: both take nine bytes.
function restoreLowest(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) {
    const head = readHead(bytes, at);
    if (head.major === MAJOR.simple && head.info === LOWEST_FLOAT_INFO) {
      bytes.set(LOWEST_HEAD, at);
    }
    const isString = head.major === MAJOR.bytes || head.major === MAJOR.text;
    at = head.end + (isString ? Number(head.argument) : 0);
  }
}

/**
 * Encodes a value in the deterministic form of RFC 8949 §4.2.1: shortest heads, definite lengths,
 * map keys in the bytewise order of their encodings.
 *
 * Equal values give equal bytes, whatever the order of their maps and whether a safe integer is a
 * `number` or a `bigint`. The result is the caller's own copy. Throws `TypeError` for what has no
 * such form here: numbers that are not safe integers, integers beyond 64 bits, a key given twice
 * (`1` and `1n`), text with lone surrogates or a leading byte order mark, other objects, and
 * nesting over 256 deep.
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const bytes = new Uint8Array(codec.encode(prepare(value, 0)));
  restoreLowest(bytes);
  return bytes;
}
