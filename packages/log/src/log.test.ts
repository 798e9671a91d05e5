import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import {
  decodeBundle,
  encodeBundle,
  leafHash,
  sha256,
  tileWidth,
  treeRoot,
} from "@tallystick/merkle";

import { Log } from "./log.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { SequencedEntry } from "./sequenced.js";
import {
  appendAll,
  checkRows,
  createLog,
  entryOf,
  ISSUER,
  key,
  LOG_ID,
  logOf,
  NOON,
  openLog,
  optionsFor,
  ORIGIN,
  range,
  request,
} from "./testing/bench.js";
import { verifyInclusion } from "./testing/witness.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

describe("create", () => {
  test("logs the genesis entry at index 0 under a first checkpoint", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    const genesis = entryOf("genesis");
    const { checkpoint } = log.head();
    expect(checkpoint).toEqual({
      issuer: ISSUER,
      origin: ORIGIN,
      size: 1,
      root: leafHash(genesis),
      time: NOON,
    });
    expect(log.control()).toEqual({ index: 0, entry: genesis });
    expect(await log.lookup(genesis)).toMatchObject({ index: 0 });
    expect(await checkRows(store)).toMatchObject({ verdict: "sound", size: 1 });
  });

  test("refuses a store that holds anything, and closes it", async () => {
    const store = new MemoryStore([{ key: Uint8Array.of(115), value: Uint8Array.of(1) }]);
    await expect(createLog(store)).rejects.toEqual(code("LOG_EXISTS"));
    await expect(store.get(Uint8Array.of(115))).rejects.toEqual(code("LOG_UNAVAILABLE"));
  });

  test("refuses a second time", async () => {
    const store = new MemoryStore();
    await createLog(store);
    await expect(createLog(store.reopen())).rejects.toEqual(code("LOG_EXISTS"));
  });

  test.each([
    ["a log id of 15 bytes", request("genesis"), LOG_ID.slice(1)],
    ["an entry of 31 bytes", { ...request("genesis"), entry: new Uint8Array(31) }, LOG_ID],
    ["a body of another entry", { ...request("genesis"), body: request(1).body }, LOG_ID],
  ])("%s is misuse, and nothing is written", async (_name, genesis, logId) => {
    const store = new MemoryStore();
    await expect(Log.create(optionsFor(store), genesis, logId)).rejects.toThrow(TypeError);
    expect(store.rows()).toEqual([]);
  });

  test("the genesis entry counts as control, and its precondition is moot", async () => {
    const genesis = request("genesis", { control: false, precondition: entryOf("none") });
    const log = await Log.create(optionsFor(new MemoryStore()), genesis, LOG_ID);
    expect(log.control().index).toBe(0);
  });

  test.each([
    ["not whole", 1.5],
    ["negative", -1],
    ["not a number", Number.NaN],
  ])("a clock that reads %s is misuse", async (_name, time) => {
    const store = new MemoryStore();
    await expect(createLog(store, { now: () => time })).rejects.toThrow(TypeError);
    expect(store.rows()).toEqual([]);
  });
});

describe("append", () => {
  test("resolves with index and covering checkpoint", async () => {
    const log = await createLog();
    const sequenced = await log.append(request(1));
    expect(SequencedEntry.is(sequenced)).toBe(true);
    expect(sequenced).toMatchObject({ entry: entryOf(1), index: 1, isDuplicate: false });
    expect(sequenced.checkpoint).toBe(log.head());
    expect(log.head().checkpoint.size).toBe(2);
  });

  test("gives indexes in the order of the calls", async () => {
    const log = await createLog();
    const sequenced = await Promise.all(range(0, 50).map((n) => log.append(request(n))));
    expect(sequenced.map(({ index }) => index)).toEqual(range(1, 51));
  });

  test.each([
    ["an entry of 33 bytes", { entry: new Uint8Array(33) }],
    ["no entry", { entry: new Uint8Array() }],
    ["a body that does not hash to the entry", { body: new Uint8Array(3) }],
  ])("refuses %s as misuse, and lives on", async (_name, changes) => {
    const log = await createLog();
    await expect(log.append(request(1, changes))).rejects.toThrow(TypeError);
    expect(await log.append(request(1))).toMatchObject({ index: 1 });
  });

  test("copies what it is given", async () => {
    const log = await createLog();
    const mine = request(1);
    const entry = mine.entry.slice();
    const appending = log.append(mine);
    for (const bytes of [mine.entry, mine.body, mine.collateral]) bytes.fill(0);
    await appending;
    expect(await log.body(entry)).toEqual(request(1).body);
    expect(await log.lookup(entry)).toEqual({ index: 1, collateral: request(1).collateral });
  });

  test("takes empty bodies and empty collateral", async () => {
    const log = await createLog();
    const empty = new Uint8Array();
    const entry = sha256(empty);
    await log.append({ entry, body: empty, collateral: empty });
    expect(await log.body(entry)).toEqual(empty);
    expect(await log.lookup(entry)).toEqual({ index: 1, collateral: empty });
  });

  test("takes a body larger than a round and a pool", async () => {
    const log = await createLog(new MemoryStore(), { pool: { maxBytes: 1000 } });
    const body = new Uint8Array(9 * 1024 * 1024).fill(1);
    await log.append({ entry: sha256(body), body, collateral: new Uint8Array() });
    expect((await log.body(sha256(body))).length).toBe(body.length);
  });
});

describe("time", () => {
  test("comes from the clock, round by round", async () => {
    let now = NOON;
    const log = await createLog(new MemoryStore(), { now: () => now });
    now += 60;
    const { checkpoint } = await log.append(request(1));
    expect(checkpoint.checkpoint.time).toBe(NOON + 60);
  });

  test("stands still while the clock is behind (I6)", async () => {
    let now = NOON;
    const store = new MemoryStore();
    const log = await createLog(store, { now: () => now });
    now = NOON - 3600;
    await log.append(request(1));
    expect(log.head().checkpoint.time).toBe(NOON);
    now = NOON + 5;
    await log.append(request(2));
    expect(log.head().checkpoint.time).toBe(NOON + 5);
    expect(await checkRows(store)).toMatchObject({ verdict: "sound" });
  });
});

describe("what is there", () => {
  test("lookup, body and entryAt agree, across a tile border", async () => {
    const log = await logOf(600);
    for (const n of [0, 1, 254, 255, 256, 510, 511, 512, 599]) {
      const { entry, body, collateral } = request(n);
      expect(await log.lookup(entry)).toEqual({ index: n + 1, collateral });
      expect(await log.body(entry)).toEqual(body);
      expect(await log.entryAt(n + 1)).toEqual(entry);
    }
  });

  test("what is not there", async () => {
    const log = await logOf(10);
    expect(await log.lookup(entryOf("none"))).toBeUndefined();
    expect(log.isPending(entryOf("none"))).toBe(false);
    await expect(log.body(entryOf("none"))).rejects.toEqual(code("LOG_ENTRY_NOT_FOUND"));
    await expect(log.inclusionReceipt(entryOf("none"))).rejects.toEqual(
      code("LOG_ENTRY_NOT_FOUND"),
    );
  });

  test.each([-1, 11, 0.5, Number.NaN, 2 ** 53, 2 ** 33])(
    "entryAt(%d) is out of range",
    async (index) => {
      const log = await logOf(10);
      await expect(log.entryAt(index)).rejects.toEqual(code("LOG_RANGE_INVALID"));
    },
  );

  test("what is handed out is not the log's own", async () => {
    const log = await logOf(10);
    (await log.entryAt(3)).fill(0);
    log.control().entry.fill(0);
    (await log.tile({ level: 0, index: 0, width: 11 })).fill(0);
    (await log.bundle(0, 11)).fill(0);
    expect(await log.entryAt(3)).toEqual(entryOf(2));
    expect(log.control().entry).toEqual(entryOf("genesis"));
    await appendAll(log, 10, 12);
    await verifyInclusion(await log.inclusionReceipt(entryOf(2)), entryOf(2), 3);
  });
});

describe("tiles and bundles", () => {
  test("hold what the tree of the entries has, at every width", async () => {
    const log = await logOf(599);
    const entries = [entryOf("genesis"), ...range(0, 599).map(entryOf)];
    const leaves = entries.map(leafHash);
    for (const index of [0, 1, 2]) {
      const full = tileWidth(0, index, 600);
      for (const width of [1, 2, 87, full - 1, full]) {
        const some = leaves.slice(index * 256, index * 256 + width);
        expect([...(await log.tile({ level: 0, index, width }))]).toEqual([...Buffer.concat(some)]);
        const bundle = await log.bundle(index, width);
        expect([...bundle]).toEqual([
          ...encodeBundle(entries.slice(index * 256, index * 256 + width)),
        ]);
        expect(decodeBundle(bundle)).toHaveLength(width);
      }
    }
    const tops = [0, 1].map((n) => treeRoot(leaves.slice(n * 256, (n + 1) * 256)));
    expect([...(await log.tile({ level: 1, index: 0, width: 2 }))]).toEqual([
      ...Buffer.concat(tops),
    ]);
  });

  test.each([
    ["one too wide", { level: 0, index: 2, width: 89 }],
    ["of no width", { level: 0, index: 0, width: 0 }],
    ["wider than any", { level: 0, index: 0, width: 257 }],
    ["of a broken width", { level: 0, index: 0, width: 1.5 }],
    ["beyond the tree", { level: 0, index: 3, width: 1 }],
    ["of a level not reached", { level: 2, index: 0, width: 1 }],
    ["of no level at all", { level: 64, index: 0, width: 1 }],
    ["below the leaves", { level: -1, index: 0, width: 1 }],
    ["of a negative index", { level: 0, index: -1, width: 1 }],
    ["of an index beyond 2^53", { level: 0, index: 2 ** 53, width: 1 }],
    ["of no number", { level: Number.NaN, index: 0, width: 1 }],
  ])("%s are out of range", async (_name, id) => {
    const log = await logOf(599);
    await expect(log.tile(id)).rejects.toEqual(code("LOG_RANGE_INVALID"));
    if (id.level === 0) {
      await expect(log.bundle(id.index, id.width)).rejects.toEqual(code("LOG_RANGE_INVALID"));
    }
  });
});

describe("open", () => {
  test("refuses another issuer, origin or key", async () => {
    const store = new MemoryStore();
    await (await logOf(3, store)).close();
    const other = await PrivateKey.generate("EdDSA");
    for (const changes of [
      { issuer: "https://other.example" },
      { origin: "other" },
      { signer: other },
    ]) {
      await expect(openLog(store.reopen(), changes)).rejects.toEqual(code("LOG_KEY_MISMATCH"));
    }
    expect((await openLog(store.reopen())).head().checkpoint.size).toBe(4);
  });

  test("takes nothing by a clock behind the head, to the second", async () => {
    const store = new MemoryStore();
    await (await logOf(3, store)).close();
    const early = await openLog(store.reopen(), { now: () => NOON - 1 });
    await expect(early.append(request(9))).rejects.toEqual(code("LOG_CLOCK_BACKWARD"));
    const onTime = await openLog(store.reopen(), { now: () => NOON });
    expect(await onTime.append(request(9))).toMatchObject({ index: 4 });
  });

  test("finds nothing in an empty store", async () => {
    await expect(openLog(new MemoryStore())).rejects.toEqual(code("LOG_NOT_FOUND"));
  });

  test("closes a store that it refuses", async () => {
    const store = new MemoryStore();
    await expect(openLog(store)).rejects.toEqual(code("LOG_NOT_FOUND"));
    await expect(store.getMany([])).rejects.toEqual(code("LOG_UNAVAILABLE"));
  });

  test("restates what a foreign store throws", async () => {
    class Broken extends MemoryStore {
      override keys(): AsyncIterable<Uint8Array> {
        throw new Error("EIO");
      }
      override get(): Promise<Uint8Array | undefined> {
        return Promise.reject(new Error("EIO"));
      }
    }
    const opening = openLog(new Broken(), { anchor: new MemoryAnchor() });
    await expect(opening).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
    await expect(createLog(new Broken())).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  });

  test.each(["ES256", "ES384", "Ed25519"] as const)("works with a key for %s", async (name) => {
    const signer = await PrivateKey.generate(name);
    const store = new MemoryStore();
    const log = await createLog(store, { signer });
    await appendAll(log, 0, 3);
    const receipt = await log.inclusionReceipt(entryOf(1), 4);
    await log.close();
    const reopened = await openLog(store.reopen(), { signer });
    // Signatures of some algorithms differ each time; the one kept is the one handed out.
    expect(await reopened.inclusionReceipt(entryOf(1), 4)).toEqual(receipt);
    expect(signer.publicKey.thumbprint()).not.toEqual(key.thumbprint());
  });
});

describe("close", () => {
  test("is final and idempotent", async () => {
    const log = await logOf(3);
    await Promise.all([log.close(), log.close()]);
    await log.close();
    await expect(log.append(request(9))).rejects.toEqual(code("LOG_CLOSING"));
    await expect(log.body(entryOf(1))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(log.head().checkpoint.size).toBe(4);
  });

  test("answers what was submitted before it", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    const appending = range(0, 2000).map((n) => log.append(request(n)));
    await log.close();
    const sequenced = await Promise.all(appending);
    expect(sequenced.map(({ index }) => index)).toEqual(range(1, 2001));
    expect((await openLog(store.reopen())).head().checkpoint.size).toBe(2001);
  });

  test("says so when the store cannot be closed", async () => {
    class Stuck extends MemoryStore {
      override close(): Promise<void> {
        return Promise.reject(new Error("EIO"));
      }
    }
    const log = await createLog(new Stuck());
    await expect(log.close()).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  });
});
