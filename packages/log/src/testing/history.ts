import type { AnchorRecord } from "../anchor.js";
import { MemoryAnchor, MemoryStore } from "../memory.js";
import { appendAll, createLog, NOON, openLog, request } from "./bench.js";
import { Witness } from "./witness.js";

/** What became of one log, and of copies of it that went their own way. */
export interface History {
  /** Copies taken at sizes 1, 5, 300 and 301; the clock went on by a minute each time. */
  readonly stores: readonly MemoryStore[];
  /** The anchor at the end. */
  readonly whole: MemoryAnchor;
  /** What was shown meanwhile. */
  readonly shown: Witness;
  /** Size 6, over the copy of size 5. */
  readonly unseen: MemoryStore;
  /** Sizes 1, 5 and that 6. */
  readonly unseenAnchor: MemoryAnchor;
  /** Sizes 300 and 301 with other entries, over the copy of size 5. */
  readonly short: MemoryStore;
  readonly long: MemoryStore;
}

/** Yields the history; the log was signed for twice at sizes 300 and 301. */
export async function makeHistory(): Promise<History> {
  const store = new MemoryStore();
  const anchor = new MemoryAnchor();
  const shown = new Witness();
  let time = NOON;
  const log = await createLog(store, { anchor, now: () => time });
  const stores = [store.reopen()];
  for (const [from, to] of [
    [1, 5],
    [5, 300],
    [300, 301],
  ] as const) {
    time += 60;
    await appendAll(log, from, to);
    stores.push(store.reopen());
    shown.see(log.head());
  }
  const old = stores[1] ?? store;
  const own = old.reopen();
  const other = await openLog(own, { now: () => NOON + 600 });
  await other.append(request("another"));
  const { size, root } = other.head().checkpoint;
  const records: AnchorRecord[] = [];
  for await (const record of anchor.reopen(2).records()) records.push(record);
  records.push({ size, root, checkpoint: other.head().encode() });
  const [short, long] = await makeFork(old.reopen());
  const unseenAnchor = new MemoryAnchor(records);
  return { stores, whole: anchor.reopen(), shown, unseen: own, unseenAnchor, short, long };
}

async function makeFork(store: MemoryStore): Promise<readonly [MemoryStore, MemoryStore]> {
  const log = await openLog(store, { now: () => NOON + 600 });
  await appendAll(log, 1005, 1300);
  const short = store.reopen();
  await log.append(request(1300));
  return [short, store.reopen()];
}
