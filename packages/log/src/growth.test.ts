import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { MemoryStore } from "./memory.js";
import {
  appendAll,
  checkRows,
  createLog,
  entryOf,
  key,
  openLog,
  range,
  request,
} from "./testing/bench.js";
import { checkLog } from "./fsck.js";
import { verifyConsistency, verifyInclusion, Witness } from "./testing/witness.js";

const BORDERS = [1, 2, 3, 254, 255, 256, 257, 258, 510, 511, 512, 513, 514];

/** Yields the rows of a log of `size` entries, genesis included. */
async function storeOf(size: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  const log = await createLog(store);
  await appendAll(log, 1, size);
  await log.close();
  return store;
}

describe("a log that grows one entry at a time", () => {
  test("is sound after every step, and every receipt verifies", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    const witness = new Witness();
    for (const n of range(1, 40)) {
      await witness.note(log, await log.append(request(n)));
      const report = await checkLog({ store, key });
      expect(report).toMatchObject({ verdict: "sound", size: n + 1 });
      expect(report.checked).toMatchObject({ entries: n + 1, bodies: n + 1, checkpoints: n + 1 });
    }
    await witness.demand(log);
  });
});

describe("reopened at a tile border", () => {
  test.each(BORDERS)("at size %d it is the same log, and grows", async (size) => {
    const store = await storeOf(size);
    expect(await checkRows(store)).toMatchObject({ verdict: "sound", size });
    const again = store.reopen();
    const log = await openLog(again);
    expect(log.head().checkpoint.size).toBe(size);
    for (const length of [1, 3]) {
      const before = log.head().checkpoint;
      const first = before.size;
      await appendAll(log, first, first + length);
      expect(log.head().checkpoint.size).toBe(first + length);
      expect(await checkLog({ store: again, key })).toMatchObject({ verdict: "sound" });
      await verifyConsistency(log, before, first + length);
    }
    for (const n of [1, size - 1, size, size + 2].filter((m) => m > 0)) {
      await verifyInclusion(await log.inclusionReceipt(entryOf(n)), entryOf(n), n);
    }
    await log.close();
  });
});

describe("batches of random sizes, reopened after each", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 6 });

  test.each([250, 507])("from size %d on", async (start) => {
    const grown = await storeOf(start);
    await fc.assert(
      fc.asyncProperty(lengths, async (batches) => {
        let store = grown.reopen();
        const witness = new Witness();
        let size = start;
        for (const length of batches) {
          const log = await openLog(store);
          expect(log.head().checkpoint.size).toBe(size);
          for (const n of range(size, size + length)) {
            // Submitted together: the last one is answered when all are.
            const appending = log.append(request(n));
            if (n === size + length - 1) await witness.note(log, await appending);
          }
          size += length;
          await witness.demand(log);
          await log.close();
          const report = await checkRows(store);
          expect([report.verdict, report.problems]).toEqual(["sound", []]);
          store = store.reopen();
        }
      }),
      { numRuns: 12 },
    );
  });

  test("in leaps over several tiles", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 }),
        async (batches) => {
          let store = (await storeOf(1)).reopen();
          let size = 1;
          for (const length of batches) {
            const log = await openLog(store);
            await appendAll(log, size, size + length);
            size += length;
            await log.close();
            const report = await checkRows(store);
            expect([report.verdict, report.size]).toEqual(["sound", size]);
            store = store.reopen();
          }
        },
      ),
      { numRuns: 6 },
    );
  });
});

describe("every kept checkpoint", () => {
  test("is consistent with every other, and covers every entry below it", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    const sizes = [1, 2, 7, 128, 255, 256, 257, 300, 511, 512, 513, 530];
    for (const [i, size] of sizes.entries()) {
      const from = sizes[i - 1];
      if (from !== undefined) await appendAll(log, from, size);
    }
    for (const oldSize of sizes) {
      const old = (await log.checkpointAt(oldSize)).checkpoint;
      for (const newSize of sizes.filter((size) => size > oldSize)) {
        const verified = await verifyConsistency(log, old, newSize);
        expect(verified.newRoot).toEqual((await log.checkpointAt(newSize)).checkpoint.root);
      }
    }
    const indexes = [1, 2, 6, 127, 128, 254, 255, 256, 299, 300, 510, 511, 512, 529];
    for (const index of indexes) {
      for (const size of sizes.filter((kept) => kept > index)) {
        const receipt = await log.inclusionReceipt(entryOf(index), size);
        const verified = await verifyInclusion(receipt, entryOf(index), index);
        expect(verified.size).toBe(size);
      }
    }
  });

  test("with a bit of the path or the signature turned, no receipt verifies", async () => {
    const log = await createLog();
    await appendAll(log, 1, 300);
    const receipt = await log.inclusionReceipt(entryOf(77));
    for (const at of range(0, receipt.length)) {
      const bent = receipt.map((byte, i) => (i === at ? byte ^ 0x01 : byte));
      await expect(verifyInclusion(bent, entryOf(77), 77)).rejects.toThrow();
    }
  });
});

describe("a log of three tile levels", () => {
  test("is sound, reopens and proves across its levels", async () => {
    const store = new MemoryStore();
    const log = await createLog(store, { pool: { maxEntries: 100_000 } });
    const border = 256 * 256;
    await appendAll(log, 1, border - 1);
    for (const size of [border, border + 1, border + 2]) {
      await appendAll(log, size - 1, size);
    }
    await log.close();
    const again = store.reopen();
    const reopened = await openLog(again);
    expect(reopened.head().checkpoint.size).toBe(border + 2);
    for (const n of [1, 255, 256, 40_000, border - 1, border, border + 1]) {
      await verifyInclusion(await reopened.inclusionReceipt(entryOf(n)), entryOf(n), n);
    }
    const old = (await reopened.checkpointAt(border - 1)).checkpoint;
    await verifyConsistency(reopened, old, border + 2);
    const report = await checkLog({ store: again, key, bodies: false });
    expect(report).toMatchObject({ verdict: "sound", size: border + 2, checked: { bodies: 0 } });
    expect(await reopened.tile({ level: 2, index: 0, width: 1 })).toHaveLength(32);
    await reopened.close();
  });
});
