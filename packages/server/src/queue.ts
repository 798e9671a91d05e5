/** How many registrations may be under way, and how many bytes of statements. */
export interface QueueLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

interface Waiting {
  readonly bytes: number;
  readonly enter: (leave: () => void) => void;
}

/**
 * The registrations under way: from the moment a statement is whole until it is on the log or refused,
 * whether somebody still waits for the answer or not. Bounded by count and by bytes.
 *
 * Batches wait for room and use half of it, so that single registrations find the other half.
 */
export class RegistrationQueue {
  readonly #limits: QueueLimits;
  // Owned by #enter: what is under way.
  #entries = 0;
  #bytes = 0;
  // Owned by room and #leave; in order of arrival.
  readonly #waiting: Waiting[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** How many registrations are under way. */
  get entries(): number {
    return this.#entries;
  }

  /** How many bytes their statements have. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Yields the way to leave again, to be gone once; `undefined` where there is no room. */
  take(bytes: number): (() => void) | undefined {
    return this.#fits(bytes, 1) ? this.#enter(bytes) : undefined;
  }

  /** Waits for room in the half of batches, behind who came before; yields the way to leave again. */
  room(bytes: number): Promise<() => void> {
    if (this.#waiting.length === 0 && this.#fits(bytes, 2)) {
      return Promise.resolve(this.#enter(bytes));
    }
    return new Promise((enter) => {
      this.#waiting.push({ bytes, enter });
    });
  }

  // What is larger than the whole queue is let in when nothing else is there, or it could never be.
  #fits(bytes: number, share: number): boolean {
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#entries === 0) return true;
    return this.#entries < maxEntries / share && this.#bytes + bytes <= maxBytes / share;
  }

  #enter(bytes: number): () => void {
    this.#entries++;
    this.#bytes += bytes;
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#entries--;
      this.#bytes -= bytes;
      this.#admitWaiting();
    };
  }

  #admitWaiting(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || !this.#fits(next.bytes, 2)) return;
      this.#waiting.shift();
      next.enter(this.#enter(next.bytes));
    }
  }
}
