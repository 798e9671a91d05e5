import type { CommitStep, StepName } from "@tallystick/log";

/** A round of the log, and how long its parts took, in seconds. */
export interface RoundTimes {
  /** How many entries it logged. */
  readonly entries: number;
  /** From the built tree to the answers. */
  readonly commit: number;
  /** The synced write. */
  readonly sync: number;
  /** The synced write of the anchor. */
  readonly anchor: number;
}

/** Told of what a service does. */
export interface Watcher {
  readonly onRound: (times: RoundTimes) => void;
  /** Told how many seconds it took until a statement's signature and certificates were verified. */
  readonly onVerified: (seconds: number) => void;
}

/** Tells watchers of rounds, out of the steps that the log tells of. */
export class RoundWatch implements Watcher {
  // Owned by watch.
  readonly #watchers: Watcher[] = [];
  // Owned by step: when each step of the round under way was reached.
  readonly #reached = new Map<StepName, number>();
  // Owned by step: tree size after the last round.
  #size: number | undefined;
  // Owned by step, as `performance.now()` counts.
  #anchoredAt: number | undefined;

  /** Has a watcher told from here on. */
  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  /** Tells where the tree stands before the first round. */
  begin(size: number): void {
    this.#size = size;
  }

  /** Seconds since this process wrote to the anchor, `undefined` if it has not. */
  anchorAge(): number | undefined {
    if (this.#anchoredAt === undefined) return undefined;
    return (performance.now() - this.#anchoredAt) / 1000;
  }

  /** Takes note of a step. */
  step({ name, size }: CommitStep): void {
    const now = performance.now();
    if (name === "built") this.#reached.clear();
    if (name === "anchored") this.#anchoredAt = now;
    this.#reached.set(name, now);
    if (name !== "released") return;
    const before = this.#size;
    this.#size = size;
    if (before === undefined) return;
    this.onRound({
      entries: size - before,
      commit: this.#between("built", "released"),
      sync: this.#between("signed", "committed"),
      anchor: this.#between("readBack", "anchored"),
    });
  }

  onRound(times: RoundTimes): void {
    for (const watcher of this.#watchers) watcher.onRound(times);
  }

  onVerified(seconds: number): void {
    for (const watcher of this.#watchers) watcher.onVerified(seconds);
  }

  #between(from: StepName, to: StepName): number {
    const [start, end] = [this.#reached.get(from), this.#reached.get(to)];
    return start === undefined || end === undefined ? 0 : (end - start) / 1000;
  }
}
