import { expect, test } from "@jest/globals";

import { inspectLog } from "./inspection.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { appendAll, createLog, ISSUER, key, NOON, ORIGIN } from "./testing/bench.js";

const expected = { issuer: ISSUER, origin: ORIGIN, key, now: NOON };

test("an inspection says what opening would, by the key, the clock and the anchor, and writes nothing", async () => {
  const store = new MemoryStore();
  const anchor = new MemoryAnchor();
  const log = await createLog(store, { anchor });
  await appendAll(log, 0, 3);
  const before = store.rows();
  const found = await inspectLog({ store, anchor }, expected);
  expect(found).toMatchObject({ newest: { size: 4 }, standing: { kind: "writer" } });
  expect(await inspectLog({ store, anchor }, { ...expected, now: NOON - 1 })).toMatchObject({
    standing: { kind: "reader", code: "LOG_CLOCK_BACKWARD" },
  });
  const empty = inspectLog({ store, anchor: new MemoryAnchor() }, expected);
  await expect(empty).rejects.toMatchObject({ name: "LogError", code: "LOG_ANCHOR_BEHIND" });
  const other = inspectLog({ store, anchor }, { ...expected, issuer: "https://other.example" });
  await expect(other).rejects.toMatchObject({ code: "LOG_KEY_MISMATCH" });
  expect(store.rows()).toEqual(before);
});

test("an inspection refuses what opening refuses", async () => {
  const kept = { store: new MemoryStore(), anchor: new MemoryAnchor() };
  await expect(inspectLog(kept, expected)).rejects.toMatchObject({ code: "LOG_NOT_FOUND" });
});
