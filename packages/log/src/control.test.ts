import { describe, expect, test } from "@jest/globals";

import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import { appendAll, checkRows, createLog, entryOf, openLog, request } from "./testing/bench.js";
import { GateStore } from "./testing/gate.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

async function gated(): Promise<{ readonly store: GateStore; readonly log: Log }> {
  const store = new GateStore(new MemoryStore());
  return { store, log: await createLog(store) };
}

describe("control entries", () => {
  test("are sequenced alone", async () => {
    const { store, log } = await gated();
    await Promise.all([
      log.append(request("a")),
      log.append(request("b")),
      log.append(request("P", { control: true })),
      log.append(request("c")),
      log.append(request("d")),
    ]);
    expect(store.writes).toHaveLength(1 + 3);
    expect(log.control()).toEqual({ index: 3, entry: entryOf("P") });
    const sizes = await Promise.all([1, 3, 4, 6].map((size) => log.checkpointAt(size)));
    expect(sizes).toHaveLength(4);
  });

  test("survive a restart, the newest of several", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 300);
    await log.append(request("P", { control: true }));
    await log.append(request("Q", { control: true }));
    await appendAll(log, 300, 310);
    await log.close();
    const reopened = await openLog(store.reopen());
    expect(reopened.control()).toEqual({ index: 302, entry: entryOf("Q") });
    await reopened.append(request("R", { control: true }));
    expect(await checkRows(store)).toMatchObject({ verdict: "sound" });
  });

  test("published no earlier than they are durable", async () => {
    const { store, log } = await gated();
    const gate = store.hold("after");
    const appending = log.append(request("P", { control: true }));
    await gate.arrived;
    expect(log.control().index).toBe(0);
    gate.open();
    await appending;
    expect(log.control().index).toBe(1);
  });
});

describe("preconditions", () => {
  const genesis = entryOf("genesis");

  test("hold while the control entry is in force", async () => {
    const log = await createLog();
    await log.append(request(1, { precondition: genesis }));
    await log.append(request("P", { control: true, precondition: genesis }));
    await log.append(request(2, { precondition: entryOf("P") }));
    expect(log.head().checkpoint.size).toBe(4);
  });

  test("fail once another is in force, and the entry can come again", async () => {
    const log = await createLog();
    await log.append(request("P", { control: true }));
    const stale = log.append(request(1, { precondition: genesis }));
    await expect(stale).rejects.toEqual(code("LOG_PRECONDITION_FAILED"));
    expect(log.isPending(entryOf(1))).toBe(false);
    expect(await log.lookup(entryOf(1))).toBeUndefined();
    expect(await log.append(request(1, { precondition: entryOf("P") }))).toMatchObject({
      index: 2,
    });
  });

  test("are held against the control entry at the index, not at the time of the call", async () => {
    const { store, log } = await gated();
    const gate = store.hold("before");
    const policy = log.append(request("P", { control: true, precondition: genesis }));
    await gate.arrived;
    // Admitted under the genesis policy, which is in force for all the caller can see.
    expect(log.control().entry).toEqual(genesis);
    const raced = log.append(request(1, { precondition: genesis }));
    const other = log.append(request(2));
    gate.open();
    await policy;
    await expect(raced).rejects.toEqual(code("LOG_PRECONDITION_FAILED"));
    expect(await other).toMatchObject({ index: 2 });
  });

  test("of two policy changes at once one wins", async () => {
    const log = await createLog();
    const [one, two] = await Promise.allSettled([
      log.append(request("P", { control: true, precondition: genesis })),
      log.append(request("Q", { control: true, precondition: genesis })),
    ]);
    expect(one.status).toBe("fulfilled");
    expect(two).toMatchObject({ status: "rejected", reason: { code: "LOG_PRECONDITION_FAILED" } });
    expect(log.control().entry).toEqual(entryOf("P"));
  });

  test("that fail do so once: the entry can come again before the round ends", async () => {
    const { store, log } = await gated();
    const gate = store.hold("before");
    const stale = log.append(request(1, { precondition: entryOf("never") }));
    const other = log.append(request(2));
    await expect(stale).rejects.toEqual(code("LOG_PRECONDITION_FAILED"));
    await gate.arrived;
    const again = log.append(request(1, { precondition: genesis }));
    gate.open();
    expect(await other).toMatchObject({ index: 1 });
    expect(await again).toMatchObject({ index: 2 });
  });

  test("do not matter for what is logged already", async () => {
    const log = await createLog();
    await log.append(request(1));
    await log.append(request("P", { control: true }));
    const again = await log.append(request(1, { precondition: genesis }));
    expect(again).toMatchObject({ index: 1, isDuplicate: true });
  });

  test("that fail leave the others of the round in their order", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    const stale = entryOf("never");
    const results = await Promise.allSettled([
      log.append(request(1)),
      log.append(request(2, { precondition: stale })),
      log.append(request(3, { precondition: genesis })),
      log.append(request(4, { precondition: stale })),
      log.append(request(5)),
    ]);
    expect(
      results.map((result) => (result.status === "fulfilled" ? result.value.index : "no")),
    ).toEqual([1, "no", 2, "no", 3]);
    expect(await checkRows(store)).toMatchObject({ verdict: "sound", size: 4 });
  });
});
