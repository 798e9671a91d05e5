import { ClientError } from "./error.js";
import type { Refusal } from "./error.js";

/** First wait where the service names none, in milliseconds; doubled each time. */
const FIRST_BACKOFF_MS = 500;

/** Longest such wait. */
const MAX_BACKOFF_MS = 15_000;

/** Random share that is added to a wait the service names, so that clients spread out. */
const SPREAD_MS = 250;

/** How long a client goes on asking, and what it waits with. */
export interface PatienceOptions {
  readonly wait: (ms: number) => Promise<void>;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  /** Most waits in one call. */
  readonly maxRetries: number;
  /** Longest time spent waiting in one call, in milliseconds. */
  readonly patienceMs: number;
}

/** The waits of one call. */
export class Patience {
  readonly #options: PatienceOptions;
  #retries = 0;
  #waitedMs = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /**
   * Waits before the next attempt. S32: as long as `Retry-After` says and never shorter; else with
   * exponential backoff and jitter. Gives up when attempts or time run out, at once if the service
   * asks for more time than there is.
   *
   * @throws {@link ClientError} `CLIENT_UNAVAILABLE`
   */
  async pause(
    retryAfterMs: number | undefined,
    { reason, refusal }: { readonly reason: string; readonly refusal?: Refusal },
  ): Promise<void> {
    const { maxRetries, patienceMs, wait } = this.#options;
    const ms = this.#waitMs(retryAfterMs);
    if (this.#retries >= maxRetries || this.#waitedMs + ms > patienceMs) {
      const later = retryAfterMs === undefined ? "" : `, try again in ${toSeconds(retryAfterMs)} s`;
      throw new ClientError(
        "CLIENT_UNAVAILABLE",
        `${reason} after ${this.#retries} retries${later}`,
        refusal === undefined ? {} : { refusal },
      );
    }
    this.#retries += 1;
    this.#waitedMs += ms;
    await wait(ms);
  }

  #waitMs(retryAfterMs: number | undefined): number {
    const share = this.#options.random();
    if (retryAfterMs !== undefined) return Math.ceil(retryAfterMs + share * SPREAD_MS);
    const ms = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#retries);
    return Math.ceil(ms / 2 + (share * ms) / 2);
  }
}

/**
 * Parses `Retry-After` (RFC 9110 §10.2.3), seconds or a date, to milliseconds from `now`;
 * `undefined` when it is neither.
 */
export function parseRetryAfter(text: string | null, now: number): number | undefined {
  if (text === null) return undefined;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
