/** Milliseconds that a round waits at most. */
const PATIENCE_MS = 10;

/**
 * Entries that are about to be submitted. A round waits for those that are announced when it could
 * begin, a moment at most: what a round costs is shared by its entries, and an entry that comes just
 * after it has begun waits for two.
 */
export class Arrivals {
  // Owned by announce: those that are neither submitted nor given up.
  #announced = 0;
  // Owned by settled.
  #onSettled: (() => void) | undefined;

  /** Announces an entry until the function that it yields is called; more calls do nothing. */
  announce(): () => void {
    this.#announced++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#announced--;
      if (this.#announced === 0) this.#onSettled?.();
    };
  }

  /** Resolves once nothing is announced, after 10 ms at the latest. Never called while one waits. */
  settled(): Promise<void> {
    if (this.#announced === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#onSettled = undefined;
        resolve();
      };
      const timer = setTimeout(end, PATIENCE_MS);
      this.#onSettled = end;
    });
  }
}
