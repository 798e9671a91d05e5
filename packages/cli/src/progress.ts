import type { Output } from "./output.js";

const WIDTH = 24;
const EVERY_MS = 100;

/** What is counted, and from where. */
export interface ProgressOptions {
  /** What there is to do, in the plural; `entries` unless given. */
  readonly unit?: string;
  /** How many were done before. */
  readonly before?: number;
  /** Shows nothing. */
  readonly isQuiet?: boolean;
  /** Milliseconds, as `performance.now()` counts. */
  readonly now?: () => number;
}

/** Shows on a terminal how far a long command is, and nowhere else. */
export class Progress {
  readonly #output: Pick<Output, "showStatus">;
  readonly #unit: string;
  readonly #before: number;
  readonly #isQuiet: boolean;
  readonly #now: () => number;
  readonly #began: number;
  // Owned by show.
  #shown = -Infinity;

  constructor(output: Pick<Output, "showStatus">, options: ProgressOptions = {}) {
    const {
      unit = "entries",
      before = 0,
      isQuiet = false,
      now = () => performance.now(),
    } = options;
    this.#output = output;
    this.#unit = unit;
    this.#before = before;
    this.#isQuiet = isQuiet;
    this.#now = now;
    this.#began = now();
  }

  /** Shows count, rate and the time that is left at that rate, unless that was just done. */
  show(done: number, total: number): void {
    const now = this.#now();
    if (this.#isQuiet || now - this.#shown < EVERY_MS) return;
    this.#shown = now;
    const filled = Math.min(WIDTH, Math.round((WIDTH * done) / Math.max(total, 1)));
    const bar = `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}]`;
    const rate = this.rate(done - this.#before);
    const left = rate === 0 ? "" : `, ${formatSeconds((total - done) / rate)} left`;
    this.#output.showStatus(`${bar} ${done} / ${total}, ${rate} ${this.#unit}/s${left}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (!this.#isQuiet) this.#output.showStatus("");
  }

  /** Yields how many there were in a second, so far, of those done since the start. */
  rate(done: number): number {
    return Math.round((done * 1000) / Math.max(this.#now() - this.#began, 1));
  }
}

function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
