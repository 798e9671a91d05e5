import { describe, expect, test } from "@jest/globals";

import type { LogError } from "./error.js";
import { checkLog } from "./fsck.js";
import type { Log } from "./log.js";
import { type MemoryAnchor, MemoryStore } from "./memory.js";
import type { LogReport } from "./report.js";
import { bodyKey } from "./layout.js";
import { checkRows, createLog, entryOf, key, openLog, range, request } from "./testing/bench.js";
import {
  type Fault,
  FaultAnchor,
  FaultStore,
  type ReadFault,
  type WriteFault,
} from "./testing/fault.js";
import { Witness } from "./testing/witness.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

// What is appended, write by write; write 0 is the genesis entry. The sizes cross a tile border.
const BATCHES: readonly (readonly [number, number])[] = [
  [1, 2],
  [2, 255],
  [255, 256],
  [256, 257],
  [257, 260],
];

/** How a run ended. */
interface Run {
  readonly store: FaultStore;
  readonly anchor: FaultAnchor;
  readonly witness: Witness;
  /** The log that met the fault, if it came to be. */
  readonly log: Log | undefined;
  readonly fatal: readonly LogError[];
  /** Sizes that were answered for. */
  readonly size: number;
}

/** Appends batch after batch until the fault strikes. */
async function runInto(fault: Fault): Promise<Run> {
  const store = new FaultStore(new MemoryStore(), fault);
  const anchor = new FaultAnchor(fault);
  const witness = new Witness();
  const fatal: LogError[] = [];
  let log: Log | undefined;
  let size = 0;
  const work = async (): Promise<void> => {
    log = await createLog(store, { anchor, onFatal: (error) => fatal.push(error) });
    witness.see(log.head());
    size = 1;
    for (const [from, to] of BATCHES) {
      const open = log;
      const sequenced = await Promise.all(range(from, to).map((n) => open.append(request(n))));
      size = to;
      const last = sequenced.at(-1);
      if (last !== undefined) await witness.note(open, last);
    }
  };
  await Promise.race([work().catch(() => undefined), store.gone, anchor.gone]);
  return { store, anchor, witness, log, fatal, size };
}

const WRITES = range(0, BATCHES.length + 1);
const FAULTS: readonly WriteFault[] = ["lost", "kept", "crash", "torn"];
const crossed = WRITES.flatMap((at) => FAULTS.map((as) => [at, as] as const));
const persists = (as: WriteFault): boolean => as === "kept" || as === "crash";

// All that was asked for is submitted again, and each entry ends up where it would have been.
async function submitAgain(log: Log, persisted: number): Promise<void> {
  for (const [from, to] of BATCHES) {
    const sequenced = await Promise.all(range(from, to).map((n) => log.append(request(n))));
    expect(sequenced.map(({ index }) => index)).toEqual(range(from, to));
    expect(sequenced.every(({ isDuplicate }) => isDuplicate)).toBe(to <= persisted);
  }
}
const sizeAfter = (write: number): number => (write === 0 ? 1 : (BATCHES[write - 1]?.[1] ?? 0));

describe("each write, failing in each way", () => {
  test.each(crossed)("write %d %s", async (write, as) => {
    const { store, anchor, witness, log, size } = await runInto({ write, as });
    expect(store.writes).toBe(write + 1);
    expect(size).toBe(write === 0 ? 0 : sizeAfter(write - 1));
    if (log !== undefined) expect(log.head().checkpoint.size).toBe(size);

    const left = store.inner.reopen();
    const leftAnchor = anchor.left();
    expect(leftAnchor.newest?.size ?? 0).toBe(size);
    const persisted = persists(as) ? sizeAfter(write) : size;
    if (persisted === 0) {
      await expect(openLog(left)).rejects.toEqual(code("LOG_NOT_FOUND"));
      expect((await createLog(store.inner.reopen())).head().checkpoint.size).toBe(1);
      return;
    }
    expect(await checkRows(left)).toMatchObject({ verdict: "sound", size: persisted });
    const reopened = await openLog(left, { anchor: leftAnchor });
    expect(reopened.standing()).toEqual({ kind: "writer" });
    expect(reopened.head().checkpoint.size).toBe(persisted);
    expect(leftAnchor.newest?.size).toBe(persisted);
    await witness.demand(reopened);
    await submitAgain(reopened, persisted);
    await witness.demand(reopened);
    await reopened.close();
    expect(await checkBoth(left, leftAnchor)).toMatchObject({ verdict: "sound", size: 260 });
  });

  test.each(crossed)("append %d %s", async (append, as) => {
    const { store, anchor, witness, log, fatal, size } = await runInto({ append, as });
    // The round is committed, and nobody was told.
    const persisted = sizeAfter(append);
    expect(size).toBe(append === 0 ? 0 : sizeAfter(append - 1));
    if (log !== undefined) {
      expect(log.head().checkpoint.size).toBe(size);
      expect(fatal).toHaveLength(as === "lost" || as === "kept" ? 1 : 0);
    }
    const left = store.inner.reopen();
    const leftAnchor = anchor.left();
    expect(leftAnchor.newest?.size ?? 0).toBe(persists(as) ? persisted : size);
    expect(await checkBoth(left, leftAnchor)).toMatchObject({ verdict: "sound", size: persisted });

    const reopened = await openLog(left, { anchor: leftAnchor });
    expect(reopened.standing()).toEqual({ kind: "writer" });
    expect(reopened.head().checkpoint.size).toBe(persisted);
    expect(leftAnchor).toMatchObject({ state: "whole", newest: { size: persisted } });
    await witness.demand(reopened);
    await submitAgain(reopened, persisted);
    await witness.demand(reopened);
    await reopened.close();
    expect(await checkBoth(left, leftAnchor)).toMatchObject({ verdict: "sound", size: 260 });
  });

  test.each(WRITES)("write %d persisted, answered, then killed", async (write) => {
    // A fault that never comes; the process is gone after the last batch, without a close.
    const store = new FaultStore(new MemoryStore(), { write: 99, as: "lost" });
    const log = await createLog(store);
    const witness = new Witness();
    for (const [from, to] of BATCHES.slice(0, write)) {
      const sequenced = await Promise.all(range(from, to).map((n) => log.append(request(n))));
      for (const one of sequenced.slice(0, 5)) await witness.note(log, one);
    }
    const left = store.inner.reopen();
    const reopened = await openLog(left);
    expect(reopened.head().checkpoint.size).toBe(sizeAfter(write));
    await witness.demand(reopened);
    expect(await checkRows(left)).toMatchObject({ verdict: "sound" });
  });
});

describe("after a failed write", () => {
  const told: readonly Fault[] = [
    { write: 2, as: "lost" },
    { write: 2, as: "kept" },
    { append: 2, as: "lost" },
    { append: 2, as: "kept" },
  ];
  test.each(told)("(%j) the log is dead for good", async (fault) => {
    const { log, fatal } = await runInto(fault);
    if (log === undefined) throw new Error("no log");
    await expect(log.append(request(900))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    // Even what is logged already: nothing is known about the store.
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(fatal).toHaveLength(1);
    expect(fatal[0]).toMatchObject({ code: "LOG_UNAVAILABLE" });
    expect(log.isPending(entryOf(2))).toBe(false);
    expect(log.head().checkpoint.size).toBe(2);
    await log.close();
  });

  test("everyone waiting hears of it: the round, those behind it and duplicates of both", async () => {
    const store = new FaultStore(new MemoryStore(), { write: 1, as: "kept" });
    const log = await createLog(store);
    const first = range(0, 3000).map((n) => log.append(request(n)));
    const again = range(0, 3000).map((n) => log.append(request(n)));
    const results = await Promise.allSettled([...first, ...again]);
    expect(results).toHaveLength(6000);
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "LOG_UNAVAILABLE" } });
    }
    // Only the first round reached the store.
    expect(store.writes).toBe(2);
    expect((await openLog(store.inner.reopen())).head().checkpoint.size).toBe(1025);
  });

  test("those waiting in a crash are never answered", async () => {
    const store = new FaultStore(new MemoryStore(), { write: 1, as: "crash" });
    const log = await createLog(store);
    let answers = 0;
    const count = (): void => {
      answers++;
    };
    log.append(request(1)).then(count, count);
    await store.gone;
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toBe(0);
    expect(log.head().checkpoint.size).toBe(1);
  });
});

describe("the head read back", () => {
  const reads: readonly ReadFault[] = ["error", "stale", "absent"];
  test.each(reads)("%s: nothing is released, and the state is dead", async (as) => {
    const { store, log, fatal, size } = await runInto({ readBackOf: 3, as });
    expect(size).toBe(255);
    expect(fatal).toHaveLength(1);
    expect(log?.head().checkpoint.size).toBe(255);
    await expect(log?.append(request(900))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    // The write did land, so a restart finds it; a repeat gets the same index.
    const reopened = await openLog(store.inner.reopen());
    expect(reopened.head().checkpoint.size).toBe(256);
    expect(await reopened.append(request(255))).toMatchObject({ index: 255, isDuplicate: true });
  });

  test.each(reads)("%s at creation: there is no log to hold, but one to open", async (as) => {
    const { store, log } = await runInto({ readBackOf: 0, as });
    expect(log).toBeUndefined();
    expect((await openLog(store.inner.reopen())).head().checkpoint.size).toBe(1);
  });
});

describe("a read that fails inside a round", () => {
  test("stops the log, as a duplicate might have been missed", async () => {
    class Failing extends MemoryStore {
      isFailing = false;
      override getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
        return this.isFailing ? Promise.reject(new Error("EIO")) : super.getMany(keys);
      }
    }
    const store = new Failing();
    const log = await createLog(store);
    store.isFailing = true;
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    store.isFailing = false;
    await expect(log.append(request(2))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(await checkRows(store)).toMatchObject({ verdict: "sound", size: 1 });
  });

  test("a read that fails outside one does not", async () => {
    const { log, store } = await runInto({ write: 99, as: "lost" });
    store.inner.damage(bodyKey(0), new Uint8Array(9));
    await expect(log?.body(entryOf("genesis"))).rejects.toEqual(code("LOG_CORRUPT"));
    expect(await log?.append(request(900))).toMatchObject({ index: 260 });
  });
});

describe("one fault after another", () => {
  const places = ["write", "append"] as const;
  const single = places.flatMap((place) => FAULTS.map((as) => [place, as] as const));
  const pairs = single.flatMap((one) => single.map((two) => [...one, ...two] as const));

  // The second one strikes the first write, or append, after the restart; where the anchor lacks the
  // newest checkpoint, that append is part of the opening.
  test.each(pairs)("%s %s, then %s %s after the restart", async (...pair) => {
    const [at, as, nextAt, nextAs] = pair;
    const first = await runInto(at === "write" ? { write: 3, as } : { append: 3, as });
    const middle = at === "append" || persists(as) ? 256 : 255;
    const fault: Fault = nextAt === "write" ? { write: 0, as: nextAs } : { append: 0, as: nextAs };
    const second = new FaultStore(first.store.inner.reopen(), fault);
    const anchor = new FaultAnchor(fault, first.anchor.left());
    const work = async (): Promise<void> => {
      await (await openLog(second, { anchor })).append(request("late"));
    };
    await Promise.race([work().catch(() => undefined), second.gone, anchor.gone]);

    const left = second.inner.reopen();
    const leftAnchor = anchor.left();
    const third = await openLog(left, { anchor: leftAnchor });
    expect(third.standing()).toEqual({ kind: "writer" });
    const { size } = third.head().checkpoint;
    expect([middle, middle + 1]).toContain(size);
    await first.witness.demand(third);
    expect(await checkBoth(left, leftAnchor)).toMatchObject({ verdict: "sound", size });
    expect(await third.append(request("late"))).toMatchObject({
      index: middle,
      isDuplicate: size > middle,
    });
  });
});

function checkBoth(store: MemoryStore, anchor: MemoryAnchor): Promise<LogReport> {
  return checkLog({ store: store.reopen(), anchor: anchor.reopen(), key });
}
