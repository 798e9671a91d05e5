import { beforeAll, describe, expect, test } from "@jest/globals";

import { encodeChainLink } from "@tallystick/receipt";

import {
  bodyKey,
  bundleKey,
  checkpointKey,
  controlKey,
  digestKey,
  formatKey,
  HEAD_KEY,
  numberOfKey,
  tileKey,
} from "./layout.js";
import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import { decodeChainLink, encodeControl, encodePlacement } from "./record.js";
import { recover } from "./recover.js";
import type { Row } from "./store.js";
import {
  anchorFor,
  appendAll,
  createLog,
  entryOf,
  ISSUER,
  key,
  NOON,
  ORIGIN,
  request,
} from "./testing/bench.js";
import { allDamages } from "./testing/damage.js";
import { payloadOf, put } from "./testing/sample.js";

/** A store that remembers its writes and counts what is read. */
class Recorder extends MemoryStore {
  readonly writes: (readonly Row[])[] = [];
  calls = 0;
  rowsRead = 0;

  override get(rowKey: Uint8Array): Promise<Uint8Array | undefined> {
    this.calls++;
    this.rowsRead++;
    return super.get(rowKey);
  }

  override getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.calls++;
    this.rowsRead += keys.length;
    return super.getMany(keys);
  }

  override write(rows: readonly Row[]): Promise<void> {
    this.writes.push(rows);
    return super.write(rows);
  }
}

async function opening(store: MemoryStore, bufferBytes?: number): Promise<void> {
  const expected = { issuer: ISSUER, origin: ORIGIN, key, now: NOON };
  const kept = { store, anchor: await anchorFor(store) };
  await recover(kept, bufferBytes === undefined ? expected : { ...expected, bufferBytes });
}

/** Yields what the store holds when the writes at some places had never been. */
function without(writes: readonly (readonly Row[])[], lost: readonly number[]): MemoryStore {
  const rows = writes.filter((_, at) => !lost.includes(at)).flat();
  const store = new MemoryStore();
  for (const { key: rowKey, value } of rows) store.damage(rowKey, value);
  return store;
}

const corrupt = expect.objectContaining({ code: "LOG_CORRUPT" }) as unknown;

// Write after write; controls at 0, 30 and 700.
const ROUNDS: readonly (readonly [number, number])[] = [
  [1, 2],
  [2, 30],
  [30, 31],
  [31, 250],
  [250, 260],
  [260, 261],
  [261, 512],
  [512, 600],
  [600, 700],
  [700, 701],
  [701, 800],
];
const recorded = new Recorder();

async function grow(log: Log): Promise<void> {
  for (const [from, to] of ROUNDS) {
    if (from === 30 || from === 700) await log.append(request(from, { control: true }));
    else await appendAll(log, from, to);
  }
}

beforeAll(async () => {
  await grow(await createLog(recorded));
});

describe("one write that is gone from the middle", () => {
  const places = ROUNDS.map((_, at) => at + 1).slice(0, -1);

  test("the writes, all of them, make a log that opens", async () => {
    await opening(without(recorded.writes, []));
    expect(recorded.writes).toHaveLength(ROUNDS.length + 1);
  });

  test.each(places)("write %d is found", async (at) => {
    await expect(opening(without(recorded.writes, [at]))).rejects.toEqual(corrupt);
  });

  test.each(places.slice(1))("writes %d and before are found", async (at) => {
    await expect(opening(without(recorded.writes, [at - 1, at]))).rejects.toEqual(corrupt);
  });

  test("the last one makes an older log, which only the anchor can tell", async () => {
    await opening(without(recorded.writes, [ROUNDS.length]));
  });
});

describe("reads that fail", () => {
  /** A store of which every read from one on fails, as those of a disk that has gone away do. */
  class Gone extends MemoryStore {
    left = 0;

    override getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
      return this.left-- > 0 ? super.getMany(keys) : Promise.reject(new Error("EIO"));
    }
  }

  const MANY = 1_000_000;

  // The walk reads ahead, so more than one may be under way when the first fails.
  test("refuse, wherever they begin", async () => {
    const store = new Gone();
    recorded.rows().forEach(({ key: rowKey, value }) => {
      store.damage(rowKey, value);
    });
    store.left = MANY;
    await opening(store);
    const reads = MANY - store.left;
    expect(reads).toBeGreaterThan(10);
    for (let first = 0; first < reads; first++) {
      store.left = first;
      const code = expect.objectContaining({ code: "LOG_UNAVAILABLE" }) as unknown;
      await expect(opening(store)).rejects.toEqual(code);
    }
  });
});

describe("how far the walk goes", () => {
  // The newest rounds: 99 entries, a control entry, 100, 88.
  test.each([
    [1, 701],
    [20_000, 600],
    [60_000, 512],
    [1_000_000, 0],
  ])("with a buffer of %d bytes it ends at %d or before", async (bufferBytes, end) => {
    for (const index of [end, 750, 799]) {
      const store = recorded.reopen();
      store.damage(bodyKey(index), undefined);
      await expect(opening(store, bufferBytes)).rejects.toEqual(corrupt);
    }
  });

  test("it is more than the rounds that two buffers can hold", async () => {
    // Both buffers take rounds until they are full, so each may hold one round more than its size.
    const sizes = recorded.writes.map((rows) =>
      rows.reduce((bytes, { key: k, value }) => bytes + k.length + value.length, 0),
    );
    for (const bufferBytes of [1, 5_000, 30_000, 100_000]) {
      let oldest = sizes.length;
      for (let buffer = 0; buffer < 2; buffer++) {
        for (let held = 0; held <= bufferBytes && oldest > 1; held += sizes[oldest] ?? 0) oldest--;
      }
      const lost = without(recorded.writes, [oldest]);
      await expect(opening(lost, bufferBytes)).rejects.toEqual(corrupt);
    }
  });

  test("it leaves what lies before to the scrub", async () => {
    const store = recorded.reopen();
    store.damage(bodyKey(2), undefined);
    await opening(store, 1);
    await expect(opening(store)).rejects.toEqual(corrupt);
  });

  test("it covers the last bundle, however small the buffer", async () => {
    const store = new Recorder();
    const log = await createLog(store);
    for (let n = 1; n < 200; n += 20) await appendAll(log, n, n + 20);
    store.damage(digestKey(entryOf(3)), undefined);
    await expect(opening(store.reopen(), 1)).rejects.toEqual(corrupt);
  });
});

describe("what the walk reads", () => {
  const keys: readonly Uint8Array[] = [
    bundleKey(0),
    bundleKey(1),
    tileKey({ level: 0, index: 0 }),
    tileKey({ level: 0, index: 1 }),
    tileKey({ level: 1, index: 0 }),
    digestKey(entryOf(7)),
    digestKey(entryOf(400)),
    bodyKey(7),
    bodyKey(400),
    checkpointKey(2),
    checkpointKey(600),
    controlKey(30),
    controlKey(0),
  ];
  const cases = keys.flatMap((rowKey) =>
    allDamages()
      .filter(({ name }) => !name.startsWith("exchanged"))
      .map((damage) => [`${formatKey(rowKey)}: ${damage.name}`, rowKey, damage] as const),
  );
  test.each(cases)("%s is refused", async (_name, rowKey, damage) => {
    const store = recorded.reopen();
    const value = await store.get(rowKey);
    if (value === undefined) throw new Error("no such row");
    damage.apply(store, { key: rowKey, value }, undefined);
    await expect(opening(store)).rejects.toEqual(corrupt);
  });

  test("an index row that points elsewhere is refused", async () => {
    const store = recorded.reopen();
    const placement = { index: 8, collateral: new Uint8Array() };
    put(store, digestKey(entryOf(7)), encodePlacement(placement));
    await expect(opening(store)).rejects.toThrow("entry 7 is indexed as 8");
  });

  test.each([
    ["itself", 30],
    ["a later one", 700],
  ])("a control entry that follows %s is refused", async (_name, previousIndex) => {
    const store = recorded.reopen();
    put(store, controlKey(30), encodeControl({ entry: entryOf(30), previousIndex }));
    await expect(opening(store)).rejects.toThrow("control entry 30 follows none before");
  });

  test("a checkpoint that follows itself is refused, and the walk ends", async () => {
    const store = recorded.reopen();
    const link = decodeChainLink(await payloadOf(store, checkpointKey(800)));
    put(store, checkpointKey(800), encodeChainLink({ ...link, previousSize: 800 }));
    await expect(opening(store)).rejects.toThrow("checkpoint 800 follows none before");
  });
});

describe("the cost of opening", () => {
  // Both end in the same twenty rounds at the same place of a bundle; what lies before differs.
  async function logOfSize(size: number): Promise<Recorder> {
    const store = new Recorder();
    const log = await createLog(store);
    const settled = size - 20 * 20;
    for (let at = 1; at < settled; at += 1024) {
      await appendAll(log, at, Math.min(at + 1024, settled));
    }
    for (let at = settled; at < size; at += 20) await appendAll(log, at, at + 20);
    await log.close();
    return store;
  }

  async function costOf(store: Recorder): Promise<readonly [calls: number, rows: number]> {
    const counted = new Recorder(store.rows());
    const kept = { store: counted, anchor: await anchorFor(store.reopen()) };
    const expected = { issuer: ISSUER, origin: ORIGIN, key, now: NOON, bufferBytes: 4096 };
    await recover(kept, expected);
    return [counted.calls, counted.rowsRead];
  }

  test("does not depend on the size of the log, up to a tile for each level", async () => {
    const small = await logOfSize(1000);
    const large = await logOfSize(1000 + 256 * 387);
    const sizes = [small, large].map((store) => {
      const { key: last } =
        store
          .rows()
          .filter(({ key: k }) => k[0] === 0x63)
          .at(-1) ?? {};
      return numberOfKey(last ?? HEAD_KEY);
    });
    expect(sizes).toEqual([1000, 100_072]);
    const [calls, rowsRead] = await costOf(small);
    const [largeCalls, largeRows] = await costOf(large);
    expect(largeCalls).toBe(calls);
    expect(largeRows - rowsRead).toBeGreaterThanOrEqual(0);
    expect(largeRows - rowsRead).toBeLessThanOrEqual(2);
    expect(calls).toBeLessThan(200);
  }, 300_000);
});
