import { MemoryStore } from "@tallystick/log";
import type { Row } from "@tallystick/log";

/** A store in memory whose writes can be held up, as a disk that does not keep up holds them. */
export class HeldStore extends MemoryStore {
  #isHeld = false;
  #waiting: (() => void)[] = [];

  /** Lets no write begin until it is released. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Lets the writes go on that wait, and those to come. */
  release(): void {
    this.#isHeld = false;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  override async write(rows: readonly Row[]): Promise<void> {
    if (this.#isHeld) {
      await new Promise<void>((resume) => {
        this.#waiting.push(resume);
      });
    }
    await super.write(rows);
  }
}
