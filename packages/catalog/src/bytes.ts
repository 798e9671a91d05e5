import { concatBytes, digest } from "@tallystick/cose";

/** Bytes of every digest here. */
export const DIGEST_BYTES = 32;

/** Bytes of a number. */
export const NUMBER_BYTES = 8;

const WORD = 2 ** 32;

// Reused by every call: nothing in it outlives the call, and an array of its own costs as much as a hash.
const input = new Uint8Array(256);

/** Yields the SHA-256 of the parts, one after the other. */
export function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > input.length) return digest("sha-256", concatBytes(parts));
  let at = 0;
  for (const part of parts) {
    input.set(part, at);
    at += part.length;
  }
  return digest("sha-256", input.subarray(0, length));
}

/** Yields an index or a count as eight bytes, big-endian. */
export function encodeNumber(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`number ${value}`);
  const bytes = new Uint8Array(NUMBER_BYTES);
  // Not through a DataView, for which so short an array has to leave the heap.
  for (let at = NUMBER_BYTES - 1, rest = value; rest > 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

/** Yields the eight-byte number at an offset, `NaN` beyond 2^53 - 1. */
export function decodeNumber(bytes: Uint8Array, offset: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, NUMBER_BYTES);
  const value = view.getUint32(0) * WORD + view.getUint32(4);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Yields whether two byte strings are the same. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Yields the bit of a digest at a depth, the first one at depth 0. */
export function bitAt(key: Uint8Array, depth: number): 0 | 1 {
  return (((key[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1) === 1 ? 1 : 0;
}
