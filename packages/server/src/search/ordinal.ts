import { damaged } from "./damage.js";

/** Most bytes of a number up to 2^53 - 1. */
const MAX_BYTES = 7;

/** A number that was read, and where what comes behind it begins. */
export interface ReadOrdinal {
  readonly value: number;
  readonly end: number;
}

/**
 * Encodes a number up to 2^53 - 1 so that bytes are ordered as numbers are: how many bytes it takes, in
 * one, and those bytes, big-endian and without a zero in front.
 */
export function encodeOrdinal(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`number ${value}`);
  let length = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) length++;
  const bytes = new Uint8Array(1 + length);
  bytes[0] = length;
  for (let at = length, rest = value; at > 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/**
 * Decodes the number at an offset.
 *
 * @throws LogError `LOG_CORRUPT` for what {@link encodeOrdinal} does not yield
 */
export function decodeOrdinal(bytes: Uint8Array, offset: number): ReadOrdinal {
  const length = bytes[offset] ?? MAX_BYTES + 1;
  const end = offset + 1 + length;
  if (length > MAX_BYTES || end > bytes.length) throw damaged("a number");
  let value = 0;
  for (let at = offset + 1; at < end; at++) value = value * 256 + (bytes[at] ?? 0);
  if (!Number.isSafeInteger(value) || (length > 0 && bytes[offset + 1] === 0)) {
    throw damaged("a number");
  }
  return { value, end };
}
