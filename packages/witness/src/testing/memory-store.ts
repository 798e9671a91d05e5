import { WitnessError } from "../error.js";
import type { StateStore, StoredState } from "../store.js";

/** A store in memory, which fails on request. */
export class MemoryStore implements StateStore {
  readonly states: Map<string, StoredState> = new Map<string, StoredState>();
  /** Where the next write fails: before anything is stored, or behind it. */
  failNext: "before" | "after" | undefined;
  #hold: { readonly reached: () => void; readonly released: Promise<void> } | undefined;

  read(name: string): Promise<StoredState | undefined> {
    return Promise.resolve(this.states.get(name));
  }

  /** Has the next write wait; `reached` resolves once it does. */
  holdNext(): { readonly reached: Promise<void>; readonly release: () => void } {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      this.#hold = { reached: resolve, released };
    });
    return { reached, release };
  }

  async replace(name: string, expected: number, bytes: Uint8Array): Promise<void> {
    const failing = this.failNext;
    this.failNext = undefined;
    // A disk takes its time, in which other requests come in.
    await Promise.resolve();
    const hold = this.#hold;
    this.#hold = undefined;
    hold?.reached();
    await hold?.released;
    if (failing === "before") throw new WitnessError("WITNESS_STORE_FAILED", "disk full");
    if ((this.states.get(name)?.version ?? 0) !== expected) {
      throw new WitnessError("WITNESS_STORE_CONFLICT", "another version is there");
    }
    this.states.set(name, { version: expected + 1, bytes });
    if (failing === "after") throw new WitnessError("WITNESS_STORE_FAILED", "no answer");
  }
}
