import { MAX_HEAD_LAG, signHead } from "@tallystick/catalog";
import type { IndexedLog } from "@tallystick/catalog";
import type { Signer } from "@tallystick/cose";

import type { IndexProver } from "./prover.js";
import type { SearchIndex } from "./search-index.js";

/** When heads of the verifiable index are committed, and who signs them. */
export interface HeadOptions {
  /** Signs heads, and nothing else; the policy has to admit it as a key of the service's issuer. */
  readonly signer: Signer;
  /** Entries beside heads after which there is another head. */
  readonly everyEntries?: number | undefined;
  /** Seconds after which there is another head, if there is anything new. */
  readonly everySeconds?: number | undefined;
  /** Told when a head could not be registered; the next one is tried when it is due. */
  readonly onFailure?: (error: unknown) => void;
}

/** What heads are made of. */
export interface HeadParts {
  readonly index: Pick<SearchIndex, "size" | "extent" | "head">;
  readonly prover: Pick<IndexProver, "root">;
  readonly log: IndexedLog;
  readonly now: () => number;
  /** Size of the log by now. */
  readonly size: () => number;
  readonly register: (statement: Uint8Array) => Promise<unknown>;
  /** Has the index look whether there is more, and then {@link Heads.tick} called. */
  readonly wake: () => void;
}

/** Commits heads of the verifiable index to the log, as statements like any other. */
export class Heads {
  readonly #options: HeadOptions;
  readonly #parts: HeadParts;
  // Owned by commit.
  #committing: Promise<number | undefined> | undefined;
  // Owned by commit: up to where the log was when the last head was tried, and when that was.
  #tried = 0;
  #triedAt: number;
  // Owned by commit: whether the last one tried came to nothing, so that time alone makes another due.
  #isFailed = false;
  // Owned by commit: what the newest head on the log covers at most. One that covered less would make
  // every audit fail for good, and an index that is made anew has not read the newest one yet.
  #least: number;
  // Owned by stop.
  #isStopped = false;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: HeadOptions, parts: HeadParts) {
    this.#options = options;
    this.#parts = parts;
    this.#triedAt = parts.now();
    this.#least = parts.size();
    const { everySeconds } = options;
    if (everySeconds === undefined) return;
    this.#timer = setInterval(parts.wake, 1000 * everySeconds).unref();
  }

  /** Commits none by itself any more, and resolves once none is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#committing?.catch(() => undefined);
  }

  /** Commits a head if one is due; the index has to have caught up. Tells of failures, never throws. */
  async tick(): Promise<void> {
    if (this.#isStopped || this.#committing !== undefined || !this.#isDue()) return;
    try {
      await this.commit();
    } catch (error) {
      this.#options.onFailure?.(error);
    }
  }

  /**
   * Commits a head over all that is indexed, and yields the size that it covers; `undefined` where
   * nothing has come since the last one, or the index has not read what the log had at the start.
   *
   * @throws PolicyError, StatementError where the policy does not admit it; LogError
   */
  commit(): Promise<number | undefined> {
    this.#committing ??= this.#commit().finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  async #commit(): Promise<number | undefined> {
    const { index, prover, log, now, size: logged, register } = this.#parts;
    const { extent } = index;
    const { size } = extent;
    [this.#tried, this.#triedAt, this.#isFailed] = [size, now(), true];
    if (size < this.#least || size <= this.#covered()) return undefined;
    const root = await prover.root(extent);
    // Auditors take none that is further behind; the next one will not be.
    if (logged() - size > MAX_HEAD_LAG / 2) return undefined;
    const signed = await signHead(
      { size, root },
      { ...log, issuedAt: now() },
      this.#options.signer,
    );
    // Before the outcome is known: a registration that fails may be on the log all the same.
    this.#least = size;
    await register(signed);
    this.#isFailed = false;
    return size;
  }

  /** Yields up to where everything is in a head, or is the head itself. */
  #covered(): number {
    const { head } = this.#parts.index;
    return head === undefined ? 0 : head.index + 1;
  }

  #isDue(): boolean {
    const { everyEntries = Infinity, everySeconds = Infinity } = this.#options;
    const { index, now } = this.#parts;
    const covered = this.#covered();
    const since = Math.max(covered, this.#tried);
    if (index.size > since && index.size - since >= everyEntries) return true;
    const isNew = index.size > (this.#isFailed ? covered : since);
    return isNew && now() - this.#triedAt >= everySeconds;
  }
}
