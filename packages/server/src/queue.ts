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
  // What of it came in batches.
  #batchEntries = 0;
  #batchBytes = 0;
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
    return this.#fits(bytes) ? this.#enter(bytes, false) : undefined;
  }

  /** Waits for room in the half of batches, behind who came before; yields the way to leave again. */
  room(bytes: number): Promise<() => void> {
    if (this.#waiting.length === 0 && this.#fitsBatch(bytes)) {
      return Promise.resolve(this.#enter(bytes, true));
    }
    return new Promise((enter) => {
      this.#waiting.push({ bytes, enter });
    });
  }

  // What is larger than the whole queue is let in when nothing else is there, or it could never be.
  #fits(bytes: number): boolean {
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#entries === 0) return true;
    return this.#entries < maxEntries && this.#bytes + bytes <= maxBytes;
  }

  #fitsBatch(bytes: number): boolean {
    const { maxEntries, maxBytes } = this.#limits;
    if (!this.#fits(bytes)) return false;
    if (this.#batchEntries === 0) return true;
    return this.#batchEntries < maxEntries / 2 && this.#batchBytes + bytes <= maxBytes / 2;
  }

  #enter(bytes: number, isBatch: boolean): () => void {
    this.#count(1, bytes, isBatch);
    let isHere = true;
    return () => {
      if (!isHere) return;
      isHere = false;
      this.#count(-1, -bytes, isBatch);
      this.#admitWaiting();
    };
  }

  #count(entries: number, bytes: number, isBatch: boolean): void {
    this.#entries += entries;
    this.#bytes += bytes;
    if (!isBatch) return;
    this.#batchEntries += entries;
    this.#batchBytes += bytes;
  }

  #admitWaiting(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || !this.#fitsBatch(next.bytes)) return;
      this.#waiting.shift();
      next.enter(this.#enter(next.bytes, true));
    }
  }
}
