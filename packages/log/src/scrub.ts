import { TILE_WIDTH } from "@tallystick/merkle";

import type { Anchor } from "./anchor.js";
import { checkAnchor } from "./anchor-check.js";
import { BodyCheck } from "./body-check.js";
import { type LogError, toLogError } from "./error.js";
import { IndexPass, type IndexMark } from "./index-pass.js";
import type { ReceiptKeys } from "./keys.js";
import { bundleKey, openRow, SCRUB_KEY } from "./layout.js";
import type { Log } from "./log.js";
import { PinnedRows, type RowSource } from "./pinned.js";
import { Findings, type LogProblem } from "./report.js";
import {
  decodeScrub,
  encodeScrub,
  FRESH,
  type PassProgress,
  type ScrubState,
} from "./scrub-progress.js";
import { type Space, spaceShortage } from "./space.js";
import { Survey } from "./survey.js";
import { entriesOf } from "./tree-check.js";
import { startAt, TreePass } from "./tree-pass.js";

/** What {@link Scrub} needs. */
export interface ScrubOptions {
  /** The log's own, open as long as the scrub runs. */
  readonly store: RowSource;
  /** Held against the kept checkpoints, where there is one. */
  readonly anchor?: Anchor | undefined;
  readonly log: Pick<Log, "control" | "head" | "note" | "standing">;
  /** The log's receipt key, or all that it ever signed with. */
  readonly key: ReceiptKeys;
  /** Below its floor no progress is kept: that write must not be the one that fills the disk. */
  readonly space?: Space | undefined;
  /**
   * Upper bound of what is read, so that the log's own work comes first. An index row, a control entry
   * or an anchor record is as much as an entry, a kept checkpoint with its signature as much as four.
   */
  readonly entriesPerSecond: number;
  /** Between the end of one cycle and the start of the next; 60 unless given. */
  readonly pauseSeconds?: number;
  /** Told once of damage, which two looks have found; the scrub ends with it. */
  readonly onProblem: (problems: readonly LogProblem[]) => void | Promise<void>;
  /** Told of what a first look found, before the second one. */
  readonly onSuspicion?: (problems: readonly LogProblem[]) => void;
  /** Told when a pass could not be run; it is tried again after the pause. */
  readonly onFailure?: (error: LogError) => void;
  /** Resolves after so many milliseconds, or early when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** What somebody who watches over a log has to know of its scrub. */
export interface ScrubAges {
  readonly tree: ScrubAge;
  readonly bodies: ScrubAge;
  /** Problems found since the start. */
  readonly errors: number;
  /** How often a first look found something since the start, whatever the second one did. */
  readonly suspicions: number;
}

/** How long ago the last whole pass ended, and the tree size that it covered. */
export interface ScrubAge {
  /** `null` before the first. */
  readonly ageSeconds: number | null;
  readonly verified: number;
}

/** How far the scrub has got. */
export interface ScrubProgress {
  readonly tree: PassProgress;
  readonly bodies: PassProgress;
  /** Problems found since the start. */
  readonly errors: number;
  /** How often a first look found something since the start, whatever the second one did. */
  readonly suspicions: number;
}

const DEFAULT_PAUSE_SECONDS = 60;
// Progress is a write of its own, so it is kept now and then, not after each bundle.
const NOTE_SECONDS = 30;
// Shorter waits are saved up: a timer costs more than they are worth.
const SHORTEST_WAIT_MS = 20;
// One after another that each find something else: what they read cannot be trusted any more.
const MAX_LOOKS = 3;
// In entries: its signature is verified.
const CHECKPOINT_WORK = 4;

/**
 * Reads the whole log again and again in the background, at a bounded rate, while it is served and
 * written: damage that nobody happens to read is found within one cycle.
 *
 * A cycle has two passes, which pin the newest published checkpoint and end with it. The tree pass
 * recomputes leaves, tiles and every kept root from the bundles and checks signatures, the chains of
 * checkpoints and of control entries, index rows, those that no entry accounts for among them, and the
 * anchor. The body pass hashes every body. Each goes on after a restart where it was, once what it
 * stands on is found to be as it was left; the anchor is read from its beginning.
 *
 * A read can go wrong once. So what a pass finds is looked at again, from where the pass was, with every
 * row read anew, and counts if it is found again.
 */
export class Scrub {
  readonly #options: ScrubOptions;
  readonly #abort = new AbortController();
  // Owned by start.
  #running: Promise<void> | undefined;
  // Owned by #run, as is all below; read through progress.
  #state: ScrubState = FRESH;
  #found: readonly LogProblem[] = [];
  #foundCount = 0;
  #errors = 0;
  #suspicions = 0;
  #owedMs = 0;
  #notedAt = 0;

  constructor(options: ScrubOptions) {
    const { entriesPerSecond } = options;
    if (!(entriesPerSecond > 0)) throw new TypeError(`rate of ${entriesPerSecond} entries/s`);
    this.#options = options;
  }

  /** How far it has got, as of now. */
  get progress(): ScrubProgress {
    const { tree, bodies } = this.#state;
    const { verifiedSize, startedAt, completedAt, completedSize } = tree;
    const passed = { verifiedSize, startedAt, completedAt, completedSize };
    const [errors, suspicions] = [this.#errors, this.#suspicions];
    return { tree: passed, bodies, errors, suspicions };
  }

  /** How old its last whole passes are. */
  ages(): ScrubAges {
    const now = this.#options.now();
    const ageOf = ({ completedAt, completedSize }: PassProgress): ScrubAge => ({
      ageSeconds: completedAt === undefined ? null : Math.max(0, now - completedAt),
      verified: completedSize,
    });
    const { tree, bodies } = this.#state;
    const [errors, suspicions] = [this.#errors, this.#suspicions];
    return { tree: ageOf(tree), bodies: ageOf(bodies), errors, suspicions };
  }

  /** Begins, once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the read under way; to be awaited before the store is closed. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  #isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #run(): Promise<void> {
    let isLoaded = false;
    let isSound = true;
    const { pauseSeconds = DEFAULT_PAUSE_SECONDS } = this.#options;
    while (isSound && !this.#isStopped()) {
      try {
        if (!isLoaded) await this.#load();
        isLoaded = true;
        isSound =
          (await this.#confirm(() => this.#runTree())) &&
          (await this.#confirm(() => this.#runBodies()));
      } catch (error) {
        // What stop interrupts fails as it pleases.
        if (this.#isStopped()) return;
        this.#options.onFailure?.(toLogError(error, "LOG_UNAVAILABLE", "scrub"));
      }
      if (isSound) await this.#wait(1000 * pauseSeconds);
    }
  }

  /** Yields whether a pass finds the log sound; tells what two looks in a row have found. */
  async #confirm(pass: () => Promise<boolean>): Promise<boolean> {
    let before: readonly LogProblem[] = [];
    for (let look = 1; ; look++) {
      if (await this.#isFoundSound(pass)) return true;
      const found = this.#found;
      if (look === MAX_LOOKS || isRepeated(before, found)) {
        this.#errors += this.#foundCount;
        await this.#options.onProblem(found);
        return false;
      }
      before = found;
      this.#suspicions++;
      this.#options.onSuspicion?.(found);
    }
  }

  async #isFoundSound(pass: () => Promise<boolean>): Promise<boolean> {
    try {
      return await pass();
    } catch (error) {
      const failure = toLogError(error, "LOG_UNAVAILABLE", "scrub");
      if (failure.code !== "LOG_CORRUPT" || this.#isStopped()) throw failure;
      this.#foundCount = 1;
      this.#found = [{ kind: "unreadable", where: "log", detail: failure.message }];
      return false;
    }
  }

  async #load(): Promise<void> {
    const [value] = await this.#options.store.getMany([SCRUB_KEY]);
    this.#notedAt = this.#options.now();
    if (value === undefined) return;
    try {
      this.#state = decodeScrub(openRow({ key: SCRUB_KEY, value }));
    } catch {
      // The row is a note to itself: without it the scrub begins anew.
    }
  }

  /** Yields whether the log is sound as far as the pass got. */
  async #runTree(): Promise<boolean> {
    const { index } = this.#state.tree;
    const isWalked = index !== undefined && index.size <= this.#options.log.head().checkpoint.size;
    if (!isWalked && !(await this.#walkTree())) return false;
    const { index: walked } = this.#state.tree;
    if (walked === undefined || this.#isStopped()) return true;
    if (!(await this.#walkIndex(walked)) || !(await this.#readAnchor(walked.size))) return false;
    if (this.#isStopped()) return true;
    const completed = { completedAt: this.#options.now(), completedSize: walked.size };
    this.#setTree({ ...completed, verifiedSize: 0, index: undefined });
    await this.#note();
    return true;
  }

  async #walkTree(): Promise<boolean> {
    const { store, key, log, now } = this.#options;
    const control = log.control().index;
    const rows = await PinnedRows.pin(store, log.head().checkpoint.size);
    const survey = new Survey(rows, new Findings());
    const { mark } = this.#state.tree;
    const from =
      mark === undefined || mark.size > rows.size ? undefined : await startAt(rows, mark);
    if (from === undefined) {
      this.#setTree({ verifiedSize: 0, startedAt: now(), mark: undefined, index: undefined });
    }
    const { stated } = rows;
    const pass = await TreePass.begin({ survey, stated, key, control, withBodies: false, from });
    let reached = this.#state.tree.verifiedSize;
    for await (const { entries, checkpoints, controls } of pass.run()) {
      if (!this.#isSound(survey)) return false;
      const next = pass.mark();
      // Behind the last full bundle the pass is all but over, and cannot go on from there.
      if (next !== undefined) this.#setTree({ verifiedSize: next.size, mark: next });
      await this.#pace(entries - reached + controls + CHECKPOINT_WORK * checkpoints);
      reached = entries;
      if (this.#isStopped()) return true;
    }
    if (!this.#isSound(survey)) return false;
    const index = { size: rows.size, count: 0, after: undefined };
    this.#setTree({ verifiedSize: rows.size, mark: undefined, index });
    return true;
  }

  async #walkIndex(from: IndexMark): Promise<boolean> {
    const survey = new Survey(this.#options.store, new Findings());
    const pass = new IndexPass(survey, from);
    for await (const count of pass.run()) {
      if (!this.#isSound(survey)) return false;
      this.#setTree({ index: pass.mark });
      await this.#pace(count);
      if (this.#isStopped()) return true;
    }
    return this.#isSound(survey);
  }

  async #readAnchor(size: number): Promise<boolean> {
    const { store, anchor } = this.#options;
    if (anchor === undefined) return true;
    const survey = new Survey(store, new Findings());
    for await (const count of checkAnchor(survey, { anchor, size })) {
      await this.#pace(count);
      if (this.#isStopped()) return true;
    }
    return this.#isSound(survey);
  }

  async #runBodies(): Promise<boolean> {
    if (this.#isStopped()) return true;
    const { store, log, now } = this.#options;
    const rows = await PinnedRows.pin(store, log.head().checkpoint.size);
    const survey = new Survey(rows, new Findings());
    const bodies = new BodyCheck(survey);
    if (this.#state.bodies.verifiedSize === 0) this.#setBodies({ startedAt: now() });
    for (let at = this.#state.bodies.verifiedSize; at < rows.size;) {
      const index = Math.floor(at / TILE_WIDTH);
      const [payload] = await survey.require([bundleKey(index)]);
      const entries = entriesOf(survey, { index, payload, size: rows.size }) ?? [];
      await bodies.check(entries, index * TILE_WIDTH);
      if (!this.#isSound(survey)) return false;
      const next = Math.min(rows.size, (index + 1) * TILE_WIDTH);
      // A bundle that was partial is read again from its first entry.
      this.#setBodies({ verifiedSize: Math.floor(next / TILE_WIDTH) * TILE_WIDTH });
      await this.#pace(next - at);
      at = next;
      if (this.#isStopped()) return true;
    }
    this.#setBodies({ completedAt: now(), completedSize: rows.size, verifiedSize: 0 });
    await this.#note();
    return true;
  }

  /** Yields whether nothing was found, and keeps what was. */
  #isSound({ findings }: Survey): boolean {
    const { problems, problemCount } = findings.report();
    this.#found = problems;
    this.#foundCount = problemCount;
    return problemCount === 0;
  }

  #setTree(change: Partial<ScrubState["tree"]>): void {
    this.#state = { ...this.#state, tree: { ...this.#state.tree, ...change } };
  }

  #setBodies(change: Partial<PassProgress>): void {
    this.#state = { ...this.#state, bodies: { ...this.#state.bodies, ...change } };
  }

  async #pace(work: number): Promise<void> {
    const { entriesPerSecond, now } = this.#options;
    this.#owedMs += (1000 * work) / entriesPerSecond;
    if (this.#owedMs >= SHORTEST_WAIT_MS) {
      await this.#wait(this.#owedMs);
      this.#owedMs = 0;
    }
    if (now() - this.#notedAt >= NOTE_SECONDS) await this.#note();
  }

  async #note(): Promise<void> {
    const { log, space, now } = this.#options;
    this.#notedAt = now();
    if (this.#isStopped() || log.standing().kind === "reader") return;
    if ((await spaceShortage(space)) !== undefined) return;
    await log.note(SCRUB_KEY, encodeScrub(this.#state));
  }

  async #wait(ms: number): Promise<void> {
    if (!this.#isStopped()) await this.#options.wait(ms, this.#abort.signal);
  }
}

function isRepeated(before: readonly LogProblem[], now: readonly LogProblem[]): boolean {
  return now.some(({ kind, where }) =>
    before.some((problem) => problem.kind === kind && problem.where === where),
  );
}
