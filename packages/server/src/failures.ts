/** How long a failure is told, in milliseconds. */
const LIFETIME_MS = 600_000;

/** How many failures are told at a time, the newest ones. */
const MAX_FAILURES = 4096;

/** Longest reason that is kept. */
const MAX_REASON = 1000;

interface Failure {
  readonly reason: string;
  readonly until: number;
}

/** Why registrations failed that somebody may still ask for: bounded in time and in number. */
export class Failures {
  readonly #now: () => number;
  // Owned by remember and forget: by EntryID, the oldest first.
  readonly #failures = new Map<string, Failure>();

  /** Takes a clock in milliseconds that never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#failures.size;
  }

  remember(entryId: string, reason: string): void {
    const now = this.#now();
    this.#failures.delete(entryId);
    this.#failures.set(entryId, { reason: reason.slice(0, MAX_REASON), until: now + LIFETIME_MS });
    for (const [oldest, { until }] of this.#failures) {
      if (until > now && this.#failures.size <= MAX_FAILURES) return;
      this.#failures.delete(oldest);
    }
  }

  forget(entryId: string): void {
    this.#failures.delete(entryId);
  }

  /** Yields why the registration failed, `undefined` where that is not known. */
  reason(entryId: string): string | undefined {
    const failure = this.#failures.get(entryId);
    return failure === undefined || failure.until <= this.#now() ? undefined : failure.reason;
  }
}
