import type { Anchor, AnchorRecord, AnchorState } from "../anchor.js";
import { MemoryAnchor, type MemoryStore } from "../memory.js";
import type { Frozen } from "../record.js";
import type { KeyRange, Row, Store } from "../store.js";

/**
 * How a write fails.
 *
 * - `lost`: nothing is persisted, and the write says so.
 * - `kept`: everything is persisted, and the write reports failure all the same.
 * - `crash`: everything is persisted, and the process is gone before it hears of it.
 * - `torn`: a part is persisted, and the process is gone. A store then has none of it, as a write of
 *   a store is one record that is there or is not; an anchor has the beginning of a record.
 */
export type WriteFault = "lost" | "kept" | "crash" | "torn";

/** How the read of the head after a write fails. */
export type ReadFault = "error" | "stale" | "absent";

/** What goes wrong, and at which write of the store or append to the anchor, counted from 0. */
export type Fault =
  | { readonly write: number; readonly as: WriteFault }
  | { readonly append: number; readonly as: WriteFault }
  | { readonly readBackOf: number; readonly as: ReadFault };

/** A store over another one that fails as told, once, and then behaves as such a store would. */
export class FaultStore<Inner extends Store = MemoryStore> implements Store {
  readonly inner: Inner;
  readonly #fault: Fault;
  #writes = 0;
  #isGone = false;
  #leave: () => void = () => undefined;
  /** Resolves at a crash. */
  readonly gone: Promise<void> = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });
  #stale: Uint8Array | undefined;

  constructor(inner: Inner, fault: Fault) {
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
    const value = await this.inner.get(key);
    if (!("readBackOf" in fault) || fault.readBackOf !== this.#writes - 1) {
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
    if (fault.as === "kept" || fault.as === "crash") await this.inner.write(rows);
    this.#isGone = true;
    if (isCrash(fault.as)) {
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
    if ("write" in this.#fault && isCrash(this.#fault.as)) await never();
  }
}

/** An anchor over another one that fails as told, once, and then behaves as such a file would. */
export class FaultAnchor implements Anchor {
  readonly inner: MemoryAnchor;
  readonly #fault: Fault;
  #appends = 0;
  #leave: () => void = () => undefined;
  /** Resolves at a crash. */
  readonly gone: Promise<void> = new Promise<void>((resolve) => {
    this.#leave = resolve;
  });
  #isTorn = false;

  constructor(fault: Fault, inner: MemoryAnchor = new MemoryAnchor()) {
    this.inner = inner;
    this.#fault = fault;
  }

  /** How many appends were begun. */
  get appends(): number {
    return this.#appends;
  }

  get newest(): AnchorRecord | undefined {
    return this.inner.newest;
  }

  get frozen(): Frozen | undefined {
    return this.inner.frozen;
  }

  get state(): AnchorState {
    return this.inner.state;
  }

  async append(record: AnchorRecord): Promise<void> {
    const fault = this.#fault;
    const at = this.#appends++;
    if (!("append" in fault) || fault.append !== at) return this.inner.append(record);
    if (fault.as === "kept" || fault.as === "crash") await this.inner.append(record);
    this.#isTorn = fault.as === "torn";
    if (isCrash(fault.as)) {
      this.#leave();
      await never();
    }
    throw new Error(fault.as === "lost" ? "ENOSPC" : "EIO after the fact");
  }

  appendFreeze(frozen: Frozen): Promise<void> {
    return this.inner.appendFreeze(frozen);
  }

  renew(): Promise<void> {
    return this.inner.renew();
  }

  records(): AsyncIterable<AnchorRecord> {
    return this.inner.records();
  }

  newestFirst(): AsyncIterable<AnchorRecord> {
    return this.inner.newestFirst();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  /** Yields what a restart finds. */
  left(): MemoryAnchor {
    return this.inner.reopen(undefined, this.#isTorn ? "torn" : "whole");
  }
}

function isCrash(as: WriteFault): boolean {
  return as === "crash" || as === "torn";
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
