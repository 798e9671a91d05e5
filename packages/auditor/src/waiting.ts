import { COMMITTED_KINDS } from "@tallystick/catalog";

const DIGEST_BYTES = 32;
const RECORD_BYTES = 1 + DIGEST_BYTES * (1 + COMMITTED_KINDS.length);
const CHUNK = 4096;

/** An entry that is not in the index yet: its digest, and the keys that it is found by. */
export interface Waiting {
  readonly entry: Uint8Array;
  readonly keys: readonly Uint8Array[];
}

/** Entries that wait, first in first out, at some hundred bytes each. */
export class WaitingEntries {
  // Owned by push and shift. A record: how many keys, the entry, the keys.
  readonly #chunks: Uint8Array[] = [];
  // Records of the first chunk that are gone.
  #begin = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push({ entry, keys }: Waiting): void {
    if (keys.length > COMMITTED_KINDS.length) throw new TypeError(`${keys.length} keys`);
    const end = this.#begin + this.#size;
    if (end === this.#chunks.length * CHUNK) {
      this.#chunks.push(new Uint8Array(CHUNK * RECORD_BYTES));
    }
    const record = this.#record(this.#size);
    record[0] = keys.length;
    [entry, ...keys].forEach((digest, i) => {
      record.set(digest, 1 + i * DIGEST_BYTES);
    });
    this.#size++;
  }

  /** Takes the first one out; `undefined` where none waits. */
  shift(): Waiting | undefined {
    if (this.#size === 0) return undefined;
    const first = this.#at(0);
    this.#begin++;
    this.#size--;
    if (this.#begin === CHUNK) {
      this.#chunks.shift();
      this.#begin = 0;
    }
    return first;
  }

  /** Yields those that wait, in their order. */
  *[Symbol.iterator](): Generator<Waiting, void, undefined> {
    for (let place = 0; place < this.#size; place++) yield this.#at(place);
  }

  #at(place: number): Waiting {
    const record = this.#record(place);
    const digestAt = (i: number): Uint8Array =>
      record.slice(1 + i * DIGEST_BYTES, 1 + (i + 1) * DIGEST_BYTES);
    const keys = Array.from({ length: record[0] ?? 0 }, (_, i) => digestAt(i + 1));
    return { entry: digestAt(0), keys };
  }

  #record(place: number): Uint8Array {
    const at = this.#begin + place;
    const chunk = this.#chunks[Math.floor(at / CHUNK)] ?? new Uint8Array(CHUNK * RECORD_BYTES);
    const from = (at % CHUNK) * RECORD_BYTES;
    return chunk.subarray(from, from + RECORD_BYTES);
  }
}
