import { mentionsIn } from "@tallystick/content";
import type { Content, Mentions } from "@tallystick/content";
import type { SignedStatement } from "@tallystick/statement";

import { mentionKeysOf } from "./mention-rows.js";
import type { MentionKeys } from "./mention-rows.js";

/** Bytes of payloads that are read before others have a turn of the event loop. */
const TURN_BYTES = 4096;

/** What making the key of a mention, and its row, counts for. */
const KEY_BYTES = 64;

/** Milliseconds of reading that are made good together: a timer is no finer. */
const LEAST_REST_MS = 4;

/** The longest rest: a process that was stopped for hours did not read for hours. */
const LONGEST_REST_MS = 1000;

/** What a {@link PayloadReader} is made of. */
export interface PayloadReading {
  /** Whether others need the thread: reading then takes half of it at most. */
  readonly isShared?: boolean;
  readonly read?: (statement: SignedStatement, content: Content | undefined) => Mentions;
  /** Milliseconds. */
  readonly now?: () => number;
}

/**
 * Reads what statements speak of, without keeping the thread from others: they have a turn after each
 * payload that takes time, and where the thread is shared, as long as the reading took.
 */
export class PayloadReader {
  readonly #isShared: boolean;
  readonly #read: NonNullable<PayloadReading["read"]>;
  readonly #now: () => number;
  // Owned by #pause and #timed: since the last turn, and since the last rest.
  #bytes = 0;
  #owed = 0;
  // Owned by hurry and relax; what ends the rest under way is owned by #rest.
  #hurrying = 0;
  #wake: (() => void) | undefined;
  // Owned by end.
  #isEnded = false;

  constructor(reading: PayloadReading = {}) {
    const { isShared = false, read = mentionsIn, now = () => performance.now() } = reading;
    this.#isShared = isShared;
    this.#read = read;
    this.#now = now;
  }

  /** Whether nobody waits any more for what is read. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Yields what a statement is found by; `content` is its payload, where that has been read. */
  async keysOf(statement: SignedStatement, content?: Content): Promise<MentionKeys> {
    const mentions = this.#timed(() => this.#read(statement, content));
    await this.#pause(statement.payload?.length ?? 0);
    const keys = this.#timed(() => mentionKeysOf(mentions));
    await this.#pause(KEY_BYTES * keys.keys.length);
    return keys;
  }

  /** Yields what `make` makes of so many keys; that it took time is made good with the next statement. */
  seal<T>(count: number, make: () => T): T {
    this.#bytes += KEY_BYTES * count;
    return this.#timed(make);
  }

  /** Has it not rest until {@link PayloadReader.relax} is called as often, for somebody waits. */
  hurry(): void {
    this.#hurrying++;
    this.#wake?.();
  }

  /** Takes {@link PayloadReader.hurry} back. */
  relax(): void {
    this.#hurrying--;
  }

  /** Ends the rest under way, and has no other. */
  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  #timed<T>(act: () => T): T {
    const began = this.#now();
    const done = act();
    this.#owed += this.#now() - began;
    return done;
  }

  async #pause(bytes: number): Promise<void> {
    this.#bytes += bytes;
    if (!this.#isShared || this.#hurrying > 0 || this.#isEnded) this.#owed = 0;
    if (this.#owed >= LEAST_REST_MS) await this.#rest();
    else if (this.#bytes >= TURN_BYTES) await new Promise<void>((resolve) => setImmediate(resolve));
    else return;
    this.#bytes = 0;
  }

  async #rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(this.#owed, LONGEST_REST_MS));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
    this.#owed = 0;
  }
}
