/** How often each client may do something. */
export interface RateOptions {
  /** In the long run; 0 for no limit. */
  readonly perSecond: number;
  /** At once, after a while without. */
  readonly burst: number;
  /** How many clients are remembered; the one that was quiet longest is forgotten first. */
  readonly maxClients: number;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/**
 * A limit on the rate of each client, in a bounded memory: one number for each, the time at which its
 * burst would be whole again.
 */
export class RateLimit {
  readonly #options: RateOptions;
  readonly #intervalMs: number;
  // Owned by #note: when each client's burst is whole again, the quiet ones first.
  readonly #wholeAt = new Map<string, number>();

  constructor(options: RateOptions) {
    this.#options = options;
    this.#intervalMs = 1000 / options.perSecond;
  }

  /** The limit in words, as a client is told it. */
  get text(): string {
    return `${this.#options.perSecond} requests per second`;
  }

  /** How many clients are remembered. */
  get clients(): number {
    return this.#wholeAt.size;
  }

  /** Counts one if the client may; else counts none and yields the milliseconds until it may. */
  take(client: string): number {
    const { waitMs, wholeAt } = this.#ask(client);
    if (waitMs === 0) this.#note(client, wholeAt);
    return waitMs;
  }

  /** Counts one in any case, and yields the milliseconds to wait before it is used. */
  book(client: string): number {
    const { waitMs, wholeAt } = this.#ask(client);
    this.#note(client, wholeAt);
    return waitMs;
  }

  #ask(client: string): { readonly waitMs: number; readonly wholeAt: number } {
    const { perSecond, burst, now } = this.#options;
    if (perSecond === 0) return { waitMs: 0, wholeAt: 0 };
    const time = now();
    const from = Math.max(time, this.#wholeAt.get(client) ?? 0);
    const waitMs = Math.max(0, from - time - (burst - 1) * this.#intervalMs);
    return { waitMs, wholeAt: from + this.#intervalMs };
  }

  #note(client: string, wholeAt: number): void {
    if (this.#options.perSecond === 0) return;
    this.#wholeAt.delete(client);
    this.#wholeAt.set(client, wholeAt);
    if (this.#wholeAt.size <= this.#options.maxClients) return;
    for (const quietest of this.#wholeAt.keys()) {
      this.#wholeAt.delete(quietest);
      return;
    }
  }
}
