import type { CheckpointTime } from "./search-index.js";

/** Most that are kept; the index reads those before from the log. */
const MAX_KEPT = 4096;

/** Sizes above one, up to and with another. */
export interface SizeRange {
  readonly above: number;
  readonly upTo: number;
}

/**
 * The newest checkpoints as this process has published them, without a gap, for the index that follows
 * the log: read from the log, each is proven to be of its tree, which takes longer than the rest of a
 * small round.
 */
export class RecentCheckpoints {
  // Owned by saw and forget: ascending, all those of sizes above #above.
  #kept: CheckpointTime[] = [];
  #above: number;

  /** Begins behind the checkpoint of a size. */
  constructor(size: number) {
    this.#above = size;
  }

  /** How many are kept. */
  get count(): number {
    return this.#kept.length;
  }

  /** Takes note of the checkpoint that follows the one of the size `before`. */
  saw(checkpoint: CheckpointTime, before: number): void {
    const last = this.#kept.at(-1)?.size ?? this.#above;
    if (before === last && checkpoint.size > last) {
      this.#kept.push({ size: checkpoint.size, time: checkpoint.time });
      if (this.#kept.length > MAX_KEPT) this.#drop(MAX_KEPT / 2);
    } else if (checkpoint.size > last) {
      // One between them was not seen.
      [this.#kept, this.#above] = [[], checkpoint.size];
    }
  }

  /** Yields all checkpoints of a range of sizes; `undefined` where some of them may not be here. */
  within({ above, upTo }: SizeRange): readonly CheckpointTime[] | undefined {
    const last = this.#kept.at(-1)?.size ?? this.#above;
    if (above < this.#above || upTo > last) return undefined;
    return this.#kept.filter(({ size }) => size > above && size <= upTo);
  }

  /** Forgets those of sizes up to one, which are indexed. */
  forget(size: number): void {
    const from = this.#kept.findIndex((one) => one.size > size);
    this.#drop(from === -1 ? this.#kept.length : from);
  }

  #drop(count: number): void {
    this.#above = this.#kept.splice(0, count).at(-1)?.size ?? this.#above;
  }
}
