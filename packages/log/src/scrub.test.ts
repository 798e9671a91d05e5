import { describe, expect, test } from "@jest/globals";

import type { IndexMark } from "./index-pass.js";
import { digestKey, numberOfKey, SCRUB_KEY } from "./layout.js";
import type { RowSource } from "./pinned.js";
import { encodePlacement } from "./record.js";
import type { ScrubOptions } from "./scrub.js";
import { decodeScrub } from "./scrub-progress.js";
import { appendAll, checkRows, NOON, openLog } from "./testing/bench.js";
import { payloadOf, put } from "./testing/sample.js";
import {
  bench,
  PAUSE,
  placed,
  problemsOf,
  recordsOf,
  watch,
  type Watched,
} from "./testing/watched.js";

/** So many entries at a thousand a second. */
function expectWork(waits: readonly number[], entries: number): void {
  const waited = waits.reduce((sum, ms) => sum + ms, 0);
  expect(waited).toBeGreaterThan(entries - 20);
  expect(waited).toBeLessThanOrEqual(entries + 1);
}

const UNACCOUNTED = [
  { kind: "unexpected", where: "digest rows", detail: "1 more than there are entries" },
];

describe("a scrub of a sound log", () => {
  test("verifies tree and bodies, and says how long ago", async () => {
    const at = await bench();
    let time = NOON;
    const { scrub, problems, failures, cycle } = watch(at, { now: () => time });
    expect(scrub.ages()).toEqual({
      tree: { ageSeconds: null, verified: 0 },
      bodies: { ageSeconds: null, verified: 0 },
      errors: 0,
      suspicions: 0,
    });
    await cycle();
    time += 90;
    expect({ problems, failures }).toEqual({ problems: [], failures: [] });
    expect(scrub.ages()).toEqual({
      tree: { ageSeconds: 90, verified: 701 },
      bodies: { ageSeconds: 90, verified: 701 },
      errors: 0,
      suspicions: 0,
    });
    expect(scrub.progress.tree).toEqual({
      verifiedSize: 0,
      startedAt: NOON,
      completedAt: NOON,
      completedSize: 701,
    });
    await scrub.stop();
  });

  test("keeps to its rate", async () => {
    const at = await bench(1500);
    const { scrub, waits, cycle } = watch(at, { entriesPerSecond: 1000 });
    await cycle();
    await scrub.stop();
    // Entries, index rows and bodies at a thousand a second; what is left of a wait is owed.
    expectWork(waits, 3 * 1501 + 5 * (await recordsOf(at.anchor)).length + 1);
  });

  test("keeps to its rate where every entry has a checkpoint of its own", async () => {
    const at = await bench(300);
    for (let n = 300; n < 600; n++) await appendAll(at.log, n, n + 1);
    const records = (await recordsOf(at.anchor)).length;
    expect(records).toBeGreaterThan(300);
    const { scrub, waits, cycle } = watch(at, { entriesPerSecond: 1000 });
    await cycle();
    await scrub.stop();
    // A checkpoint is as much as four entries, its anchor record as one.
    expectWork(waits, 3 * 601 + 5 * records + 1);
    // Never more at once than a bundle with a checkpoint for each of its entries.
    expect(Math.max(...waits)).toBeLessThanOrEqual(5 * 256 + 20);
  });

  test("reads no more rows at once than a bundle has entries", async () => {
    const at = await bench(300);
    for (let n = 300; n < 900; n++) await appendAll(at.log, n, n + 1);
    let [read, most] = [0, 0];
    const counting: RowSource = {
      getMany: (keys) => {
        most = Math.max(most, keys.length);
        return at.store.getMany(keys);
      },
      keys: async function* (range) {
        read = 0;
        for await (const rowKey of at.store.keys(range)) {
          most = Math.max(most, ++read);
          yield rowKey;
        }
      },
    };
    const { scrub, problems, cycle } = watch(at, { store: counting });
    await cycle();
    await scrub.stop();
    expect(problems).toEqual([]);
    expect(most).toBe(256);
  });

  test("keeps its progress, and begins the next cycle with what was appended", async () => {
    const at = await bench();
    const { scrub, cycle } = watch(at);
    await cycle();
    const kept = decodeScrub(await payloadOf(at.store, SCRUB_KEY));
    expect(kept.tree).toMatchObject({ completedSize: 701, completedAt: NOON, mark: undefined });
    expect(kept.bodies).toMatchObject({ completedSize: 701, completedAt: NOON });
    await appendAll(at.log, 700, 900);
    await cycle();
    expect(scrub.progress.bodies.completedSize).toBe(901);
    await scrub.stop();
    expect(await checkRows(at.store)).toMatchObject({ verdict: "sound" });
  });

  test("goes on after a restart where it was", async () => {
    const at = await bench(1500);
    let time = NOON;
    // Notes fall due with every step, and the process ends in the middle of the tree pass.
    const first = watch(at, { now: () => (time += 60) });
    first.scrub.start();
    while (first.waits.length < 3) await new Promise((resolve) => setImmediate(resolve));
    await first.scrub.stop();
    const kept = decodeScrub(await payloadOf(at.store, SCRUB_KEY));
    const { verifiedSize, startedAt } = kept.tree;
    expect(verifiedSize).toBeGreaterThanOrEqual(512);
    const read: number[] = [];
    const counting: RowSource = {
      getMany: (keys) => {
        read.push(...keys.filter((rowKey) => rowKey[0] === 0x62).map((rowKey) => rowKey[8] ?? 0));
        return at.store.getMany(keys);
      },
      keys: (range) => at.store.keys(range),
    };
    const second = watch(at, { store: counting });
    await second.cycle();
    expect(second.problems).toEqual([]);
    expect(second.scrub.progress.tree).toMatchObject({ startedAt, completedSize: 1501 });
    // The bundles of the tree pass, then those of the body pass.
    expect(read[0]).toBe(verifiedSize / 256);
    await second.scrub.stop();
  });

  test("goes on after a restart among the index rows, and counts those before", async () => {
    const at = await bench(1500);
    let time = NOON;
    const noted: (IndexMark | undefined)[] = [];
    const log: ScrubOptions["log"] = {
      head: () => at.log.head(),
      control: () => at.log.control(),
      standing: () => at.log.standing(),
      note: async (rowKey, payload) => {
        await at.log.note(rowKey, payload);
        const { index } = decodeScrub(payload).tree;
        noted.push(index);
        // The process ends in the middle of the index rows.
        if (index !== undefined && index.count >= 512) void first.scrub.stop();
      },
    };
    const first: Watched = watch(at, { log, now: () => (time += 60) });
    first.scrub.start();
    while ((noted.at(-1)?.count ?? 0) < 512) await new Promise((done) => setImmediate(done));
    await first.scrub.stop();
    expect(noted.at(-1)).toMatchObject({ size: 1501, count: 512 });
    // What is logged meanwhile is not counted, and is no orphan.
    await appendAll(at.log, 1500, 1600);
    const orphan = at.store.reopen();
    put(orphan, digestKey(new Uint8Array(32).fill(0xff)), encodePlacement(placed(3)));
    const bundles: number[] = [];
    const counting: RowSource = {
      getMany: (keys) => {
        bundles.push(...keys.filter((rowKey) => rowKey[0] === 0x62).map(numberOfKey));
        return at.store.getMany(keys);
      },
      keys: (range) => at.store.keys(range),
    };
    const second = watch(at, { store: counting, anchor: undefined });
    await second.cycle();
    await second.scrub.stop();
    expect(second.problems).toEqual([]);
    expect(second.scrub.progress.tree.completedSize).toBe(1501);
    // Those of the new rows, then those of the body pass: the tree is not walked again.
    const bodies = bundles.indexOf(0);
    expect(Math.min(...bundles.slice(0, bodies))).toBe(5);
    expect(bundles.slice(bodies)).toEqual([0, 1, 2, 3, 4, 5, 6]);

    // The same rows with one too many behind the place where it goes on.
    orphan.damage(SCRUB_KEY, await at.store.get(SCRUB_KEY));
    expect(await problemsOf({ ...at, store: orphan })).toMatchObject(UNACCOUNTED);
  });

  test("keeps its progress in memory while the log is frozen", async () => {
    const at = await bench(1500);
    await at.log.freeze("moved");
    let isFailing = true;
    const bundles: number[] = [];
    const store: RowSource = {
      getMany: (keys) => {
        const wanted = keys.filter((rowKey) => rowKey[0] === 0x62).map(numberOfKey);
        if (isFailing && wanted.includes(4)) return Promise.reject(new Error("EIO"));
        bundles.push(...wanted);
        return at.store.getMany(keys);
      },
      keys: (range) => at.store.keys(range),
    };
    const { scrub, failures, problems, cycle } = watch(at, { store });
    await cycle();
    expect(failures).toMatchObject([{ code: "LOG_UNAVAILABLE" }]);
    expect(scrub.progress.tree.verifiedSize).toBe(1024);
    isFailing = false;
    bundles.length = 0;
    await cycle();
    await scrub.stop();
    expect(bundles[0]).toBe(4);
    expect(problems).toEqual([]);
    expect(scrub.progress.bodies.completedSize).toBe(1501);
    expect(await at.store.get(SCRUB_KEY)).toBeUndefined();
  });

  test("finds nothing while the log grows under it", async () => {
    const at = await bench(300);
    let n = 300;
    const { scrub, problems, failures, cycle } = watch(at, {
      entriesPerSecond: 1_000_000,
      wait: async (ms) => {
        if (ms < PAUSE) await appendAll(at.log, n, (n += 37));
      },
      pauseSeconds: 0.01,
    });
    void cycle();
    while (n < 4000) {
      await appendAll(at.log, n, (n += 61));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await scrub.stop();
    expect({ problems, failures }).toEqual({ problems: [], failures: [] });
    expect(scrub.progress.tree.completedSize).toBeGreaterThan(300);
  });

  test("keeps no progress in a log that is not written, and none when space is low", async () => {
    const at = await bench();
    await at.log.close();
    const anchor = at.anchor.reopen();
    const log = await openLog(at.store.reopen(), { anchor: at.anchor.reopen(), now: () => 0 });
    expect(log.standing().kind).toBe("reader");
    const store = at.store.reopen();
    const reader = watch({ store, anchor, log });
    await reader.cycle();
    await reader.scrub.stop();
    expect(reader.scrub.progress.tree.completedSize).toBe(701);
    expect(await store.get(SCRUB_KEY)).toBeUndefined();

    const full = await bench();
    const space = { freeBytes: () => Promise.resolve(1), floorBytes: 2 };
    const writer = watch(full, { space });
    await writer.cycle();
    await writer.scrub.stop();
    expect(await full.store.get(SCRUB_KEY)).toBeUndefined();
  });
});

describe("a scrub that cannot read", () => {
  test("says so and tries again; that is no damage", async () => {
    const at = await bench();
    let isFailing = true;
    const store: RowSource = {
      getMany: (keys) => (isFailing ? Promise.reject(new Error("EIO")) : at.store.getMany(keys)),
      keys: (range) => at.store.keys(range),
    };
    const { scrub, problems, failures, cycle } = watch(at, { store });
    await cycle();
    expect(failures).toMatchObject([{ code: "LOG_UNAVAILABLE" }]);
    isFailing = false;
    await cycle();
    expect(scrub.progress.tree.completedSize).toBe(701);
    expect(problems).toEqual([]);
    await scrub.stop();
  });

  test("is told by its rate that it may not run", async () => {
    const at = await bench(301);
    expect(() => watch(at, { entriesPerSecond: 0 })).toThrow(TypeError);
  });
});
