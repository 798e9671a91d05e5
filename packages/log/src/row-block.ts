import { crc32c } from "./checksum.js";
import { putWord } from "./layout.js";
import type { Row } from "./store.js";

const BLOCK_BYTES = 65_536;
const CRC_BYTES = 4;

const NOTHING = new Uint8Array(0);

/** Larger rows have memory of their own, so that no block is left half empty. */
const MAX_ROW_BYTES = BLOCK_BYTES / 8;

/**
 * Seals rows as {@link sealRow} does, side by side in blocks of 64 KiB: for many small rows, an array of
 * its own for each key and value costs more than what is done with it. A row keeps its block in memory,
 * so it is for rows that are written and forgotten together.
 */
export class RowBlock {
  // Owned by #room.
  #block = new Uint8Array(0);
  #used = 0;

  /** Yields the row whose key and payload are these parts, one behind the other. */
  seal(key: readonly Uint8Array[], payload: readonly Uint8Array[]): Row {
    const keyBytes = lengthOf(key);
    const bytes = keyBytes + lengthOf(payload);
    const room = this.#room(bytes + CRC_BYTES);
    let at = 0;
    for (const part of key) at = put(room, part, at);
    for (const part of payload) at = put(room, part, at);
    putWord(room, bytes, crc32c(room.subarray(0, bytes)));
    return { key: room.subarray(0, keyBytes), value: room.subarray(keyBytes) };
  }

  /**
   * Yields the row whose key is these parts, and which has no value and so no checksum: for what is read
   * as a key alone, and held against something else.
   */
  bare(key: readonly Uint8Array[]): Row {
    const room = this.#room(lengthOf(key));
    let at = 0;
    for (const part of key) at = put(room, part, at);
    return { key: room, value: NOTHING };
  }

  #room(bytes: number): Uint8Array {
    if (bytes > MAX_ROW_BYTES) return new Uint8Array(bytes);
    if (this.#used + bytes > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
    }
    const room = this.#block.subarray(this.#used, this.#used + bytes);
    this.#used += bytes;
    return room;
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

function put(room: Uint8Array, part: Uint8Array, at: number): number {
  room.set(part, at);
  return at + part.length;
}
