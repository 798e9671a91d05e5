import { LogError } from "./error.js";
import type { NamedKeys } from "./keys.js";
import type { SequencedEntry } from "./sequenced.js";

/** An entry on its way into the log; the pool's own copy of what the caller handed in. */
export interface Submission {
  readonly entry: Uint8Array;
  readonly body: Uint8Array;
  readonly collateral: Uint8Array;
  readonly isControl: boolean;
  /** What a control entry names; the log's first key alone where undefined. */
  readonly receiptKeys?: NamedKeys;
  readonly precondition: Uint8Array | undefined;
  /** Seconds since the epoch. */
  readonly admittedAt: number | undefined;
  /** Goes before those that wait. */
  readonly isAgain?: boolean;
}

/** A submission with the one promise that all who submitted it wait on. */
export interface Pending {
  /** Lower-case hex of the entry. */
  readonly id: string;
  readonly submission: Submission;
  readonly outcome: Promise<SequencedEntry>;
  readonly resolve: (entry: SequencedEntry) => void;
  readonly reject: (error: LogError) => void;
}

/** How much may wait, and how much is taken at once. Bytes are those of bodies and collateral. */
export interface PoolLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/**
 * Entries that wait for the next round, first come first served. Bounded by count and by bytes, and
 * never holding one entry twice.
 *
 * Per-client fairness and eviction belong here, between `add` and `take`.
 */
export class Pool {
  readonly #limits: PoolLimits;
  // Owned by add and take; in order of arrival.
  readonly #waiting = new Map<string, Pending>();
  // Likewise, those that come again: they have waited once, and go first.
  readonly #again = new Map<string, Pending>();
  // Owned by add and take; the bytes of what waits.
  #bytes = 0;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** How much waits; bytes are those of bodies and collateral. */
  get load(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#count, bytes: this.#bytes };
  }

  /** Yields the waiting entry with this id, for a duplicate to join. */
  find(id: string): Pending | undefined {
    return this.#again.get(id) ?? this.#waiting.get(id);
  }

  /**
   * Queues an entry that is not waiting yet. An entry larger than the whole pool is let in when
   * nothing else waits, or it could never be. One that comes again goes before the others.
   *
   * @throws {@link LogError} `LOG_FULL`
   */
  add(id: string, submission: Submission): Pending {
    const bytes = bytesOf(submission);
    const { maxEntries, maxBytes } = this.#limits;
    if (this.#count >= maxEntries) {
      throw new LogError("LOG_FULL", `${this.#count} entries wait, limit ${maxEntries}`);
    }
    if (!this.isEmpty && this.#bytes + bytes > maxBytes) {
      throw new LogError("LOG_FULL", `${this.#bytes} bytes wait, limit ${maxBytes}`);
    }
    const pending = pendingFor(id, submission);
    (submission.isAgain === true ? this.#again : this.#waiting).set(id, pending);
    this.#bytes += bytes;
    return pending;
  }

  /**
   * Takes the next round's entries, at least one if any waits: up to the limits, in order, and a
   * control entry alone, so that everything before it was sequenced before it applied.
   */
  take(limits: PoolLimits): readonly Pending[] {
    const taken: Pending[] = [];
    let bytes = 0;
    for (const pending of [...this.#again.values(), ...this.#waiting.values()]) {
      bytes += bytesOf(pending.submission);
      const isOver = taken.length >= limits.maxEntries || bytes > limits.maxBytes;
      if (taken.length > 0 && (isOver || pending.submission.isControl)) break;
      taken.push(pending);
      if (pending.submission.isControl) break;
    }
    for (const { id, submission } of taken) {
      if (!this.#again.delete(id)) this.#waiting.delete(id);
      this.#bytes -= bytesOf(submission);
    }
    return taken;
  }

  get #count(): number {
    return this.#again.size + this.#waiting.size;
  }
}

function bytesOf({ body, collateral }: Submission): number {
  return body.length + collateral.length;
}

function pendingFor(id: string, submission: Submission): Pending {
  const { promise, resolve, reject } = deferred<SequencedEntry>();
  // Whoever appended sees the rejection; with nobody left waiting it must not end the process.
  promise.catch(() => undefined);
  return { id, submission, outcome: promise, resolve, reject };
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: LogError) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: LogError) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
