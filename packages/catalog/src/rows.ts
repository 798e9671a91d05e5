const CHUNK = 4096;

/** Rows of bytes of one width, in chunks, so that a million of them are some hundred objects. */
export class Rows {
  readonly #width: number;
  // Owned by push.
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(width: number) {
    this.#width = width;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a row of zeros and yields its number. */
  push(): number {
    if (this.#size % CHUNK === 0) this.#chunks.push(new Uint8Array(CHUNK * this.#width));
    return this.#size++;
  }

  /** Yields the bytes of a row: a view, which shows what becomes of it. */
  at(row: number): Uint8Array {
    const from = (row % CHUNK) * this.#width;
    const chunk = this.#chunks[Math.floor(row / CHUNK)] ?? new Uint8Array(from + this.#width);
    return chunk.subarray(from, from + this.#width);
  }
}

/** Numbers in a row, in chunks. */
export class Numbers {
  // Owned by set.
  readonly #chunks: Float64Array[] = [];

  /** Yields the number at a place, 0 where none was set. */
  at(place: number): number {
    return this.#chunks[Math.floor(place / CHUNK)]?.[place % CHUNK] ?? 0;
  }

  /** Sets the number at a place, which is at most one chunk behind all others. */
  set(place: number, value: number): void {
    const number = Math.floor(place / CHUNK);
    const chunk = this.#chunks[number] ?? new Float64Array(CHUNK);
    this.#chunks[number] = chunk;
    chunk[place % CHUNK] = value;
  }
}
