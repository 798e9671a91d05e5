import { concatBytes } from "@tallystick/cose";

/** Most answers that may be under way, or wait for the reader. */
const WINDOW = 1024;

/** How much of what is ready is given at once, in bytes. */
const CHUNK_BYTES = 65_536;

interface Slot {
  readonly done: Promise<void>;
  bytes: Uint8Array | undefined;
}

/**
 * The answers of one batch, in the order of what they answer, whichever is ready first. Bounded: who
 * adds waits until the reader has taken enough.
 */
export class Answers {
  // Owned by add and taken: what is not taken yet.
  #slots: Slot[] = [];
  // Owned by end.
  #isEnded = false;
  // Owned by abandon.
  readonly #abandoned = new AbortController();
  // Owned by #changed and #wake: who waits for anything to change.
  #waiting: (() => void)[] = [];

  /** Aborted once nobody takes any more. */
  get abandoned(): AbortSignal {
    return this.#abandoned.signal;
  }

  /** How many are under way or wait. */
  get count(): number {
    return this.#slots.length;
  }

  /** Resolves when there is room for one more: true, or false when nobody will take it any more. */
  async room(): Promise<boolean> {
    while (this.#slots.length >= WINDOW && !this.abandoned.aborted) await this.#changed();
    return !this.abandoned.aborted;
  }

  /** Adds the next answer, which must not reject; it is dropped where nobody takes any more. */
  add(answer: Promise<Uint8Array>): void {
    if (this.abandoned.aborted) return;
    const slot: Slot = {
      bytes: undefined,
      done: answer.then((bytes) => {
        slot.bytes = bytes;
      }),
    };
    this.#slots.push(slot);
    this.#wake();
  }

  /** Says that none comes any more. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /** Says that nobody takes any more; those that wait are dropped. */
  abandon(): void {
    this.#slots = [];
    this.#abandoned.abort();
    this.#wake();
  }

  /** Yields the answers, those that are ready together in one piece. */
  async *taken(): AsyncGenerator<Uint8Array, void, undefined> {
    while (!this.abandoned.aborted) {
      const [head] = this.#slots;
      if (head === undefined) {
        if (this.#isEnded) return;
        await this.#changed();
        continue;
      }
      await head.done;
      const ready = this.#ready();
      // They were dropped meanwhile.
      if (ready.length === 0) continue;
      yield concatBytes(ready);
      // Only now has the reader taken them.
      this.#slots.splice(0, ready.length);
      this.#wake();
    }
  }

  #ready(): readonly Uint8Array[] {
    const ready: Uint8Array[] = [];
    let length = 0;
    for (const { bytes } of this.#slots) {
      if (bytes === undefined || length > CHUNK_BYTES) break;
      ready.push(bytes);
      length += bytes.length;
    }
    return ready;
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
