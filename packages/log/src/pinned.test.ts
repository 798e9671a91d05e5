import { describe, expect, test } from "@jest/globals";

import {
  ALL_KEYS,
  bundleKey,
  checkpointKey,
  HEAD_KEY,
  KIND,
  kindRange,
  tileKey,
} from "./layout.js";
import { MemoryStore } from "./memory.js";
import { PinnedRows } from "./pinned.js";
import type { Row } from "./store.js";
import { appendAll, createLog, request } from "./testing/bench.js";
import { flipped } from "./testing/damage.js";

// Sizes on both sides of bundle and tile boundaries, with a control entry in between.
const STEPS = [1, 2, 255, 256, 257, 300, 511, 512, 513, 700];

async function grown(): Promise<{ store: MemoryStore; as: Map<number, readonly Row[]> }> {
  const store = new MemoryStore();
  const log = await createLog(store);
  const as = new Map([[1, store.rows()]]);
  for (const [i, size] of STEPS.entries()) {
    const before = STEPS[i - 1] ?? 1;
    if (size === 1) continue;
    if (size === 257) await log.append(request(256, { control: true }));
    else await appendAll(log, before, size);
    as.set(size, store.rows());
  }
  return { store, as };
}

const { store, as } = await grown();

describe("rows pinned at a kept checkpoint", () => {
  test.each(STEPS)("of size %d are those that stood there then", async (size) => {
    const then = as.get(size) ?? [];
    const pinned = await PinnedRows.pin(store, size);
    expect(pinned.size).toBe(size);
    const values = await pinned.getMany(then.map(({ key }) => key));
    expect(values).toEqual(then.map(({ value }) => value));
    const keys: Uint8Array[] = [];
    for await (const key of pinned.keys(ALL_KEYS)) {
      // Index rows and bodies cannot be told apart by their keys; nothing asks for later ones.
      const kind = String.fromCharCode(key[0] ?? 0);
      if (kind !== KIND.digest && kind !== KIND.body) keys.push(key);
    }
    const kept = then.filter(({ key }) => key[0] !== 0x64 && key[0] !== 0x73);
    expect(keys).toEqual(kept.map(({ key }) => key));
  });

  test("of no size given are those of the head", async () => {
    const pinned = await PinnedRows.pin(store);
    expect(pinned.size).toBe(700);
    expect(pinned.head.value).toEqual(await store.get(HEAD_KEY));
  });

  test("are counted by the limit after what lies beyond is left out", async () => {
    const pinned = await PinnedRows.pin(store, 257);
    const keys: Uint8Array[] = [];
    const range = { ...kindRange(KIND.checkpoint), isReversed: true, limit: 2 };
    for await (const key of pinned.keys(range)) keys.push(key);
    expect(keys).toEqual([checkpointKey(257), checkpointKey(256)]);
  });

  test("beyond it are not there", async () => {
    const pinned = await PinnedRows.pin(store, 256);
    const beyond = [bundleKey(1), tileKey({ level: 0, index: 1 }), checkpointKey(300)];
    expect(await pinned.getMany(beyond)).toEqual([undefined, undefined, undefined]);
  });

  test("keep damage for the reader to find", async () => {
    const damaged = store.reopen();
    const [value = new Uint8Array()] = await damaged.getMany([bundleKey(0)]);
    damaged.damage(bundleKey(0), flipped(value, 100));
    const pinned = await PinnedRows.pin(damaged, 2);
    expect(await pinned.getMany([bundleKey(0)])).toEqual([flipped(value, 100)]);
  });

  test.each([
    ["a size without a checkpoint", 3, "LOG_SIZE_UNKNOWN"],
    ["a size beyond the head", 701, "LOG_SIZE_UNKNOWN"],
  ])("are refused for %s", async (_, size, code) => {
    await expect(PinnedRows.pin(store, size)).rejects.toMatchObject({ code });
  });

  test("are refused without a head, and under a damaged one", async () => {
    await expect(PinnedRows.pin(new MemoryStore())).rejects.toMatchObject({
      code: "LOG_NOT_FOUND",
    });
    const damaged = store.reopen();
    damaged.damage(HEAD_KEY, Uint8Array.of(1, 2, 3, 4, 5));
    await expect(PinnedRows.pin(damaged)).rejects.toMatchObject({ code: "LOG_CORRUPT" });
  });
});
