const FIRST_BYTES = 16_384;

/**
 * Bytes that come in pieces, one behind the other. Takes up to twice what has come, however small the
 * pieces were; a single piece is not copied.
 */
export class Accumulator {
  // Owned by add and drop.
  #bytes: Uint8Array = new Uint8Array();
  #length = 0;
  #isOwn = false;

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    if (this.#length === 0) {
      this.#bytes = piece;
      this.#length = piece.length;
      this.#isOwn = false;
      return;
    }
    const length = this.#length + piece.length;
    if (!this.#isOwn || length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  /** Yields what has come, as a view. */
  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets the first `count` bytes; views that were given out stay as they are. */
  drop(count: number): void {
    this.#bytes = this.#bytes.subarray(count, this.#length);
    this.#length -= count;
    this.#isOwn = false;
  }

  #grow(length: number): void {
    const grown = new Uint8Array(Math.max(2 * length, FIRST_BYTES));
    grown.set(this.bytes());
    this.#bytes = grown;
    this.#isOwn = true;
  }
}
