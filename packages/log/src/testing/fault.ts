import type { MemoryStore } from "../memory.js";
import type { KeyRange, Row, Store } from "../store.js";

/**
 * How a write fails.
 *
 * - `lost`: nothing is persisted, and the write says so.
 * - `kept`: everything is persisted, and the write reports failure all the same.
 * - `crash`: everything is persisted, and the process is gone before it hears of it.
 */
export type WriteFault = "lost" | "kept" | "crash";

/** How the read of the head after a write fails. */
export type ReadFault = "error" | "stale" | "absent";

/** What goes wrong, and at which write, counted from 0. */
export type Fault =
  | { readonly write: number; readonly as: WriteFault }
  | { readonly readBackOf: number; readonly as: ReadFault };

/** A store over another one that fails as told, once, and then behaves as such a store would. */
export class FaultStore implements Store {
  readonly inner: MemoryStore;
  readonly #fault: Fault;
  #writes = 0;
  #isGone = false;
  #leave: () => void = () => undefined;
  /** Resolves at a crash. */
  readonly gone: Promise<void> = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });
  #stale: Uint8Array | undefined;

  constructor(inner: MemoryStore, fault: Fault) {
    this.inner = inner;
    this.#fault = fault;
  }

  /** How many writes were begun. */
  get writes(): number {
    return this.#writes;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#alive();
    const fault = this.#fault;
    const isHit = "readBackOf" in fault && fault.readBackOf === this.#writes - 1;
    const value = await this.inner.get(key);
    if (!isHit) {
      this.#stale = value;
      return value;
    }
    if (fault.as === "error") throw new Error("EIO");
    return fault.as === "stale" ? this.#stale : undefined;
  }

  async getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    await this.#alive();
    return this.inner.getMany(keys);
  }

  async write(rows: readonly Row[]): Promise<void> {
    await this.#alive();
    const fault = this.#fault;
    const isHit = "write" in fault && fault.write === this.#writes;
    this.#writes++;
    if (!isHit) return this.inner.write(rows);
    if (fault.as !== "lost") await this.inner.write(rows);
    this.#isGone = true;
    if (fault.as === "crash") {
      this.#leave();
      await never();
    }
    throw new Error(fault.as === "lost" ? "ENOSPC" : "EIO after the fact");
  }

  async *keys(keyRange: KeyRange): AsyncIterable<Uint8Array> {
    await this.#alive();
    yield* this.inner.keys(keyRange);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  // After a failed write LevelDB fails every later one; after a crash nobody asks any more.
  async #alive(): Promise<void> {
    if (!this.#isGone) return;
    if ("write" in this.#fault && this.#fault.as === "crash") await never();
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
