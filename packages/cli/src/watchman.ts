import { MirrorError, formatState, monitor, requireFresh } from "@tallystick/mirror";
import type { CheckedEntry, MonitorState, ReadPath } from "@tallystick/mirror";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { TrustStore } from "@tallystick/verifier";

import { keepEvidence } from "./evidence-file.js";
import { writeWhole } from "./file.js";
import type { MonitorMetrics, Outcome } from "./monitor-metrics.js";
import type { Session } from "./session.js";
import type { Teller, Told } from "./telling.js";
import type { Watchlist } from "./watchlist.js";

/** What a monitor follows, and what it does with what it finds. */
export interface WatchmanOptions {
  readonly path: ReadPath;
  readonly trust: TrustStore;
  /** File that the state is kept in. */
  readonly stateFile: string;
  readonly state: MonitorState;
  readonly watchlist: Watchlist;
  readonly tellers: readonly Teller[];
  readonly metrics: MonitorMetrics;
  readonly parallel: number;
  /** Oldest age of the newest checkpoint in seconds. */
  readonly maxAge?: number | undefined;
  readonly evidence?: string | undefined;
}

/** One pass of a monitor. */
export interface Pass {
  readonly outcome: Outcome;
  /** Whether the log itself is at fault, and no later pass can mend it. */
  readonly isFinal: boolean;
  /** What it ended with; a pass that failed without was stopped. */
  readonly error?: Error;
}

/** Follows a log, pass after pass, and tells what it finds. */
export class Watchman {
  readonly #options: WatchmanOptions;
  readonly #session: Session;
  // Owned by pass.
  #state: MonitorState;
  #alerted = "";

  constructor(options: WatchmanOptions, session: Session) {
    this.#options = options;
    this.#session = session;
    this.#state = options.state;
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
    const { path, trust, parallel, maxAge } = this.#options;
    try {
      const head = await monitor(path, {
        ...{ trust, parallel, signal, state: this.#state },
        onEntries: (entries) => this.#tell(entries),
        onState: (state) => this.#save(state),
      });
      if (!this.#isAt(head)) return { outcome: "failed", isFinal: false };
      if (maxAge !== undefined) requireFresh(head, { now: this.#session.now(), maxAge });
      this.#alerted = "";
      return { outcome: "sound", isFinal: false };
    } catch (error) {
      // Whatever else there is, a webhook that refuses for one, says nothing of the log.
      if (!(error instanceof MirrorError)) {
        if (!(error instanceof Error)) throw error;
        return { outcome: "failed", isFinal: false, error };
      }
      return this.#alert(error);
    }
  }

  /** Yields whether everything under a checkpoint is checked. */
  #isAt({ checkpoint: { size } }: SignedCheckpoint): boolean {
    const { position, chained } = this.#state;
    return position === size && chained?.size === size;
  }

  async #save(state: MonitorState): Promise<void> {
    const { stateFile, metrics } = this.#options;
    await writeWhole(stateFile, formatState(state));
    this.#state = state;
    metrics.setChecked(state.position);
    if (state.seen !== undefined) metrics.setHead(state.seen.checkpoint);
  }

  async #tell(entries: readonly CheckedEntry[]): Promise<void> {
    const { watchlist, metrics } = this.#options;
    for (const entry of entries) {
      const told = watchlist.find(entry);
      if (told === undefined) continue;
      await this.#deliver(told);
      metrics.addTold(1);
    }
  }

  async #deliver(told: Told): Promise<void> {
    for (const tell of this.#options.tellers) await tell(told);
  }

  async #alert(error: MirrorError): Promise<Pass> {
    const { code, message, contradiction } = error;
    // An old copy may be replaced by a newer one; nothing else is taken back.
    const isFinal = code !== "MIRROR_STALE";
    const found = `${code} ${message}`;
    if (this.#alerted === found) return { outcome: "alert", isFinal, error };
    const { evidence: path, stateFile } = this.#options;
    const place = { path, otherwise: `${stateFile}.evidence`, isOnce: true } as const;
    const evidence =
      contradiction === undefined
        ? undefined
        : await keepEvidence(contradiction, place, this.#session.output);
    const kept = evidence === undefined ? {} : { evidence };
    try {
      await this.#deliver({
        event: { event: "alert", code, message, ...kept, ...seenIn(this.#state.seen) },
        line: `alert: ${message}`,
      });
      this.#alerted = found;
    } catch (failure) {
      // The exit code and standard error still say so.
      this.#session.output.note(`tally: the alert is not delivered: ${String(failure)}`);
    }
    return { outcome: "alert", isFinal, error };
  }
}

function seenIn(seen: SignedCheckpoint | undefined): Readonly<Record<string, unknown>> {
  if (seen === undefined) return {};
  const { issuer, origin, size } = seen.checkpoint;
  return { log: origin, issuer, seen: size };
}
