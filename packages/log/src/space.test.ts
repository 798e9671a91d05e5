import { describe, expect, test } from "@jest/globals";

import { MemoryStore } from "./memory.js";
import { spaceShortage } from "./space.js";
import { appendAll, checkRows, createLog, range, request } from "./testing/bench.js";
import { GateStore } from "./testing/gate.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

describe("a shortage", () => {
  test.each([
    ["none where no floor is set", undefined, undefined],
    ["none at the floor", 100, undefined],
    ["a byte below it", 99, "99 bytes are free, want 100"],
  ])("%s", async (_name, free, message) => {
    const space =
      free === undefined ? undefined : { floorBytes: 100, freeBytes: () => Promise.resolve(free) };
    expect((await spaceShortage(space))?.message).toBe(message);
  });

  test("where free space cannot be told", async () => {
    const cause = new Error("EIO");
    const space = { floorBytes: 0, freeBytes: () => Promise.reject(cause) };
    expect(await spaceShortage(space)).toMatchObject({ code: "LOG_SPACE_LOW", cause });
  });
});

describe("a log on a disk that fills up", () => {
  test("refuses the rounds below the floor, writes nothing, and goes on when there is room", async () => {
    const store = new GateStore(new MemoryStore());
    const fatal: Error[] = [];
    let free = 100;
    const space = { floorBytes: 100, freeBytes: () => Promise.resolve(free) };
    const log = await createLog(store, { space, onFatal: (error) => fatal.push(error) });
    await appendAll(log, 0, 10);
    free = 99;
    const refused = await Promise.allSettled(range(10, 2000).map((n) => log.append(request(n))));
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "LOG_SPACE_LOW" } });
    }
    expect(log.standing()).toEqual({ kind: "writer" });
    expect(store.writes).toHaveLength(2);
    free = 100;
    const sequenced = await Promise.all(range(10, 2000).map((n) => log.append(request(n))));
    expect(sequenced.map(({ index }) => index)).toEqual(range(11, 2001));
    expect(fatal).toEqual([]);
    expect(await checkRows(store.inner)).toMatchObject({ verdict: "sound", size: 2001 });
  });

  test("still answers for what is logged already", async () => {
    let free = 1;
    const space = { floorBytes: 1, freeBytes: () => Promise.resolve(free) };
    const log = await createLog(new MemoryStore(), { space });
    await appendAll(log, 0, 3);
    free = 0;
    const both = await Promise.allSettled([log.append(request(1)), log.append(request(7))]);
    expect(both).toMatchObject([
      { status: "fulfilled", value: { index: 2, isDuplicate: true } },
      { status: "rejected", reason: { code: "LOG_SPACE_LOW" } },
    ]);
    expect(await log.body(request(1).entry)).toEqual(request(1).body);
  });

  test("is asked once a round, before anything is built", async () => {
    let asked = 0;
    const seen: string[] = [];
    const space = {
      floorBytes: 0,
      freeBytes: () => {
        asked++;
        seen.push("space");
        return Promise.resolve(1);
      },
    };
    const log = await createLog(new MemoryStore(), {
      space,
      onStep: ({ name }) => {
        if (name === "built") seen.push(name);
      },
    });
    await appendAll(log, 0, 2500);
    expect(asked).toBe(3);
    expect(seen).toEqual(["built", ...range(0, 3).flatMap(() => ["space", "built"])]);
  });

  test("can be frozen all the same", async () => {
    const space = { floorBytes: 1, freeBytes: () => Promise.resolve(0) };
    const log = await createLog(new MemoryStore(), { space });
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_SPACE_LOW"));
    await log.freeze("full");
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_FROZEN"));
  });
});
