import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { encodeChainLink } from "@tallystick/receipt";

import { type Anchor, AnchorFile, type AnchorRecord, missingAnchor } from "./anchor.js";
import { checkLog } from "./fsck.js";
import { bodyKey, checkpointKey } from "./layout.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { rebuildAnchor, rebuildAnchorFile } from "./rebuild.js";
import { decodeChainLink } from "./record.js";
import { appendAll, createLog, ISSUER, key, openLog, ORIGIN, request } from "./testing/bench.js";
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

/** Rebuilds into a new anchor; yields how much was lacking, and the anchor. */
async function rebuild(
  rows: MemoryStore,
  anchor: Anchor,
): Promise<readonly [number, MemoryAnchor]> {
  const made = new MemoryAnchor();
  const make = (): Promise<Anchor> => Promise.resolve(made);
  return [await rebuildAnchor({ store: rows, anchor, make }, expected), made];
}

function notMade(): Promise<Anchor> {
  throw new Error("a new anchor is made");
}

function refused(rows: MemoryStore, anchor: Anchor): Promise<number> {
  return rebuildAnchor({ store: rows, anchor, make: notMade }, expected);
}

describe("rebuilding an anchor", () => {
  test.each([undefined, 0, 1, 2, 3, 4, 5])("of which %p of 5 are left", async (count) => {
    const old = count === undefined ? missingAnchor() : whole.reopen(count);
    const rows = store.reopen();
    const [lacking, anchor] = await rebuild(rows, old);
    expect(lacking).toBe(5 - (count ?? 0));
    expect(rows.rows()).toEqual(store.rows());
    const sizes: number[] = [];
    for await (const { size } of anchor.records()) sizes.push(size);
    expect(sizes).toEqual([1, 2, 3, 4, 5]);
    expect(await checkLog({ store: rows, anchor, key })).toMatchObject({ verdict: "sound" });
    const log = await openLog(rows, { anchor });
    expect(await log.append(request(5))).toMatchObject({ index: 5 });
  });

  test("leaves a record out that was only begun", async () => {
    const [lacking, anchor] = await rebuild(store.reopen(), whole.reopen(2, "torn"));
    expect([lacking, anchor.state]).toEqual([3, "whole"]);
  });

  test("keeps a freeze, whichever of both knows of it", async () => {
    const rows = store.reopen();
    const log = await openLog(rows, { anchor: whole.reopen() });
    await log.freeze("why");
    const told = whole.reopen();
    await told.appendFreeze({ why: "why", time: 5 });
    for (const [left, old] of [
      [rows.reopen(), missingAnchor()],
      [store.reopen(), told],
    ] as const) {
      const [, anchor] = await rebuild(left, old);
      expect(anchor.frozen).toMatchObject({ why: "why" });
    }
  });

  test("is refused where store and anchor contradict", async () => {
    const rows = store.reopen();
    const behind = new MemoryStore(rows.rows());
    const log = await openLog(behind, { anchor: whole.reopen() });
    await appendAll(log, 10, 12);
    const [, ahead] = await rebuild(behind.reopen(), missingAnchor());
    await expect(refused(rows, ahead)).rejects.toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
    const torn = refused(rows, whole.reopen(5, "torn"));
    await expect(torn).rejects.toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
    const records: AnchorRecord[] = [];
    for await (const record of whole.reopen().records()) records.push(record);
    const [first, second, ...others] = records;
    if (first === undefined || second === undefined) throw new Error("too few records");
    const forked = new MemoryAnchor([{ ...first, checkpoint: second.checkpoint }, ...others]);
    await expect(refused(rows, forked)).rejects.toMatchObject({ code: "LOG_FORKED" });
  });

  test("is refused where the store is damaged", async () => {
    const bodiless = store.reopen();
    bodiless.damage(bodyKey(2), undefined);
    await expect(refused(bodiless, missingAnchor())).rejects.toMatchObject({ code: "LOG_CORRUPT" });
    const link = decodeChainLink(await payloadOf(store.reopen(), checkpointKey(2)));
    const unsigned = link.checkpoint.slice();
    unsigned[unsigned.length - 1] = (unsigned.at(-1) ?? 0) ^ 1;
    for (const change of [{ previousDigest: new Uint8Array(32) }, { checkpoint: unsigned }]) {
      const rows = store.reopen();
      put(rows, checkpointKey(2), encodeChainLink({ ...link, ...change }));
      const rebuilding = rebuild(rows, missingAnchor());
      await expect(rebuilding).rejects.toMatchObject({ code: "LOG_CORRUPT" });
    }
  });
});

describe("rebuilding a file", () => {
  let root = "";
  let count = 0;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "tallystick-rebuild-"));
  });

  afterAll(() => rm(root, { recursive: true }));

  /** Makes a directory with an anchor of all records in it. */
  async function place(): Promise<{ readonly path: string; readonly aside: string }> {
    const directory = await mkdtemp(join(root, `${count++}-`));
    const path = join(directory, "anchor");
    const anchor = await AnchorFile.open(path, { create: true });
    for await (const record of whole.reopen().records()) await anchor.append(record);
    await anchor.close();
    return { path, aside: join(directory, "aside") };
  }

  test("makes a lost one again, the very same bytes", async () => {
    const { path, aside } = await place();
    const bytes = await readFile(path);
    await rm(path);
    const rebuilt = await rebuildAnchorFile({ store: store.reopen(), path, aside }, expected);
    expect(rebuilt).toEqual({ count: 5, isSetAside: false });
    expect(await readFile(path)).toEqual(bytes);
    expect(await readdir(join(path, ".."))).toEqual(["anchor"]);
  });

  test.each([0, 3])("sets one aside whose record %d is damaged", async (record) => {
    const { path, aside } = await place();
    const bytes = await readFile(path);
    const damaged = Buffer.from(bytes);
    damaged[record * 512 + 60] = (damaged[record * 512 + 60] ?? 0) ^ 1;
    await writeFile(path, damaged);
    const rebuilt = await rebuildAnchorFile({ store: store.reopen(), path, aside }, expected);
    expect(rebuilt).toEqual({ count: 5, isSetAside: true });
    expect([await readFile(path), await readFile(aside)]).toEqual([bytes, damaged]);
  });

  describe("that is damaged, while the store is an older copy or does not know of a freeze", () => {
    /** Flips a bit of each of some records, and cuts nothing off. */
    async function spoil(path: string, records: readonly number[]): Promise<Uint8Array> {
      const bytes = new Uint8Array(await readFile(path));
      for (const record of records) bytes[record * 512 + 60] = (bytes[record * 512 + 60] ?? 0) ^ 1;
      await writeFile(path, bytes);
      return bytes;
    }

    /** Yields a store as it was after fewer rounds. */
    async function older(count: number): Promise<MemoryStore> {
      const rows = new MemoryStore();
      const log = await createLog(rows);
      for (const n of [1, 2, 3, 4].slice(0, count - 1)) await log.append(request(n));
      await log.close();
      return rows.reopen();
    }

    test.each([
      ["an old record", [1]],
      ["the record where the store ends", [2]],
      ["all records that the store has", [0, 1, 2]],
      ["all records, their first bytes being left", [0, 1, 2, 3, 4]],
    ])("in %s: is refused, and left as it is", async (_, records) => {
      const { path, aside } = await place();
      const spoilt = await spoil(path, records);
      const rebuilding = rebuildAnchorFile({ store: await older(3), path, aside }, expected);
      await expect(rebuilding).rejects.toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
      expect(new Uint8Array(await readFile(path))).toEqual(spoilt);
      expect(await readdir(join(path, ".."))).toEqual(["anchor"]);
    });

    test("and shows another history: is refused", async () => {
      const { path, aside } = await place();
      await spoil(path, [1]);
      const rows = new MemoryStore();
      const log = await createLog(rows);
      for (const n of [1, 2, 3, 5, 6]) await log.append(request(n));
      await log.close();
      const rebuilding = rebuildAnchorFile({ store: rows.reopen(), path, aside }, expected);
      await expect(rebuilding).rejects.toMatchObject({ code: "LOG_FORKED" });
    });

    test("and shows what the key did not sign: that is no evidence", async () => {
      const { path, aside } = await place();
      const anchor = await AnchorFile.open(path);
      const { root = new Uint8Array(32), checkpoint = new Uint8Array() } = anchor.newest ?? {};
      await anchor.append({ size: 9, root, checkpoint: checkpoint.slice(1) });
      await anchor.close();
      await spoil(path, [1]);
      const rows = store.reopen();
      const log = await openLog(rows, { anchor: whole.reopen() });
      for (const n of [5, 6]) await log.append(request(n));
      await log.close();
      const rebuilt = await rebuildAnchorFile({ store: rows.reopen(), path, aside }, expected);
      expect(rebuilt).toEqual({ count: 7, isSetAside: true });
    });

    test("the freeze is carried over", async () => {
      const { path, aside } = await place();
      const anchor = await AnchorFile.open(path);
      await anchor.appendFreeze({ why: "key is out", time: 5 });
      await anchor.close();
      await spoil(path, [1]);
      await rebuildAnchorFile({ store: store.reopen(), path, aside }, expected);
      const made = await AnchorFile.open(path);
      expect([made.newest?.size, made.frozen]).toEqual([5, { why: "key is out", time: 5 }]);
      await made.close();
    });
  });

  test("that is refused, at first or on the way, leaves all as it was", async () => {
    const bodiless = store.reopen();
    bodiless.damage(bodyKey(2), undefined);
    const link = decodeChainLink(await payloadOf(store.reopen(), checkpointKey(2)));
    const unchained = store.reopen();
    const previousDigest = new Uint8Array(32);
    put(unchained, checkpointKey(2), encodeChainLink({ ...link, previousDigest }));
    for (const rows of [bodiless, unchained]) {
      const { path, aside } = await place();
      for (const left of [["anchor"], []]) {
        const rebuilding = rebuildAnchorFile({ store: rows, path, aside }, expected);
        await expect(rebuilding).rejects.toMatchObject({ code: "LOG_CORRUPT" });
        expect(await readdir(join(path, ".."))).toEqual(left);
        await rm(path, { force: true });
      }
    }
  });
});
