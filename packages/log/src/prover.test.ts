import { describe, expect, jest, test } from "@jest/globals";
import { ProvenTree } from "@tallystick/merkle";

import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import {
  appendAll,
  createLog,
  entryOf,
  ISSUER,
  logOf,
  NOON,
  openLog,
  ORIGIN,
  range,
  request,
} from "./testing/bench.js";
import { GateStore } from "./testing/gate.js";
import { verifyConsistency, verifyInclusion } from "./testing/witness.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

describe("receipts of inclusion", () => {
  test("verify for every entry at the newest size", async () => {
    const log = await logOf(300);
    for (const n of range(0, 300)) {
      const verified = await verifyInclusion(
        await log.inclusionReceipt(entryOf(n)),
        entryOf(n),
        n + 1,
      );
      expect(verified.root).toEqual(log.head().checkpoint.root);
      expect(verified.receipt).toMatchObject({
        signedSize: 301,
        issuer: ISSUER,
        subject: ORIGIN,
        issuedAt: NOON,
      });
    }
  });

  test("are the same bytes whenever they are asked for", async () => {
    const store = new MemoryStore();
    const log = await logOf(20, store);
    const receipt = await log.inclusionReceipt(entryOf(3), 21);
    await appendAll(log, 20, 30);
    expect(await log.inclusionReceipt(entryOf(3), 21)).toEqual(receipt);
    const reopened = await openLog(store.reopen());
    expect(await reopened.inclusionReceipt(entryOf(3), 21)).toEqual(receipt);
  });

  test("are not for a tree of size 1", async () => {
    const log = await createLog();
    await expect(log.inclusionReceipt(entryOf("genesis"))).rejects.toEqual(
      code("LOG_RECEIPT_UNAVAILABLE"),
    );
    await appendAll(log, 0, 1);
    await expect(log.inclusionReceipt(entryOf("genesis"), 1)).rejects.toEqual(
      code("LOG_RECEIPT_UNAVAILABLE"),
    );
    await verifyInclusion(await log.inclusionReceipt(entryOf("genesis")), entryOf("genesis"), 0);
  });

  test("are only for kept sizes that hold the entry", async () => {
    const log = await createLog();
    await appendAll(log, 0, 4);
    await appendAll(log, 4, 9);
    await expect(log.inclusionReceipt(entryOf(2), 3)).rejects.toEqual(code("LOG_SIZE_UNKNOWN"));
    await expect(log.inclusionReceipt(entryOf(2), 99)).rejects.toEqual(code("LOG_SIZE_UNKNOWN"));
    await expect(log.inclusionReceipt(entryOf(7), 5)).rejects.toEqual(code("LOG_ENTRY_NOT_FOUND"));
    await verifyInclusion(await log.inclusionReceipt(entryOf(2), 5), entryOf(2), 3);
  });
});

describe("checkpoints", () => {
  test("of every round are kept", async () => {
    const log = await createLog();
    const seen = [log.head()];
    for (const n of range(0, 12)) {
      await log.append(request(n));
      seen.push(log.head());
    }
    for (const signed of seen) {
      const kept = await log.checkpointAt(signed.checkpoint.size);
      expect(kept.encode()).toEqual(signed.encode());
    }
  });

  test.each([0, 2, -1, 1.5, 7, 2 ** 53, Number.NaN])("there is none of size %d", async (size) => {
    const log = await createLog();
    await appendAll(log, 0, 5);
    await expect(log.checkpointAt(size)).rejects.toEqual(code("LOG_SIZE_UNKNOWN"));
  });
});

describe("receipts of consistency", () => {
  test.each([
    ["backwards", 6, 1, "LOG_RANGE_INVALID"],
    ["between equal sizes", 6, 6, "LOG_RANGE_INVALID"],
    ["from nothing", 0, 6, "LOG_RANGE_INVALID"],
    ["from a part", 1.5, 6, "LOG_RANGE_INVALID"],
    ["to no number", 1, Number.NaN, "LOG_RANGE_INVALID"],
    ["from a size not kept", 3, 6, "LOG_SIZE_UNKNOWN"],
    ["to a size not kept", 1, 5, "LOG_SIZE_UNKNOWN"],
    ["to a size not reached", 1, 7, "LOG_SIZE_UNKNOWN"],
  ])("%s are refused", async (_name, ...[oldSize, newSize, want]) => {
    const log = await createLog();
    await appendAll(log, 0, 5);
    await expect(log.consistencyReceipt(oldSize, newSize)).rejects.toEqual(code(want));
  });

  test("verify between sizes on both sides of a tile border", async () => {
    const log = await createLog();
    for (const [from, to] of [
      [0, 254],
      [254, 255],
      [255, 256],
      [256, 300],
      [300, 520],
    ] as const) {
      await appendAll(log, from, to);
    }
    for (const oldSize of [1, 255, 256, 257, 301]) {
      const old = (await log.checkpointAt(oldSize)).checkpoint;
      const verified = await verifyConsistency(log, old, 521);
      expect(verified.newRoot).toEqual(log.head().checkpoint.root);
    }
  });
});

describe("a receipt costs", () => {
  async function coldLog(): Promise<{ readonly store: GateStore; readonly log: Log }> {
    const inner = new MemoryStore();
    const first = await createLog(inner);
    for (const [from, to] of [
      [0, 700],
      [700, 1000],
    ] as const) {
      await appendAll(first, from, to);
    }
    await first.close();
    const store = new GateStore(inner.reopen());
    const log = await openLog(store);
    store.reads.length = 0;
    return { store, log };
  }

  test("at the newest size: index, bundle, and one read for all tiles", async () => {
    const { store, log } = await coldLog();
    await log.inclusionReceipt(entryOf(300));
    // The leaf tile of the entry; everything above is on the edge.
    expect(store.reads).toEqual([1, 1, 1]);
  });

  test("no read of tiles once they are hot", async () => {
    const { store, log } = await coldLog();
    await log.inclusionReceipt(entryOf(300));
    store.reads.length = 0;
    await log.inclusionReceipt(entryOf(301));
    expect(store.reads).toEqual([1, 1]);
  });

  test("what it has for itself, where those of its round are asked for with it", async () => {
    const log = await logOf(300);
    const round = await Promise.all(range(300, 364).map((n) => log.append(request(n))));
    const wanted = jest.spyOn(ProvenTree.prototype, "wanted");
    const receipts = await Promise.all(round.map((sequenced) => log.receiptOf(sequenced)));
    const nodes = wanted.mock.results.flatMap(({ value }) => value as unknown[]);
    wanted.mockRestore();
    // A leaf and its sibling, and once for all of them what is above and beside.
    expect(nodes.length).toBeLessThan(4 * 64);
    for (const [i, receipt] of receipts.entries()) {
      await verifyInclusion(receipt, entryOf(300 + i), 301 + i);
    }
  });

  test("at an older size: the checkpoint and its tiles besides", async () => {
    const { store, log } = await coldLog();
    await log.inclusionReceipt(entryOf(10), 701);
    // Index, bundle, checkpoint, the tile under its ragged edge, the tile of the entry.
    expect(store.reads).toEqual([1, 1, 1, 1, 1]);
  });

  test("no checkpoint once an older one is known, and another one where that is asked for", async () => {
    const { store, log } = await coldLog();
    const before = await log.inclusionReceipt(entryOf(10), 701);
    await log.inclusionReceipt(entryOf(10));
    store.reads.length = 0;
    await log.inclusionReceipt(entryOf(11), 701);
    expect(store.reads).toEqual([1, 1]);
    await expect(log.inclusionReceipt(entryOf("genesis"), 1)).rejects.toEqual(
      code("LOG_RECEIPT_UNAVAILABLE"),
    );
    expect(await log.inclusionReceipt(entryOf(10), 701)).toEqual(before);
    await verifyInclusion(before, entryOf(10), 11);
  });
});
