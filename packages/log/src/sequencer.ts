import { LogError, toLogError } from "./error.js";
import { isEqual } from "./layout.js";
import { type Pending, type Pool, type PoolLimits, type Submission } from "./pool.js";
import type { Reader } from "./reader.js";
import { type SequencedEntry, sequencedEntry } from "./sequenced.js";
import type { Published, View } from "./view.js";
import type { Writer } from "./writer.js";

/** How much one round takes: large enough to spread the sync, small enough to answer soon. */
const ROUND_LIMITS: PoolLimits = { maxEntries: 1024, maxBytes: 8 * 1024 * 1024 };

/** What {@link Sequencer} needs. */
export interface SequencerOptions {
  readonly pool: Pool;
  readonly reader: Reader;
  readonly writer: Writer;
  readonly published: Published;
  readonly onFatal: (error: LogError) => void;
}

/**
 * Turns submissions into entries of the log, round after round. A round starts at once when none is
 * under way; while it commits, the next one's entries collect in the pool.
 *
 * An entry gets one index however often and whenever it is submitted (I4): duplicates are looked for
 * in the pool, then in the round under way, then in the stored log, and the last look is taken inside
 * the round, when nothing else can be logging the same entry.
 */
export class Sequencer {
  readonly #pool: Pool;
  readonly #reader: Reader;
  readonly #writer: Writer;
  readonly #published: Published;
  readonly #onFatal: (error: LogError) => void;
  // Owned by #runRound: what it took from the pool, until all of it is answered.
  readonly #inFlight = new Map<string, Pending>();
  // Owned by #wake: the rounds under way, undefined when idle.
  #running: Promise<void> | undefined;
  // Owned by close.
  #isClosing = false;
  // Owned by #die: why nothing more can be appended, ever (I7).
  #fatal: LogError | undefined;

  constructor({ pool, reader, writer, published, onFatal }: SequencerOptions) {
    this.#pool = pool;
    this.#reader = reader;
    this.#writer = writer;
    this.#published = published;
    this.#onFatal = onFatal;
  }

  /**
   * Submits an entry and resolves once a durable, published checkpoint covers it.
   *
   * @throws {@link LogError} `LOG_FULL`, `LOG_CLOSING`, `LOG_UNAVAILABLE`, `LOG_PRECONDITION_FAILED`
   */
  async append(id: string, submission: Submission): Promise<SequencedEntry> {
    if (this.#fatal !== undefined) throw unavailable(this.#fatal);
    if (this.#isClosing) throw new LogError("LOG_CLOSING", "the log is closing");
    const known = this.#pending(id);
    if (known !== undefined) {
      const { entry, index, checkpoint } = await known.outcome;
      return sequencedEntry({ entry, index, checkpoint, isDuplicate: true });
    }
    const pending = this.#pool.add(id, submission);
    this.#wake();
    return pending.outcome;
  }

  /** Yields whether the entry waits or is in the round under way. */
  isPending(id: string): boolean {
    return this.#pending(id) !== undefined;
  }

  /** Refuses new entries and resolves once those already here are answered. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#running;
  }

  #pending(id: string): Pending | undefined {
    return this.#pool.find(id) ?? this.#inFlight.get(id);
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    // One turn, so that entries submitted in the same breath share the round.
    await Promise.resolve();
    while (!this.#pool.isEmpty) await this.#runRound(this.#pool.take(ROUND_LIMITS));
  }

  async #runRound(taken: readonly Pending[]): Promise<void> {
    for (const pending of taken) this.#inFlight.set(pending.id, pending);
    try {
      const unlogged = await this.#answerDuplicates(taken);
      // Between here and the indexes given in integrate nothing is awaited, so the control entry
      // that the preconditions are held against is the one in force at those indexes.
      const accepted = unlogged.filter((pending) => this.#meetsPrecondition(pending));
      if (accepted.length > 0) {
        const view = await this.#writer.integrate(accepted);
        this.#published.advance(view);
        // Point of no return: from here the checkpoint is public, and later ones must extend it.
        release(accepted, view); // T20: only now can a receipt be had
      }
    } catch (error) {
      this.#die(error, taken);
    } finally {
      this.#inFlight.clear();
    }
  }

  /** Answers those that the log has already, and yields the others. */
  async #answerDuplicates(taken: readonly Pending[]): Promise<readonly Pending[]> {
    const { view } = this.#published;
    const entries = taken.map(({ submission }) => submission.entry);
    const placements = await this.#reader.placements(view, entries);
    return taken.filter(({ submission, resolve }, i) => {
      const placement = placements[i];
      if (placement === undefined) return true;
      const { entry } = submission;
      const { index } = placement;
      resolve(sequencedEntry({ entry, index, checkpoint: view.signed, isDuplicate: true }));
      return false;
    });
  }

  #meetsPrecondition({ submission, reject }: Pending): boolean {
    const { precondition } = submission;
    const { entry } = this.#published.view.control;
    if (precondition === undefined || isEqual(precondition, entry)) return true;
    reject(new LogError("LOG_PRECONDITION_FAILED", "another control entry is in force"));
    return false;
  }

  #die(error: unknown, taken: readonly Pending[]): void {
    const cause = toLogError(error, "LOG_UNAVAILABLE", "round failed");
    const fatal = new LogError("LOG_UNAVAILABLE", cause.message, { cause });
    this.#fatal = fatal;
    for (const pending of taken) pending.reject(unavailable(fatal));
    while (!this.#pool.isEmpty) {
      for (const pending of this.#pool.take(ROUND_LIMITS)) pending.reject(unavailable(fatal));
    }
    // Not within the round: what the owner does about it, such as to end the process, is no part of it.
    queueMicrotask(() => {
      this.#onFatal(fatal);
    });
  }
}

function release(accepted: readonly Pending[], view: View): void {
  const first = view.size - accepted.length;
  accepted.forEach(({ submission, resolve }, i) => {
    const { entry } = submission;
    const checkpoint = view.signed;
    resolve(sequencedEntry({ entry, index: first + i, checkpoint, isDuplicate: false }));
  });
}

function unavailable(fatal: LogError): LogError {
  return new LogError("LOG_UNAVAILABLE", "the log stopped and must be opened again", {
    cause: fatal,
  });
}
