import type { Arrivals } from "./arrivals.js";
import { LogError, toLogError } from "./error.js";
import type { KnownEntries } from "./known-entries.js";
import { isEqual } from "./layout.js";
import { type Pending, type Pool, type PoolLimits, type Submission } from "./pool.js";
import type { Reader } from "./reader.js";
import { type SequencedEntry, sequencedEntry } from "./sequenced.js";
import { type Space, spaceShortage } from "./space.js";
import { type ReaderStanding, refusalOf, type Standing } from "./standing.js";
import { type OnStep, reachStep } from "./step.js";
import type { Published, View } from "./view.js";
import type { Writer } from "./writer.js";

/** How much one round takes: large enough to spread the sync, small enough to answer soon. */
const ROUND_LIMITS: PoolLimits = { maxEntries: 1024, maxBytes: 8 * 1024 * 1024 };

/** What {@link Sequencer} needs. */
export interface SequencerOptions {
  readonly pool: Pool;
  readonly reader: Reader;
  readonly known: KnownEntries;
  /** None where nothing may be written: the standing is then a reader's. */
  readonly writer: Writer | undefined;
  readonly standing: Standing;
  readonly published: Published;
  readonly onFatal: (error: LogError) => void;
  readonly space?: Space | undefined;
  readonly arrivals?: Arrivals | undefined;
  readonly onStep?: OnStep | undefined;
}

interface Action {
  readonly run: () => Promise<void>;
  readonly reject: (error: LogError) => void;
}

/**
 * Turns submissions into entries of the log, round after round. A round starts at once when none is
 * under way and nothing is about to come; while it commits, the next one's entries collect in the pool.
 *
 * An entry gets one index however often and whenever it is submitted (I4): duplicates are looked for
 * in the pool, then in the round under way, then in the stored log, unless a filter in memory rules them
 * out, and the last look is taken inside the round, when nothing else can be logging the same entry.
 */
export class Sequencer {
  readonly #pool: Pool;
  readonly #reader: Reader;
  readonly #known: KnownEntries;
  readonly #published: Published;
  readonly #onFatal: (error: LogError) => void;
  readonly #space: Space | undefined;
  readonly #arrivals: Arrivals | undefined;
  readonly #onStep: OnStep | undefined;
  // Owned by freeze, which takes the writer away for good.
  #writer: Writer | undefined;
  #standing: Standing;
  // Owned by #runRound: what it took from the pool, until all of it is answered.
  readonly #inFlight = new Map<string, Pending>();
  // Owned by between and #run: what waits for the round under way to end.
  readonly #actions: Action[] = [];
  // Owned by #wake: the rounds under way, undefined when idle.
  #running: Promise<void> | undefined;
  // Owned by close.
  #isClosing = false;
  // Owned by #die: why nothing more can be appended, ever (I7).
  #fatal: LogError | undefined;

  constructor(options: SequencerOptions) {
    this.#pool = options.pool;
    this.#reader = options.reader;
    this.#known = options.known;
    this.#writer = options.writer;
    this.#standing = options.standing;
    this.#published = options.published;
    this.#onFatal = options.onFatal;
    this.#space = options.space;
    this.#arrivals = options.arrivals;
    this.#onStep = options.onStep;
  }

  /** How much waits for the next round. */
  get queue(): { readonly entries: number; readonly bytes: number } {
    return this.#pool.load;
  }

  /** Whether entries are taken. */
  get standing(): Standing {
    return this.#standing;
  }

  /**
   * Submits an entry and resolves once a durable, published checkpoint covers it.
   *
   * @throws {@link LogError} `LOG_FULL`, `LOG_CLOSING`, `LOG_UNAVAILABLE`, `LOG_SPACE_LOW`,
   * `LOG_PRECONDITION_FAILED`, `LOG_KEY_IN_USE`; the code of a reader's standing
   */
  async append(id: string, submission: Submission): Promise<SequencedEntry> {
    this.#requireOpen();
    if (this.#standing.kind === "reader") throw refusalOf(this.#standing);
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

  /**
   * Runs an action that no round overlaps, and yields what it yields. What it throws stops the log as
   * a failed round does, for it may have written; an action that only reads keeps its errors.
   *
   * @throws {@link LogError} `LOG_CLOSING`, `LOG_UNAVAILABLE`
   */
  async between<T>(act: () => Promise<T>): Promise<T> {
    this.#requireOpen();
    return new Promise<T>((resolve, reject) => {
      const run = async (): Promise<void> => {
        resolve(await act());
      };
      this.#actions.push({ run, reject });
      this.#wake();
    });
  }

  /**
   * Takes no entries any more, and no writer: those that wait are refused at once, those of a round
   * that has begun to commit are answered. Resolves once `write` has run.
   *
   * @throws {@link LogError} `LOG_CLOSING`, `LOG_UNAVAILABLE`
   */
  async freeze(standing: ReaderStanding, write: () => Promise<void>): Promise<void> {
    this.#requireOpen();
    this.#standing = standing;
    this.#writer = undefined;
    this.#rejectWaiting(refusalOf(standing));
    await this.between(write);
  }

  /** Refuses new entries and resolves once those already here are answered, and nothing is read. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#running !== undefined) await this.#running;
    await this.#known.stop();
  }

  #pending(id: string): Pending | undefined {
    return this.#pool.find(id) ?? this.#inFlight.get(id);
  }

  #wake(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Something may have come in after the last look and before this.
      if (this.#hasWork()) this.#wake();
    });
  }

  async #run(): Promise<void> {
    // One turn, so that entries submitted in the same breath share the round.
    await Promise.resolve();
    while (this.#hasWork()) {
      if (this.#actions.length === 0) await this.#arrivals?.settled();
      const action = this.#actions.shift();
      if (action === undefined) await this.#runRound(this.#pool.take(ROUND_LIMITS));
      else await this.#runAction(action);
    }
  }

  #hasWork(): boolean {
    return this.#actions.length > 0 || !this.#pool.isEmpty;
  }

  async #runAction({ run, reject }: Action): Promise<void> {
    try {
      await run();
    } catch (error) {
      reject(this.#die(error));
    }
  }

  async #runRound(taken: readonly Pending[]): Promise<void> {
    for (const pending of taken) this.#inFlight.set(pending.id, pending);
    try {
      const unlogged = await this.#answerDuplicates(taken);
      const shortage = unlogged.length > 0 ? await spaceShortage(this.#space) : undefined;
      const refusal = this.#standing.kind === "reader" ? refusalOf(this.#standing) : shortage;
      if (refusal !== undefined) {
        for (const { reject } of unlogged) reject(refusal);
        return;
      }
      // Between here and the indexes given in integrate nothing is awaited, so the control entry
      // that the preconditions are held against is the one in force at those indexes.
      const accepted = unlogged.filter(
        (pending) => this.#meetsPrecondition(pending) && this.#keepsKey(pending),
      );
      if (accepted.length > 0 && this.#writer !== undefined) {
        const before = this.#published.view;
        const view = await this.#writer.integrate(accepted);
        this.#published.advance(view);
        this.#known.add(
          accepted.map(({ submission }) => submission.entry),
          view,
        );
        // Point of no return: from here the checkpoint is public, and later ones must extend it.
        await reachStep(this.#onStep, "published", view.size);
        // What cannot be read now is reported by whoever needs it.
        await this.#reader.warm(before, view).catch(() => undefined);
        release(accepted, view); // T20: only now can a receipt be had
        await reachStep(this.#onStep, "released", view.size);
      }
    } catch (error) {
      const fatal = this.#die(error);
      for (const pending of taken) pending.reject(fatal);
    } finally {
      this.#inFlight.clear();
    }
  }

  /** Answers those that the log has already, and yields the others. */
  async #answerDuplicates(taken: readonly Pending[]): Promise<readonly Pending[]> {
    const { view } = this.#published;
    const entries = taken.map(({ submission }) => submission.entry);
    const suspects = entries.filter((entry) => this.#known.mayHave(entry));
    if (suspects.length === 0) return taken;
    const found = await this.#reader.placements(view, suspects);
    const placements = new Map(suspects.map((entry, i) => [entry, found[i]]));
    return taken.filter(({ submission, resolve }) => {
      const placement = placements.get(submission.entry);
      if (placement === undefined) return true;
      const { entry } = submission;
      const { index } = placement;
      resolve(sequencedEntry({ entry, index, checkpoint: view.signed, isDuplicate: true }));
      return false;
    });
  }

  #meetsPrecondition({ id, submission, reject }: Pending): boolean {
    const { control, signed } = this.#published.view;
    const { precondition = control.entry, admittedAt = Infinity } = submission;
    const { time } = signed.checkpoint;
    const isInForce = isEqual(precondition, control.entry); // T12
    if (isInForce && admittedAt >= time) return true; // I6
    const why = isInForce ? `admitted before ${time}` : "another control entry is in force";
    this.#refuse({ id, reject }, new LogError("LOG_PRECONDITION_FAILED", why));
    return false;
  }

  // T23: what covers a control entry is signed with a key that it names, so it cannot drop this one.
  #keepsKey({ id, submission, reject }: Pending): boolean {
    if (this.#writer?.names(submission) !== false) return true;
    const why = "the policy does not name the receipt key that the log signs with";
    this.#refuse({ id, reject }, new LogError("LOG_KEY_IN_USE", why));
    return false;
  }

  // Whoever submits it again must not be told the same until the round ends.
  #refuse({ id, reject }: Pick<Pending, "id" | "reject">, error: LogError): void {
    this.#inFlight.delete(id);
    reject(error);
  }

  #requireOpen(): void {
    if (this.#fatal !== undefined) throw unavailable(this.#fatal);
    if (this.#isClosing) throw new LogError("LOG_CLOSING", "the log is closing");
  }

  #rejectWaiting(error: LogError): void {
    while (!this.#pool.isEmpty) {
      for (const pending of this.#pool.take(ROUND_LIMITS)) pending.reject(error);
    }
  }

  /** Ends everything that waits, and yields what to tell those who wait no longer. */
  #die(error: unknown): LogError {
    const cause = toLogError(error, "LOG_UNAVAILABLE", "round failed");
    const fatal = new LogError("LOG_UNAVAILABLE", cause.message, { cause });
    this.#fatal = fatal;
    const refusal = unavailable(fatal);
    this.#rejectWaiting(refusal);
    for (const { reject } of this.#actions.splice(0)) reject(refusal);
    // Not within the round: what the owner does about it, such as to end the process, is no part of it.
    queueMicrotask(() => {
      this.#onFatal(fatal);
    });
    return refusal;
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
