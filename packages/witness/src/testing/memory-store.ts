import { WitnessError } from "../error.js";
import type { StateStore, StoredState } from "../store.js";

/** A store in memory, which fails on request. */
export class MemoryStore implements StateStore {
  readonly states: Map<string, StoredState> = new Map<string, StoredState>();
  /** Where the next write fails: before anything is stored, or behind it. */
  failNext: "before" | "after" | undefined;
  writes = 0;

  read(name: string): Promise<StoredState | undefined> {
    return Promise.resolve(this.states.get(name));
  }

  async replace(name: string, expected: number, bytes: Uint8Array): Promise<void> {
    const failing = this.failNext;
    this.failNext = undefined;
    // A disk takes its time, in which other requests come in.
    await Promise.resolve();
    if (failing === "before") throw new WitnessError("WITNESS_STORE_FAILED", "disk full");
    if ((this.states.get(name)?.version ?? 0) !== expected) {
      throw new WitnessError("WITNESS_STORE_CONFLICT", "another version is there");
    }
    this.states.set(name, { version: expected + 1, bytes });
    this.writes += 1;
    if (failing === "after") throw new WitnessError("WITNESS_STORE_FAILED", "no answer");
  }
}
