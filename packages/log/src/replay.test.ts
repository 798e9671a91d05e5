import { jest, describe, expect, test } from "@jest/globals";
import { encodeBundle } from "@tallystick/merkle";
import { decodeChainLink, encodeChainLink, SignedCheckpoint } from "@tallystick/receipt";

import {
  bodyKey,
  bundleKey,
  checkpointKey,
  digestKey,
  HEAD_KEY,
  openRow,
  sealRow,
} from "./layout.js";
import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import { encodePlacement } from "./record.js";
import { type LogReplay, replayLog } from "./replay.js";
import { appendAll, createLog, entryOf, key, request, signer } from "./testing/bench.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** 300 entries in rounds that end at 1, 6, 256 and 300. */
async function filled(store: MemoryStore = new MemoryStore()): Promise<Log> {
  const log = await createLog(store);
  for (const [from, to] of [
    [1, 6],
    [6, 256],
    [256, 300],
  ] as const) {
    await appendAll(log, from, to);
  }
  expect(log.head().checkpoint.size).toBe(300);
  return log;
}

const sizesIn = async (replay: LogReplay, bundle: number): Promise<readonly number[]> => {
  const records = await all(replay.checkpoints(bundle));
  const signed = records.map((record) =>
    SignedCheckpoint.verify(decodeChainLink(record).checkpoint, key),
  );
  return (await Promise.all(signed)).map(({ checkpoint }) => checkpoint.size);
};

const OPENINGS: readonly [string, (log: Log, store: MemoryStore) => Promise<LogReplay>][] = [
  ["of an open log", (log) => Promise.resolve(log.replay())],
  ["of a store", (_log, store) => replayLog(store.reopen())],
];

describe.each(OPENINGS)("a replay %s", (_name, opened) => {
  test("gives every entry with its collateral, in order", async () => {
    const store = new MemoryStore();
    const replay = await opened(await filled(store), store);
    expect(replay.size).toBe(300);
    const entries = [...(await all(replay.entries(0))), ...(await all(replay.entries(1)))];
    expect(entries.map(({ statement }) => text(statement))).toEqual(
      Array.from({ length: 300 }, (_, i) => `body ${i === 0 ? "genesis" : i}`),
    );
    expect(entries.map(({ collateral }) => text(collateral))).toEqual(
      Array.from({ length: 300 }, (_, i) => `admitted ${i === 0 ? "genesis" : i}`),
    );
  });

  test("gives what comes behind an index, and reads nothing before it", async () => {
    const store = new MemoryStore();
    const replay = await opened(await filled(store), store);
    const read = jest.spyOn(MemoryStore.prototype, "getMany");
    const entries = await all(replay.entries(0, 254));
    expect(entries.map(({ statement }) => text(statement))).toEqual(["body 254", "body 255"]);
    const bodies = read.mock.calls
      .flat(2)
      .filter((key) => text(key.subarray(0, 1)) === text(bodyKey(0).subarray(0, 1)));
    read.mockRestore();
    expect(bodies).toHaveLength(2);
    expect(await all(replay.entries(0, 256))).toEqual([]);
    const [last] = await all(replay.checkpoints(0, 6));
    expect(await all(replay.checkpoints(0))).toEqual([expect.anything(), expect.anything(), last]);
    expect(await all(replay.checkpoints(0, 256))).toEqual([]);
  });

  test("gives the checkpoints of a bundle, a checkpoint at its end included", async () => {
    const store = new MemoryStore();
    const replay = await opened(await filled(store), store);
    expect(await sizesIn(replay, 0)).toEqual([1, 6, 256]);
    expect(await sizesIn(replay, 1)).toEqual([300]);
  });

  test("gives the newest and each kept checkpoint as its record", async () => {
    const store = new MemoryStore();
    const replay = await opened(await filled(store), store);
    const [row] = store.rows().filter(({ key }) => text(key) === text(checkpointKey(300)));
    if (row === undefined) throw new Error("no row");
    const newest = await replay.newest();
    expect(newest).toEqual({ size: 300, record: Uint8Array.from(openRow(row)) });
    const { previousSize } = decodeChainLink(await replay.checkpoint(256));
    expect(previousSize).toBe(6);
  });

  test.each([0, 2, 255, 301, -1, 0.5, 2 ** 53])("has no checkpoint of size %d", async (size) => {
    const store = new MemoryStore();
    const replay = await opened(await filled(store), store);
    await expect(replay.checkpoint(size)).rejects.toEqual(code("LOG_SIZE_UNKNOWN"));
  });

  test.each([2, -1, 0.5, Number.NaN, 2 ** 45, 2 ** 53])("has no bundle %d", async (bundle) => {
    const store = new MemoryStore();
    const replay = await opened(await filled(store), store);
    await expect(all(replay.entries(bundle))).rejects.toEqual(code("LOG_RANGE_INVALID"));
    await expect(all(replay.checkpoints(bundle))).rejects.toEqual(code("LOG_RANGE_INVALID"));
  });

  test("a bundle that a round passed over whole has no checkpoint", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 1, 600);
    const replay = await opened(log, store);
    expect(await Promise.all([0, 1, 2].map((n) => sizesIn(replay, n)))).toEqual([[1], [], [600]]);
  });

  test.each<[string, Uint8Array, Uint8Array | undefined]>([
    ["without a body", bodyKey(7), undefined],
    ["with another body", bodyKey(7), request(8).body],
    ["without an index row", digestKey(entryOf(7)), undefined],
    [
      "at another index",
      digestKey(entryOf(7)),
      encodePlacement({ index: 8, collateral: new Uint8Array() }),
    ],
  ])("stops before an entry %s", async (_name, key, payload) => {
    const store = new MemoryStore();
    const log = await filled(store);
    store.damage(key, payload && sealRow(key, payload).value);
    const replay = await opened(log, store);
    const given: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const { statement } of replay.entries(0)) given.push(text(statement));
    };
    await expect(reading()).rejects.toEqual(code("LOG_CORRUPT"));
    expect(given.at(-1)).toBe("body 6");
  });

  test("stops before a checkpoint that does not follow the one before it", async () => {
    const store = new MemoryStore();
    const log = await filled(store);
    const link = decodeChainLink(await log.replay().checkpoint(256));
    const record = encodeChainLink({ ...link, previousSize: 5 });
    store.damage(checkpointKey(256), sealRow(checkpointKey(256), record).value);
    const replay = await opened(log, store);
    await expect(sizesIn(replay, 0)).rejects.toEqual(code("LOG_CORRUPT"));
  });
});

describe("a replay of an open log", () => {
  test("stays at its size while the log grows", async () => {
    const log = await filled();
    const replay = log.replay();
    await appendAll(log, 300, 520);
    expect(await all(replay.entries(1))).toHaveLength(44);
    expect(await sizesIn(replay, 1)).toEqual([300]);
    expect((await replay.newest()).size).toBe(300);
    await expect(all(replay.entries(2))).rejects.toEqual(code("LOG_RANGE_INVALID"));
  });

  test("I5: gives no entry of a bundle that does not hash to the tree", async () => {
    const store = new MemoryStore();
    const log = await filled(store);
    const entries = Array.from({ length: 256 }, (_, i) => entryOf(i === 200 ? "forged" : i));
    store.damage(bundleKey(0), sealRow(bundleKey(0), encodeBundle(entries)).value);
    const next = log.replay().entries(0).next();
    await expect(next).rejects.toEqual(code("LOG_CORRUPT"));
  });

  test("I5: gives no checkpoint of another tree", async () => {
    const store = new MemoryStore();
    const log = await filled(store);
    const link = decodeChainLink(await log.replay().checkpoint(256));
    const stated = { ...log.head().checkpoint, size: 256 };
    const forged = await SignedCheckpoint.sign(stated, signer);
    const record = encodeChainLink({ ...link, checkpoint: forged.encode() });
    store.damage(checkpointKey(256), sealRow(checkpointKey(256), record).value);
    await expect(sizesIn(log.replay(), 0)).rejects.toEqual(code("LOG_CORRUPT"));
    await expect(log.replay().checkpoint(256)).rejects.toEqual(code("LOG_CORRUPT"));
  });

  test("I5: the newest record is that of the published checkpoint", async () => {
    const store = new MemoryStore();
    const log = await filled(store);
    const older = await log.replay().checkpoint(256);
    store.damage(checkpointKey(300), sealRow(checkpointKey(300), older).value);
    await expect(log.replay().newest()).rejects.toEqual(code("LOG_CORRUPT"));
  });
});

describe("a replay of a store", () => {
  test("is refused without a head", async () => {
    const store = new MemoryStore();
    await expect(replayLog(store)).rejects.toEqual(code("LOG_NOT_FOUND"));
  });

  test("is refused with a head that cannot be read", async () => {
    const store = new MemoryStore();
    await filled(store);
    store.damage(HEAD_KEY, sealRow(HEAD_KEY, Uint8Array.of(1)).value);
    await expect(replayLog(store)).rejects.toEqual(code("LOG_CORRUPT"));
  });

  test.each<[string, Uint8Array | undefined]>([
    ["missing", undefined],
    ["no bundle", Uint8Array.of(1)],
    ["too short", encodeBundle([entryOf("genesis")])],
  ])("stops at a bundle that is %s", async (_name, payload) => {
    const store = new MemoryStore();
    await filled(store);
    store.damage(bundleKey(0), payload && sealRow(bundleKey(0), payload).value);
    await expect(all((await replayLog(store)).entries(0))).rejects.toEqual(code("LOG_CORRUPT"));
  });
});
