import type { MemoryStore } from "../memory.js";
import type { KeyRange, Row, Store } from "../store.js";

/** A store that counts what is asked of it, and whose writes can be held before or after they land. */
export class GateStore implements Store {
  readonly inner: MemoryStore;
  /** Keys per write, in order. */
  readonly writes: number[] = [];
  /** Keys per batched read, in order. */
  readonly reads: number[] = [];
  #gate:
    | { readonly at: "before" | "after"; readonly opened: Promise<void>; arrive: () => void }
    | undefined;

  constructor(inner: MemoryStore) {
    this.inner = inner;
  }

  /** Holds the next write; `arrived` resolves once it is there, and `open` lets it go on. */
  hold(at: "before" | "after"): { readonly arrived: Promise<void>; readonly open: () => void } {
    let open: () => void = () => undefined;
    let arrive: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    this.#gate = { at, opened, arrive };
    return { arrived, open };
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.inner.get(key);
  }

  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.reads.push(keys.length);
    return this.inner.getMany(keys);
  }

  async write(rows: readonly Row[]): Promise<void> {
    this.writes.push(rows.length);
    const gate = this.#gate;
    this.#gate = undefined;
    if (gate?.at === "before") {
      gate.arrive();
      await gate.opened;
    }
    await this.inner.write(rows);
    if (gate?.at === "after") {
      gate.arrive();
      await gate.opened;
    }
  }

  keys(range: KeyRange): AsyncIterable<Uint8Array> {
    return this.inner.keys(range);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
