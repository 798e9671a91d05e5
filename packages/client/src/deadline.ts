/** Aborts what takes too long, and can be stopped and started again. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #ms: number;
  // Owned by start and stop.
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasPassed(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Gives the whole time again from now on. */
  start(): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#controller.abort();
    }, this.#ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
