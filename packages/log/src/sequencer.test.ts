import { describe, expect, test } from "@jest/globals";

import type { LogError } from "./error.js";
import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import {
  appendAll,
  checkRows,
  createLog,
  entryOf,
  NOON,
  openLog,
  range,
  request,
  signer,
} from "./testing/bench.js";
import { GateStore } from "./testing/gate.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

interface Gated {
  readonly store: GateStore;
  readonly log: Log;
}

async function gated(options: Parameters<typeof createLog>[1] = {}): Promise<Gated> {
  const store = new GateStore(new MemoryStore());
  return { store, log: await createLog(store, options) };
}

describe("rounds", () => {
  test("one write each, and one for all that is submitted in a breath", async () => {
    const { store, log } = await gated();
    await appendAll(log, 0, 100);
    expect(store.writes).toHaveLength(2);
    expect(log.head().checkpoint.size).toBe(101);
  });

  test("start at once when idle, and collect while one commits", async () => {
    const { store, log } = await gated();
    const gate = store.hold("before");
    const first = log.append(request(0));
    await gate.arrived;
    const others = range(1, 200).map((n) => log.append(request(n)));
    expect(log.head().checkpoint.size).toBe(1);
    gate.open();
    expect((await first).checkpoint.checkpoint.size).toBe(2);
    const sizes = (await Promise.all(others)).map(({ checkpoint }) => checkpoint.checkpoint.size);
    expect(new Set(sizes)).toEqual(new Set([201]));
    expect(store.writes).toHaveLength(3);
  });

  test("take at most 1024 entries", async () => {
    const { store, log } = await gated();
    await appendAll(log, 0, 2500);
    expect(store.writes).toHaveLength(4);
    const sizes = await Promise.all([1, 1025, 2049, 2501].map((size) => log.checkpointAt(size)));
    expect(sizes).toHaveLength(4);
  });

  test("take at most 8 MiB of bodies", async () => {
    const { store, log } = await gated();
    const padding = "x".repeat(3 * 1024 * 1024);
    await Promise.all(
      range(0, 5).map((n) =>
        log.append(request(`${padding}${n}`, { collateral: new Uint8Array() })),
      ),
    );
    expect(store.writes).toHaveLength(1 + 3);
  });

  test("write entry, body, bundle, tiles, chain and head together", async () => {
    const { store, log } = await gated();
    await appendAll(log, 0, 1);
    // Body, index, bundle, leaf tile, checkpoint, head; the first also meta and control.
    expect(store.writes).toEqual([8, 6]);
    await appendAll(log, 1, 255);
    // The 256th entry fills the tile: one more on level 1.
    expect(store.writes[2]).toBe(2 * 254 + 1 + 2 + 2);
  });
});

describe("nothing is shown before it is durable", () => {
  test("not the checkpoint, the entry, its body or its receipt, though the rows are there", async () => {
    const { store, log } = await gated();
    const gate = store.hold("after");
    const appending = log.append(request(1));
    await gate.arrived;
    const entry = entryOf(1);
    expect(log.isPending(entry)).toBe(true);
    expect(log.head().checkpoint.size).toBe(1);
    expect(await log.lookup(entry)).toBeUndefined();
    await expect(log.body(entry)).rejects.toEqual(code("LOG_ENTRY_NOT_FOUND"));
    await expect(log.inclusionReceipt(entry)).rejects.toEqual(code("LOG_ENTRY_NOT_FOUND"));
    await expect(log.checkpointAt(2)).rejects.toEqual(code("LOG_SIZE_UNKNOWN"));
    await expect(log.entryAt(1)).rejects.toEqual(code("LOG_RANGE_INVALID"));
    await expect(log.bundle(0, 2)).rejects.toEqual(code("LOG_RANGE_INVALID"));
    expect(await log.bundle(0, 1)).toHaveLength(34);
    gate.open();
    await appending;
    expect(log.isPending(entry)).toBe(false);
    expect(await log.lookup(entry)).toMatchObject({ index: 1 });
  });

  test("reads during a commit see the tree before it, across a tile border", async () => {
    const { store, log } = await gated();
    await appendAll(log, 0, 250);
    const before = await log.tile({ level: 0, index: 0, width: 251 });
    const gate = store.hold("after");
    const appending = appendAll(log, 250, 300);
    await gate.arrived;
    expect(await log.tile({ level: 0, index: 0, width: 251 })).toEqual(before);
    await expect(log.tile({ level: 0, index: 0, width: 252 })).rejects.toEqual(
      code("LOG_RANGE_INVALID"),
    );
    const receipt = await log.inclusionReceipt(entryOf(3));
    gate.open();
    await appending;
    expect(await log.inclusionReceipt(entryOf(3), 251)).toEqual(receipt);
    expect(await log.tile({ level: 0, index: 0, width: 251 })).toEqual(before);
  });
});

describe("duplicates", () => {
  test("a thousand at once get one index", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    const sequenced = await Promise.all(range(0, 1000).map(() => log.append(request("same"))));
    expect(new Set(sequenced.map(({ index }) => index))).toEqual(new Set([1]));
    expect(sequenced.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
    expect(log.head().checkpoint.size).toBe(2);
    expect(await checkRows(store)).toMatchObject({ verdict: "sound", size: 2 });
  });

  test("of what waits, of what commits and of what is logged", async () => {
    const { store, log } = await gated();
    const gate = store.hold("before");
    const first = log.append(request("a"));
    await gate.arrived;
    const committing = log.append(request("a"));
    const waiting = log.append(request("b"));
    const behind = log.append(request("b"));
    gate.open();
    const results = await Promise.all([
      first,
      committing,
      waiting,
      behind,
      log.append(request("a")),
    ]);
    expect(results.map(({ index, isDuplicate }) => [index, isDuplicate])).toEqual([
      [1, false],
      [1, true],
      [2, false],
      [2, true],
      [1, true],
    ]);
    const later = await log.append(request("a"));
    expect(later).toMatchObject({ index: 1, isDuplicate: true });
    expect(later.checkpoint).toBe(log.head());
  });

  test("after a restart", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 300);
    await log.close();
    const reopened = await openLog(store.reopen());
    const again = await Promise.all(range(0, 300).map((n) => reopened.append(request(n))));
    expect(again.map(({ index }) => index)).toEqual(range(1, 301));
    expect(again.every(({ isDuplicate }) => isDuplicate)).toBe(true);
    expect(reopened.head().checkpoint.size).toBe(301);
  });

  test("among new entries in one round", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 5);
    const order = [3, 10, 10, 0, 11, 4, 11];
    const sequenced = await Promise.all(order.map((n) => log.append(request(n))));
    expect(sequenced.map(({ index }) => index)).toEqual([4, 6, 6, 1, 7, 5, 7]);
    expect(log.head().checkpoint.size).toBe(8);
    expect(await checkRows(store)).toMatchObject({ verdict: "sound" });
  });

  test("a round of nothing but duplicates writes nothing", async () => {
    const { store, log } = await gated();
    await appendAll(log, 0, 5);
    const writes = store.writes.length;
    await appendAll(log, 0, 5);
    expect(store.writes).toHaveLength(writes);
  });

  test("keep the first collateral", async () => {
    const log = await createLog();
    await log.append(request(1));
    await log.append(request(1, { collateral: Uint8Array.of(9, 9) }));
    expect((await log.lookup(entryOf(1)))?.collateral).toEqual(request(1).collateral);
  });

  test("submitted while the look into the store is under way are caught in the next round", async () => {
    const { store, log } = await gated();
    // The same entry again and again, from before, during and after each of its rounds.
    const appending: Promise<number>[] = [];
    while (appending.length < 50) {
      appending.push(log.append(request("same")).then(({ index }) => index));
      await Promise.resolve();
    }
    expect(new Set(await Promise.all(appending))).toEqual(new Set([1]));
    expect(await checkRows(store.inner)).toMatchObject({ verdict: "sound", size: 2 });
  });
});

describe("I6: the time of admission", () => {
  const at = (n: number, admittedAt: number): ReturnType<typeof request> =>
    request(n, { admittedAt });

  test("of the whole round is no later than the checkpoint that covers it first", async () => {
    const log = await createLog();
    const round = [at(1, NOON), at(2, NOON + 7), at(3, NOON + 3)];
    const sequenced = await Promise.all(round.map((one) => log.append(one)));
    expect(sequenced.map(({ index }) => index)).toEqual([1, 2, 3]);
    expect(log.head().checkpoint).toMatchObject({ size: 4, time: NOON + 7 });
    expect((await log.append(request(4))).checkpoint.checkpoint.time).toBe(NOON + 7);
  });

  test("is no earlier than the checkpoint before, whenever the entry came in", async () => {
    const { store, log } = await gated();
    const gate = store.hold("before");
    const first = log.append(at(1, NOON + 2));
    await gate.arrived;
    const waiting = [NOON + 1, NOON + 2, NOON + 3].map((time, i) => log.append(at(2 + i, time)));
    gate.open();
    await first;
    const [early, same, later] = await Promise.allSettled(waiting);
    expect(early).toMatchObject({ status: "rejected", reason: code("LOG_PRECONDITION_FAILED") });
    expect(same).toMatchObject({ status: "fulfilled", value: { index: 2 } });
    expect(later).toMatchObject({ status: "fulfilled", value: { index: 3 } });
    expect(log.head().checkpoint).toMatchObject({ size: 4, time: NOON + 3 });
    expect(await log.append(at(2, NOON + 3))).toMatchObject({ index: 4, isDuplicate: false });
    expect(await checkRows(store.inner)).toMatchObject({ verdict: "sound", size: 5 });
  });

  test("does not move an entry that is there", async () => {
    const log = await createLog();
    await log.append(at(1, NOON + 5));
    expect(await log.append(at(1, NOON))).toMatchObject({ index: 1, isDuplicate: true });
  });

  test.each([-1, 1.5, Number.NaN, Infinity])("is whole seconds, not %s", async (time) => {
    const log = await createLog();
    await expect(log.append(at(1, time))).rejects.toThrow(TypeError);
  });
});

describe("pushback", () => {
  test("when too many wait; duplicates still join", async () => {
    const { store, log } = await gated({ pool: { maxEntries: 2 } });
    const gate = store.hold("before");
    const first = log.append(request(0));
    await gate.arrived;
    const waiting = [log.append(request(1)), log.append(request(2))];
    await expect(log.append(request(3))).rejects.toEqual(code("LOG_FULL"));
    waiting.push(log.append(request(2)), log.append(request(0)));
    gate.open();
    await first;
    expect((await Promise.all(waiting)).map(({ index }) => index)).toEqual([2, 3, 3, 1]);
    expect(await log.append(request(3))).toMatchObject({ index: 4 });
  });

  test("when too much waits", async () => {
    const { store, log } = await gated({ pool: { maxBytes: 100 } });
    const gate = store.hold("before");
    const first = log.append(request(0));
    await gate.arrived;
    const waiting = log.append(request("y".repeat(80)));
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_FULL"));
    gate.open();
    await Promise.all([first, waiting]);
  });

  test("when the log is closing", async () => {
    const { store, log } = await gated();
    const gate = store.hold("before");
    const first = log.append(request(0));
    await gate.arrived;
    const closing = log.close();
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_CLOSING"));
    gate.open();
    await closing;
    expect(await first).toMatchObject({ index: 1 });
  });
});

describe("a fault before the write", () => {
  const failing = {
    algorithm: signer.algorithm,
    publicKey: signer.publicKey,
    sign: (): Promise<Uint8Array> => Promise.reject(new Error("the signer is away")),
  };

  test("in the signer stops the log; what is stored opens as before", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 5);
    await log.close();
    const fatal: LogError[] = [];
    const stopped = await openLog(store.reopen(), {
      signer: failing,
      onFatal: (error) => fatal.push(error),
    });
    await expect(stopped.append(request(9))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    await expect(stopped.append(request(10))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(fatal).toEqual([code("LOG_UNAVAILABLE")]);
    expect(fatal[0]?.message).toContain("the signer is away");
    expect(stopped.head().checkpoint.size).toBe(6);
    expect((await openLog(store.reopen())).head().checkpoint.size).toBe(6);
  });

  test("in the clock stops the log", async () => {
    let time = 1_800_000_000;
    const log = await createLog(new MemoryStore(), { now: () => time });
    time = Number.NaN;
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_UNAVAILABLE"));
  });

  test("in the creation of a log leaves nothing", async () => {
    const store = new MemoryStore();
    await expect(createLog(store, { signer: failing })).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(store.rows()).toEqual([]);
  });
});
