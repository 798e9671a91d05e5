import { encodeHead, MAJOR } from "./head.js";

const utf8 = new TextEncoder();

// A message is a handful of short heads, the same ones again and again. Only ever copied from.
const SHORT_HEADS: readonly (readonly Uint8Array[])[] = Array.from({ length: 8 }, (_, major) =>
  Array.from({ length: 256 }, (_item, argument) => encodeHead(major, argument)),
);

/** Yields a head, to be put in place; not the caller's to change. */
export function headOf(major: number, argument: number): Uint8Array {
  return SHORT_HEADS[major]?.[argument] ?? encodeHead(major, argument);
}

/** Yields head and content of a byte string, to be put in place. */
export function byteString(bytes: Uint8Array): readonly [Uint8Array, Uint8Array] {
  return [headOf(MAJOR.bytes, bytes.length), bytes];
}

/** Yields the parts one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Yields an unsigned integer in its shortest form (RFC 8949 §4.2.1); 0 \<= value \< 2^53. */
export function spliceUnsigned(value: number): Uint8Array {
  return encodeHead(MAJOR.unsigned, value);
}

/** Yields a byte string, head and all. */
export function spliceBytes(bytes: Uint8Array): Uint8Array {
  return concat(byteString(bytes));
}

/**
 * Yields a text string, head and all; that it is well-formed and begins with no byte order mark, as
 * decoded text does, is the caller's word.
 */
export function spliceText(text: string): Uint8Array {
  const bytes = utf8.encode(text);
  return concat([headOf(MAJOR.text, bytes.length), bytes]);
}

/** Yields an array of items that are encoded already; what they are is the caller's word. */
export function spliceArray(items: readonly Uint8Array[]): Uint8Array {
  return concat([headOf(MAJOR.array, items.length), ...items]);
}

/** Yields a map of keys and values that are encoded already, in the order given. */
export function spliceMap(entries: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
  return concat([headOf(MAJOR.map, entries.length), ...entries.flat()]);
}

/** Yields an array of byte strings. */
export function spliceByteStrings(strings: readonly Uint8Array[]): Uint8Array {
  const parts = [headOf(MAJOR.array, strings.length)];
  for (const string of strings) parts.push(headOf(MAJOR.bytes, string.length), string);
  return concat(parts);
}
