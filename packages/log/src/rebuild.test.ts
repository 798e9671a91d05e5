import { beforeAll, describe, expect, test } from "@jest/globals";

import { missingAnchor } from "./anchor.js";
import { checkLog } from "./fsck.js";
import { bodyKey, checkpointKey } from "./layout.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { rebuildAnchor } from "./rebuild.js";
import { decodeChainLink, encodeChainLink } from "./record.js";
import {
  appendAll,
  createLog,
  entryOf,
  ISSUER,
  key,
  openLog,
  ORIGIN,
  request,
} from "./testing/bench.js";
import { payloadOf, put } from "./testing/sample.js";

const expected = { issuer: ISSUER, origin: ORIGIN, key };
let store: MemoryStore;
let whole: MemoryAnchor;

beforeAll(async () => {
  store = new MemoryStore();
  whole = new MemoryAnchor();
  const log = await createLog(store, { anchor: whole });
  for (const n of [1, 2, 3, 4]) await log.append(request(n));
  await log.close();
});

describe("rebuilding an anchor", () => {
  test.each([0, 1, 2, 3, 4, 5])("that has %d of 5 records adds the others", async (count) => {
    const anchor = whole.reopen(count);
    const rows = store.reopen();
    expect(await rebuildAnchor({ store: rows, anchor }, expected)).toBe(5 - count);
    expect(rows.rows()).toEqual(store.rows());
    const sizes: number[] = [];
    for await (const { size } of anchor.records()) sizes.push(size);
    expect(sizes).toEqual([1, 2, 3, 4, 5]);
    expect(await checkLog({ store: rows, anchor, key })).toMatchObject({ verdict: "sound" });
    const log = await openLog(rows, { anchor });
    expect(await log.append(request(5))).toMatchObject({ index: 5 });
  });

  test("cuts off a record that was only begun", async () => {
    const anchor = whole.reopen(2, "torn");
    expect(await rebuildAnchor({ store: store.reopen(), anchor }, expected)).toBe(3);
    expect(anchor.state).toBe("whole");
  });

  test("is refused where store and anchor contradict, or nothing can be written", async () => {
    const rows = store.reopen();
    const behind = new MemoryStore(rows.rows());
    const log = await openLog(behind, { anchor: whole.reopen() });
    await appendAll(log, 10, 12);
    const ahead = new MemoryAnchor();
    await rebuildAnchor({ store: behind.reopen(), anchor: ahead }, expected);
    const rebuilding = rebuildAnchor({ store: rows, anchor: ahead }, expected);
    await expect(rebuilding).rejects.toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
    const nowhere = rebuildAnchor({ store: rows, anchor: missingAnchor() }, expected);
    await expect(nowhere).rejects.toMatchObject({ code: "LOG_ANCHOR_MISSING" });
    const torn = rebuildAnchor({ store: rows, anchor: whole.reopen(5, "torn") }, expected);
    await expect(torn).rejects.toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
  });

  test("is refused where the store is damaged", async () => {
    const bodiless = store.reopen();
    bodiless.damage(bodyKey(entryOf(2)), undefined);
    const unchained = store.reopen();
    const link = decodeChainLink(await payloadOf(unchained, checkpointKey(2)));
    put(
      unchained,
      checkpointKey(2),
      encodeChainLink({ ...link, previousDigest: new Uint8Array(32) }),
    );
    for (const rows of [bodiless, unchained]) {
      const anchor = new MemoryAnchor();
      const rebuilding = rebuildAnchor({ store: rows, anchor }, expected);
      await expect(rebuilding).rejects.toMatchObject({ code: "LOG_CORRUPT" });
      expect(anchor.newest).toBeUndefined();
    }
  });
});
