import { describe, expect, test } from "@jest/globals";

import { readLabel } from "./label.js";
import { META_KEY } from "./layout.js";
import { MemoryStore } from "./memory.js";
import { appendAll, createLog, ISSUER, key, LOG_ID, NOON, ORIGIN } from "./testing/bench.js";

describe("the label of a stored log", () => {
  test("names the log, its newest checkpoint and whether it is frozen", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await appendAll(log, 0, 5);
    const label = await readLabel(store);
    expect(label).toMatchObject({ issuer: ISSUER, origin: ORIGIN, logId: LOG_ID });
    expect(label.kid).toEqual(key.thumbprint());
    expect(label.newest).toMatchObject({ size: 6, time: NOON });
    expect(label.frozen).toBeUndefined();
    await log.freeze("enough");
    expect((await readLabel(store)).frozen).toEqual({ why: "enough", time: NOON });
  });

  test("is not to be had from an empty store or under damage", async () => {
    await expect(readLabel(new MemoryStore())).rejects.toMatchObject({ code: "LOG_NOT_FOUND" });
    const store = new MemoryStore();
    await createLog(store);
    store.damage(META_KEY, undefined);
    await expect(readLabel(store)).rejects.toMatchObject({ code: "LOG_CORRUPT" });
  });
});
