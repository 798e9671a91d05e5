import { describe, expect, test } from "@jest/globals";

import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import { appendAll, createLog, request } from "./testing/bench.js";
import { GateStore } from "./testing/gate.js";

interface Opened {
  readonly store: GateStore;
  readonly log: Log;
}

async function opened(): Promise<Opened> {
  const store = new GateStore(new MemoryStore());
  return { store, log: await createLog(store) };
}

const sizeAfter = async (appended: ReturnType<Log["append"]>): Promise<number> =>
  (await appended).checkpoint.checkpoint.size;

describe("a round", () => {
  test("waits for an entry that is announced, and takes it with it", async () => {
    const { log, store } = await opened();
    const arrived = log.arrivals.announce();
    const first = sizeAfter(log.append(request(0)));
    // As many turns as a verification may take without a timer running out.
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    const second = sizeAfter(log.append(request(1)));
    arrived();
    expect(await Promise.all([first, second])).toEqual([3, 3]);
    expect(store.writes).toHaveLength(2);
    await log.close();
  });

  test("waits for the last of several, however often one of them is over", async () => {
    const { log, store } = await opened();
    const [one, other] = [log.arrivals.announce(), log.arrivals.announce()];
    const first = sizeAfter(log.append(request(0)));
    one();
    one();
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    expect(store.writes).toHaveLength(1);
    const second = sizeAfter(log.append(request(1)));
    other();
    expect(await Promise.all([first, second])).toEqual([3, 3]);
    await log.close();
  });

  test("does not wait for one that never comes", async () => {
    const { log } = await opened();
    log.arrivals.announce();
    expect(await sizeAfter(log.append(request(0)))).toBe(2);
    expect(await sizeAfter(log.append(request(1)))).toBe(3);
    await log.close();
  });

  test("begins at once where nothing is announced any more", async () => {
    const { log, store } = await opened();
    log.arrivals.announce()();
    await appendAll(log, 0, 10);
    expect(store.writes).toHaveLength(2);
    await log.close();
  });
});

describe("what is announced", () => {
  test("holds up neither an action between rounds nor a freeze nor the end", async () => {
    const { log } = await opened();
    log.arrivals.announce();
    expect(await log.between(() => Promise.resolve("done"))).toBe("done");
    await log.freeze("over");
    expect(log.standing()).toMatchObject({ kind: "reader", code: "LOG_FROZEN" });
    await log.close();
  });

  test("lets those be answered that wait when the log closes", async () => {
    const { log } = await opened();
    log.arrivals.announce();
    const waiting = sizeAfter(log.append(request(0)));
    await log.close();
    expect(await waiting).toBe(2);
  });
});
