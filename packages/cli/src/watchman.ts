import { MirrorError, formatState, monitor, requireFresh } from "@tallystick/mirror";
import type {
  CheckedEntry,
  Followed,
  LogHead,
  MirrorErrorCode,
  MonitorState,
  ReadPath,
} from "@tallystick/mirror";
import { TILE_WIDTH } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import { Deliveries } from "./deliveries.js";
import { keepEvidence } from "./evidence-file.js";
import { describeError } from "./exit.js";
import { writeWhole } from "./file.js";
import type { MonitorMetrics, Outcome } from "./monitor-metrics.js";
import type { Session } from "./session.js";
import type { Teller } from "./telling.js";
import type { Watchlist } from "./watchlist.js";

/** What a monitor follows, and what it does with what it finds. */
export interface WatchmanOptions {
  readonly path: ReadPath;
  readonly trust: TrustStore;
  /** Whose cosignatures the published note needs. */
  readonly witnesses: WitnessPolicy | undefined;
  /** Told before the first state is kept: a checkpoint held under these keys. */
  readonly onHeld: () => Promise<void>;
  /** File that the state is kept in. */
  readonly stateFile: string;
  readonly state: MonitorState;
  readonly watchlist: Watchlist;
  readonly tellers: readonly Teller[];
  readonly metrics: MonitorMetrics;
  readonly parallel: number;
  /** Where a log is followed from that nobody has followed before. */
  readonly from?: number | "now" | undefined;
  /** Oldest age of the note, and without witnesses of the newest checkpoint, in seconds. */
  readonly maxAge?: number | undefined;
  readonly evidence?: string | undefined;
}

/** What may pass: an old copy may be replaced by a newer one, and a witness may cosign yet. */
const PASSING: ReadonlySet<MirrorErrorCode> = new Set(["MIRROR_STALE", "MIRROR_NOT_WITNESSED"]);

/** One pass of a monitor. */
export interface Pass {
  readonly outcome: Outcome;
  /** Whether the log itself is at fault, and no later pass can mend it. */
  readonly isFinal: boolean;
  /** The checkpoint that the log publishes, of a sound pass. */
  readonly published?: LogHead;
  /** What it ended with; a pass that failed without was stopped. */
  readonly error?: Error;
}

/** Follows a log, pass after pass, and tells what it finds. */
export class Watchman {
  readonly #options: WatchmanOptions;
  readonly #session: Session;
  // Owned by pass.
  #state: MonitorState;
  readonly #deliveries: Deliveries;
  // The state in the file is older than what was told.
  #isBehind = true;
  #hasHeld = false;

  constructor(options: WatchmanOptions, session: Session) {
    this.#options = options;
    this.#session = session;
    this.#state = options.state;
    this.#deliveries = new Deliveries(options.tellers);
  }

  /** How far the log was followed. */
  get state(): MonitorState {
    return this.#state;
  }

  /**
   * Follows the log up to its newest checkpoint. What it finds is told before the state says so, so it is
   * told once more after a crash, and never not at all.
   */
  async pass(signal: AbortSignal): Promise<Pass> {
    const { metrics } = this.#options;
    const pass = await this.#attempt(signal);
    metrics.addPass(pass.outcome, this.#session.now());
    return pass;
  }

  async #attempt(signal: AbortSignal): Promise<Pass> {
    const { path, trust, witnesses, parallel, from, maxAge, metrics } = this.#options;
    try {
      const { published, newest } = await monitor(path, {
        ...{ trust, witnesses, parallel, from, signal, state: this.#state },
        onHeads: (heads) => {
          metrics.setPublished(heads.published.signed.checkpoint.size);
        },
        onEntries: (entries) => this.#tell(entries),
        onState: (state) => this.#save(state),
      });
      if (!this.#isAt(newest.signed)) return { outcome: "failed", isFinal: false };
      if (maxAge !== undefined) this.#requireFresh({ published, newest }, maxAge);
      this.#deliveries.endAlert();
      return { outcome: "sound", isFinal: false, published };
    } catch (error) {
      // Whatever else there is, a webhook that refuses for one, says nothing of the log.
      if (!(error instanceof MirrorError)) {
        if (!(error instanceof Error)) throw error;
        return { outcome: "failed", isFinal: false, error };
      }
      return this.#alert(error);
    }
  }

  /** Requires that neither the note stands still nor the newest checkpoint; of witnesses, the note alone says. */
  #requireFresh({ published, newest }: Followed, maxAge: number): void {
    const limits = { now: this.#session.now(), maxAge };
    if (this.#options.witnesses === undefined) requireFresh(newest.signed, limits);
    requireFresh(published.signed, { ...limits, name: "published note" });
  }

  /** Yields whether everything under a checkpoint is checked. */
  #isAt({ checkpoint: { size } }: SignedCheckpoint): boolean {
    const { position, chained } = this.#state;
    return position === size && chained?.size === size;
  }

  async #save(state: MonitorState): Promise<void> {
    const { stateFile, metrics, onHeld } = this.#options;
    if (!this.#hasHeld) await onHeld();
    this.#hasHeld = true;
    // A file that is synced for every few entries that nobody is told of would cost more than they do.
    const isDue =
      state.position % TILE_WIDTH === 0 || state.position === state.seen?.checkpoint.size;
    if (isDue || this.#isBehind || state.seen !== this.#state.seen) {
      await writeWhole(stateFile, formatState(state));
      this.#isBehind = false;
    }
    this.#state = state;
    metrics.setChecked(state.position);
    if (state.seen !== undefined) metrics.setHead(state.seen.checkpoint);
  }

  async #tell(entries: readonly CheckedEntry[]): Promise<void> {
    const { watchlist, metrics } = this.#options;
    for (const entry of entries) {
      const told = watchlist.find(entry);
      if (told === undefined) continue;
      this.#isBehind = true;
      await this.#deliveries.statement(entry.index, told);
      metrics.addTold(1);
    }
  }

  async #alert(error: MirrorError): Promise<Pass> {
    const { code, message, contradiction } = error;
    const isFinal = !PASSING.has(code);
    // Not its message, which says how many seconds ago.
    // Nor, of what may pass, a size: the log may grow meanwhile.
    const found = isFinal ? `${code} ${this.#state.seen?.checkpoint.size ?? 0}` : code;
    if (!this.#deliveries.lacks(found)) return { outcome: "alert", isFinal, error };
    const { evidence: path, stateFile } = this.#options;
    const place = { path, otherwise: `${stateFile}.evidence` };
    const evidence =
      contradiction === undefined
        ? undefined
        : await keepEvidence(contradiction, place, this.#session.output);
    const kept = evidence === undefined ? {} : { evidence };
    try {
      await this.#deliveries.alert(found, {
        event: { event: "alert", error: { code, message }, ...kept, ...seenIn(this.#state.seen) },
        line: `alert: ${message}`,
      });
    } catch (failure) {
      // The exit code and standard error still say so.
      this.#session.output.noteText(
        `tally: ${describeError(failure, "the alert is not delivered")}`,
      );
    }
    return { outcome: "alert", isFinal, error };
  }
}

function seenIn(seen: SignedCheckpoint | undefined): Readonly<Record<string, unknown>> {
  if (seen === undefined) return {};
  const { issuer, origin, size } = seen.checkpoint;
  return { issuer, origin, size };
}
