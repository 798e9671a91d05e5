import { describe, expect, test } from "@jest/globals";

import type { AnchorRecord } from "./anchor.js";
import type { LogError } from "./error.js";
import { bodyKey, KIND, SCRUB_KEY } from "./layout.js";
import type { Log } from "./log.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import type { RowSource } from "./pinned.js";
import type { LogProblem } from "./report.js";
import { Scrub, type ScrubOptions } from "./scrub.js";
import { decodeScrub } from "./scrub-progress.js";
import { appendAll, checkRows, createLog, entryOf, key, NOON, openLog } from "./testing/bench.js";
import { flipped } from "./testing/damage.js";
import { payloadOf } from "./testing/sample.js";

interface Bench {
  readonly store: MemoryStore;
  readonly anchor: MemoryAnchor;
  readonly log: Log;
}

async function bench(entries = 700): Promise<Bench> {
  const store = new MemoryStore();
  const anchor = new MemoryAnchor();
  const log = await createLog(store, { anchor });
  await appendAll(log, 0, 300);
  await appendAll(log, 300, entries);
  return { store, anchor, log };
}

async function recordsOf(anchor: MemoryAnchor): Promise<readonly AnchorRecord[]> {
  const records: AnchorRecord[] = [];
  for await (const record of anchor.records()) records.push(record);
  return records;
}

interface Watched {
  readonly scrub: Scrub;
  readonly problems: LogProblem[];
  readonly failures: LogError[];
  readonly waits: number[];
  /** Resolves when a cycle has come to its pause, or the scrub to its end. */
  readonly cycle: () => Promise<void>;
}

const PAUSE = 60_000;

/** A scrub whose waits cost no time and whose pause lasts until the next cycle is asked for. */
function watch({ store, anchor, log }: Bench, options: Partial<ScrubOptions> = {}): Watched {
  const [problems, failures, waits]: [LogProblem[], LogError[], number[]] = [[], [], []];
  let paused: () => void = () => undefined;
  let resume: () => void = () => undefined;
  const scrub = new Scrub({
    store,
    anchor,
    log,
    key,
    entriesPerSecond: 5000,
    now: () => NOON,
    onProblem: (found) => {
      problems.push(...found);
      paused();
    },
    onFailure: (error) => failures.push(error),
    wait: (ms, signal) => {
      if (ms < PAUSE) {
        waits.push(ms);
        return Promise.resolve();
      }
      paused();
      return new Promise((resolve) => {
        resume = resolve;
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
    },
    ...options,
  });
  const cycle = (): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      paused = resolve;
    });
    scrub.start();
    resume();
    return done;
  };
  return { scrub, problems, failures, waits, cycle };
}

describe("a scrub of a sound log", () => {
  test("verifies tree and bodies, and says how long ago", async () => {
    const at = await bench();
    let time = NOON;
    const { scrub, problems, failures, cycle } = watch(at, { now: () => time });
    expect(scrub.ages()).toEqual({
      tree: { ageSeconds: null, verified: 0 },
      bodies: { ageSeconds: null, verified: 0 },
      errors: 0,
    });
    await cycle();
    time += 90;
    expect({ problems, failures }).toEqual({ problems: [], failures: [] });
    expect(scrub.ages()).toEqual({
      tree: { ageSeconds: 90, verified: 701 },
      bodies: { ageSeconds: 90, verified: 701 },
      errors: 0,
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
    // Two passes over 1,501 entries at a thousand a second; what is left of a wait is owed.
    const waited = waits.reduce((sum, ms) => sum + ms, 0);
    expect(waited).toBeGreaterThan(2900);
    expect(waited).toBeLessThanOrEqual(3002);
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

describe("a scrub of a damaged log", () => {
  const kinds = Object.entries(KIND).filter(([, kind]) => !["f", "v", "h"].includes(kind));

  test.each(kinds)("finds one bit turned in a row of kind %s", async (_, kind) => {
    const at = await bench();
    const rows = at.store.rows().filter((row) => row.key[0] === kind.charCodeAt(0));
    const row = rows[Math.floor(rows.length / 2)];
    if (row === undefined) throw new Error("no such row");
    const store = at.store.reopen();
    store.damage(row.key, flipped(row.value, 4 * row.value.length));
    const { scrub, problems, cycle } = watch({ ...at, store });
    await cycle();
    expect(problems[0]).toMatchObject({ kind: "checksum" });
    expect(scrub.ages().errors).toBeGreaterThan(0);
    // It has ended with the first problems: what to do about them is its owner's part.
    await scrub.stop();
  });

  test("finds a body that is gone, and one exchanged for another", async () => {
    const at = await bench();
    const store = at.store.reopen();
    store.damage(bodyKey(entryOf(650)), undefined);
    const { problems, cycle } = watch({ ...at, store });
    await cycle();
    expect(problems).toMatchObject([{ kind: "missing" }]);
  });

  test("finds an anchor that holds another checkpoint than the store", async () => {
    const at = await bench();
    const [first, second, ...rest] = await recordsOf(at.anchor);
    if (first === undefined || second === undefined) throw new Error("no such records");
    const forged = { ...second, checkpoint: first.checkpoint };
    const anchor = new MemoryAnchor([first, forged, ...rest]);
    const { problems, cycle } = watch({ ...at, anchor });
    await cycle();
    expect(problems).toMatchObject([{ kind: "mismatch", where: `anchor ${second.size}` }]);
  });

  test("stops the log when its owner freezes it, for ever", async () => {
    const at = await bench();
    const sound = await at.store.get(bodyKey(entryOf(1)));
    at.store.damage(bodyKey(entryOf(1)), Uint8Array.of(1));
    const { scrub, cycle } = watch(at, {
      onProblem: async ([problem]) => {
        await at.log.freeze(`scrub: ${problem?.where ?? ""}`);
      },
    });
    void cycle();
    while (at.log.standing().kind === "writer") {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await scrub.stop();
    await at.log.close();
    const mended = at.store.reopen();
    mended.damage(bodyKey(entryOf(1)), sound);
    const again = await openLog(mended, { anchor: at.anchor.reopen() });
    expect(again.standing()).toMatchObject({ code: "LOG_FROZEN" });
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
