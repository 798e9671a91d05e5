import type { Output } from "./output.js";

const WIDTH = 24;
const EVERY_MS = 100;

/** Shows on a terminal how far a long command is, and nowhere else. */
export class Progress {
  readonly #output: Output;
  readonly #began: number = performance.now();
  // Owned by show.
  #shown = -Infinity;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Shows the bar, unless it was shown just now. */
  show(done: number, total: number): void {
    const now = performance.now();
    if (now - this.#shown < EVERY_MS) return;
    this.#shown = now;
    const filled = Math.round((WIDTH * done) / Math.max(total, 1));
    const bar = `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}]`;
    this.#output.showStatus(`${bar} ${done} / ${total}, ${this.rate(done)} entries/s`);
  }

  /** Takes the bar away. */
  clear(): void {
    this.#output.showStatus("");
  }

  /** Yields how many there were in a second, so far. */
  rate(done: number): number {
    return Math.round((done * 1000) / Math.max(performance.now() - this.#began, 1));
  }
}
