import { afterEach, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";

import { bundleKey, isEqual } from "./layout.js";
import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import { Reader } from "./reader.js";
import { appendAll, checkRows, createLog, openLog, range, request } from "./testing/bench.js";

const looks = jest.spyOn(Reader.prototype, "placements");

afterEach(() => {
  looks.mockClear();
});

/** Yields whether a new entry is appended without a look into the store. */
async function isUnlooked(log: Log, n: number | string): Promise<boolean> {
  looks.mockClear();
  expect((await log.append(request(n))).isDuplicate).toBe(false);
  return looks.mock.calls.length === 0;
}

/** The filter is read between turns of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Appends new entries until one is not looked for, and yields how many that took. */
async function fill(log: Log): Promise<number> {
  for (let n = 0; n < 10_000; n++) {
    if (await isUnlooked(log, `filling ${n}`)) return n + 1;
    await turn();
  }
  throw new Error("the filter is not filled");
}

function has(keys: readonly Uint8Array[], wanted: Uint8Array): boolean {
  return keys.some((key) => isEqual(key, wanted));
}

/** Yields a log of the genesis entry and 7,000 more, opened anew with a filter. */
async function reopened(): Promise<{ readonly store: MemoryStore; readonly log: Log }> {
  const first = new MemoryStore();
  const before = await createLog(first);
  for (let from = 0; from < 7000; from += 1000) await appendAll(before, from, from + 1000);
  await before.close();
  const store = first.reopen();
  return { store, log: await openLog(store, { filterFrom: 1 }) };
}

describe("entries that are known in memory", () => {
  test("need no look once all are, and are found to be logged whenever they came", async () => {
    const { store, log } = await reopened();
    const added = await fill(log);
    await appendAll(log, 7000, 7300);
    expect(await isUnlooked(log, "new")).toBe(true);
    const again = await Promise.all(range(0, 7300).map((n) => log.append(request(n))));
    const indexes = range(0, 7300).map((n) => n + 1 + (n < 7000 ? 0 : added));
    expect(again.map(({ index }) => index)).toEqual(indexes);
    expect(again.every(({ isDuplicate }) => isDuplicate)).toBe(true);
    expect(await log.append(request("genesis"))).toMatchObject({ index: 0, isDuplicate: true });
    expect(await checkRows(store)).toMatchObject({ verdict: "sound" });
  });

  test("are looked for while the filter is filled", async () => {
    const { log } = await reopened();
    expect(await isUnlooked(log, "first")).toBe(false);
    const twice = [request(6999), request(0), request("first")];
    const again = await Promise.all(twice.map((one) => log.append(one)));
    expect(again.map(({ index, isDuplicate }) => [index, isDuplicate])).toEqual([
      [7000, true],
      [1, true],
      [7001, true],
    ]);
  });

  test.each([
    ["is gone", undefined],
    ["is damaged", Uint8Array.of(1, 2, 3, 4, 5)],
  ])("are looked for, always, where a bundle %s", async (_name, value) => {
    const { store, log } = await reopened();
    store.damage(bundleKey(20), value);
    const read = jest.spyOn(store, "getMany");
    const isRead = (): boolean => read.mock.calls.some(([keys]) => has(keys, bundleKey(20)));
    for (let n = 0; !isRead(); n++) {
      await isUnlooked(log, `before ${n}`);
      await turn();
    }
    for (let n = 0; n < 100; n++) expect(await isUnlooked(log, `after ${n}`)).toBe(false);
    expect(await log.append(request(7))).toMatchObject({ index: 8, isDuplicate: true });
  });

  test("are looked for in a small log", async () => {
    const log = await createLog();
    await appendAll(log, 0, 1000);
    for (const n of range(1000, 1050)) expect(await isUnlooked(log, n)).toBe(false);
  });

  test("are not read any more once the log is closed", async () => {
    const { store, log } = await reopened();
    await log.append(request("first"));
    await log.close();
    const read = jest.spyOn(store, "getMany");
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
    expect(read).not.toHaveBeenCalled();
  });

  test("have one index each, whatever comes when, over restarts", async () => {
    const step = fc.oneof(
      { weight: 9, arbitrary: fc.array(fc.nat(400), { minLength: 1, maxLength: 40 }) },
      { weight: 1, arbitrary: fc.constant("restart" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        let store = new MemoryStore();
        let log = await createLog(store, { filterFrom: 2 });
        const indexes = new Map<number, number>();
        for (const one of steps) {
          if (one === "restart") {
            await log.close();
            store = store.reopen();
            log = await openLog(store, { filterFrom: 2 });
            continue;
          }
          const sequenced = await Promise.all(one.map((n) => log.append(request(n))));
          for (const [i, n] of one.entries()) {
            const known = indexes.get(n) ?? indexes.size + 1;
            indexes.set(n, known);
            expect(sequenced[i]).toMatchObject({ index: known });
          }
        }
        expect(log.head().checkpoint.size).toBe(indexes.size + 1);
        await log.close();
      }),
      { numRuns: 60 },
    );
  });
});
