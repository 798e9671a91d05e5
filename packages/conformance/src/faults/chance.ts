/** Repeatable choices: the same seed and purpose give the same ones, in the same order. */
export class Chance {
  // Owned by #next.
  #state: number;

  constructor(seed: number, purpose: string) {
    this.#state = seed >>> 0;
    for (const byte of new TextEncoder().encode(purpose)) {
      this.#state = Math.imul(this.#state ^ byte, 0x01000193) >>> 0;
    }
  }

  /** Yields an integer from 0 up to, but not including, `bound`. */
  below(bound: number): number {
    return Math.floor((this.#next() / 2 ** 32) * bound);
  }

  /** Yields one of them. */
  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)];
    if (item === undefined) throw new TypeError("nothing to pick from");
    return item;
  }

  /** Yields up to `count` of them, in their order. */
  sample<T>(list: readonly T[], count: number): readonly T[] {
    let wanted = Math.min(count, list.length);
    return list.filter((_, i) => {
      const isTaken = this.below(list.length - i) < wanted;
      if (isTaken) wanted--;
      return isTaken;
    });
  }

  /** Yields bytes that no compressor shortens. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#next();
    return bytes;
  }

  // mulberry32.
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
