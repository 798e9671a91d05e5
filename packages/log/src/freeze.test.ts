import { describe, expect, test } from "@jest/globals";

import { checkLog } from "./fsck.js";
import { FROZEN_KEY, SCRUB_KEY } from "./layout.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { encodeFrozen } from "./record.js";
import {
  appendAll,
  createLog,
  entryOf,
  key,
  NOON,
  openLog,
  range,
  request,
} from "./testing/bench.js";
import { allDamages } from "./testing/damage.js";
import { FaultStore, type WriteFault } from "./testing/fault.js";
import { GateStore } from "./testing/gate.js";
import { put } from "./testing/sample.js";

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });
const FROZEN = {
  kind: "reader",
  code: "LOG_FROZEN",
  reason: "closed to new entries for good at 2027-01-15T08:00:00Z: the successor is elsewhere",
};
const WHY = "the successor is elsewhere";

describe("a frozen log", () => {
  test("takes nothing any more, whoever opens it and whatever the clock says", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    await appendAll(log, 0, 5);
    expect(log.standing()).toEqual({ kind: "writer" });
    await log.freeze(WHY);
    expect(log.standing()).toEqual(FROZEN);
    await expect(log.append(request(9))).rejects.toEqual(code("LOG_FROZEN"));
    await log.close();
    for (const now of [0, NOON, NOON + 1e9]) {
      const left = { store: store.reopen(), anchor: anchor.reopen() };
      const reopened = await openLog(left.store, { ...left, now: () => now });
      expect(reopened.standing()).toEqual(FROZEN);
      await expect(reopened.append(request(9))).rejects.toEqual(code("LOG_FROZEN"));
      expect(await reopened.body(entryOf(3))).toEqual(request(3).body);
      expect(await reopened.inclusionReceipt(entryOf(3))).toBeInstanceOf(Uint8Array);
      await reopened.close();
      expect(left.store.rows()).toEqual(store.rows());
    }
    const report = await checkLog({ store: store.reopen(), anchor: anchor.reopen(), key });
    expect(report).toMatchObject({ verdict: "sound", size: 6 });
  });

  test("stays so for the first reason, and can be frozen again without effect", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await Promise.all([log.freeze(WHY), log.freeze("another")]);
    await log.freeze("a third");
    await log.close();
    const reopened = await openLog(store.reopen());
    await reopened.freeze("a fourth");
    expect(reopened.standing()).toEqual(FROZEN);
  });

  test("can be one that lost its end, which it says as well: nothing hides that", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    const old = store.reopen();
    await appendAll(log, 0, 5);
    const behind = await openLog(old, { anchor: anchor.reopen() });
    expect(behind.standing()).toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
    await behind.freeze(WHY);
    const loss = /the successor is elsewhere\. And .*: 5 entries are missing\. .*tally restore/;
    const frozen = { ...FROZEN, reason: expect.stringMatching(loss) as unknown };
    expect(behind.standing()).toMatchObject(frozen);
    await behind.close();
    const reopened = await openLog(old.reopen(), { anchor });
    expect(reopened.standing()).toMatchObject(frozen);
    expect(reopened.standing()).toEqual(behind.standing());
  });

  test("stays one when either store or anchor loses what says so", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    const before = { store: store.reopen(), anchor: anchor.reopen() };
    await log.freeze(WHY);
    const ofAnchor = { store: before.store, anchor: anchor.reopen() };
    const ofStore = { store: store.reopen(), anchor: before.anchor };
    for (const left of [ofAnchor, ofStore]) {
      const rows = left.store.rows();
      const reopened = await openLog(left.store, left);
      expect(reopened.standing()).toEqual(FROZEN);
      expect(left.anchor.frozen).toEqual({ why: WHY, time: NOON });
      expect(left.store.rows()).toEqual(rows);
      await reopened.close();
      const report = await checkLog({
        ...left,
        store: left.store.reopen(),
        anchor: left.anchor.reopen(),
        key,
      });
      expect(report).toMatchObject({ verdict: "sound", frozen: { why: WHY, time: NOON } });
    }
  });

  test("is so for fsck where the anchor alone says it, and must not be so for two reasons", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    const unfrozen = store.reopen();
    await log.freeze(WHY);
    const open = await checkLog({ store: unfrozen.reopen(), key });
    expect(open.frozen).toBeUndefined();
    const closed = await checkLog({ store: unfrozen.reopen(), anchor: anchor.reopen(), key });
    expect(closed).toMatchObject({ verdict: "sound", frozen: { why: WHY, time: NOON } });
    put(unfrozen, FROZEN_KEY, encodeFrozen({ why: "another", time: NOON }));
    const torn = await checkLog({ store: unfrozen, anchor: anchor.reopen(), key });
    expect(torn).toMatchObject({ verdict: "corrupt", frozen: { why: "another" } });
    expect(torn.problems).toMatchObject([{ kind: "mismatch", where: "frozen" }]);
  });

  test("is anchored before that resolves", async () => {
    const anchor = new MemoryAnchor();
    const log = await createLog(new MemoryStore(), { anchor });
    await log.freeze(WHY);
    expect(anchor.frozen).toEqual({ why: WHY, time: NOON });
  });

  test("is none that was told so where the anchor cannot be written", async () => {
    class Full extends MemoryAnchor {
      override appendFreeze(): Promise<void> {
        return Promise.reject(new Error("ENOSPC"));
      }
    }
    const log = await createLog(new MemoryStore(), { anchor: new Full() });
    await expect(log.freeze(WHY)).rejects.toEqual(code("LOG_UNAVAILABLE"));
  });

  test.each([
    ["no reason", ""],
    ["too long a one", "x".repeat(1001)],
  ])("needs more than %s", async (_name, why) => {
    const log = await createLog();
    await expect(log.freeze(why)).rejects.toThrow(TypeError);
    expect(log.standing()).toEqual({ kind: "writer" });
  });

  test("whose newest checkpoint is not anchored anchors it before it is shown", async () => {
    const store = new MemoryStore();
    const anchor = new MemoryAnchor();
    const log = await createLog(store, { anchor });
    await appendAll(log, 0, 5);
    await log.freeze(WHY);
    const short = anchor.reopen(1);
    const reopened = await openLog(store.reopen(), { anchor: short });
    expect(reopened.standing()).toEqual(FROZEN);
    expect(short.newest?.size).toBe(6);
  });

  test("is not to be had from a closed one", async () => {
    const log = await createLog();
    await log.close();
    await expect(log.freeze(WHY)).rejects.toEqual(code("LOG_CLOSING"));
  });
});

describe("freezing under load", () => {
  test("answers the round that commits, refuses the rest, and writes after it", async () => {
    const store = new GateStore(new MemoryStore());
    const log = await createLog(store);
    const gate = store.hold("before");
    const first = log.append(request(0));
    await gate.arrived;
    const waiting = range(1, 50).map((n) => log.append(request(n)));
    const freezing = log.freeze(WHY);
    for (const refused of await Promise.allSettled(waiting)) {
      expect(refused).toMatchObject({ status: "rejected", reason: { code: "LOG_FROZEN" } });
    }
    expect(await store.inner.get(FROZEN_KEY)).toBeUndefined();
    gate.open();
    expect(await first).toMatchObject({ index: 1 });
    await freezing;
    expect(store.writes).toHaveLength(3);
    const reopened = await openLog(store.inner.reopen());
    expect(reopened.head().checkpoint.size).toBe(2);
    expect(reopened.standing()).toEqual(FROZEN);
  });

  test("refuses a round that has begun and not yet come to commit", async () => {
    const hook: { freeze?: () => void } = {};
    class Slow extends MemoryStore {
      override getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
        hook.freeze?.();
        return super.getMany(keys);
      }
    }
    const store = new Slow();
    const log = await createLog(store);
    let freezing: Promise<void> | undefined;
    hook.freeze = () => {
      freezing ??= log.freeze(WHY);
    };
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_FROZEN"));
    await freezing;
    expect(log.head().checkpoint.size).toBe(1);
  });

  test.each<WriteFault>(["lost", "kept"])("that fails (%s) stops the log", async (as) => {
    const fatal: Error[] = [];
    const store = new FaultStore(new MemoryStore(), { write: 1, as });
    const log = await createLog(store, { onFatal: (error) => fatal.push(error) });
    await expect(log.freeze(WHY)).rejects.toEqual(code("LOG_UNAVAILABLE"));
    await expect(log.append(request(1))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(fatal).toHaveLength(1);
    const reopened = await openLog(store.inner.reopen());
    expect(reopened.standing().kind).toBe(as === "kept" ? "reader" : "writer");
  });
});

describe("the row", () => {
  const cases = allDamages().filter(
    ({ name }) => !name.startsWith("exchanged") && name !== "deleted",
  );
  test.each(cases)("$name: no log opens as a writer over it", async ({ apply }) => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await log.freeze(WHY);
    const value = await store.get(FROZEN_KEY);
    if (value === undefined) throw new Error("no such row");
    apply(store, { key: FROZEN_KEY, value }, undefined);
    const report = await checkLog({ store: store.reopen(), key });
    expect(report.verdict).toBe("corrupt");
    expect(report.problems.map(({ where }) => where)).toContain("frozen");
    await expect(openLog(store.reopen())).rejects.toEqual(code("LOG_CORRUPT"));
  });

  test.each([
    ["without a reason", new Map([["time", 5]])],
    ["without a time", new Map([["why", "x"]])],
  ])("%s is refused", async (_name, map) => {
    const store = new MemoryStore();
    await (await createLog(store)).close();
    const { encodeCbor } = await import("@tallystick/cose");
    put(store, FROZEN_KEY, encodeCbor(map));
    await expect(openLog(store.reopen())).rejects.toEqual(code("LOG_CORRUPT"));
  });

  test("may state any time", async () => {
    const store = new MemoryStore();
    await (await createLog(store)).close();
    put(store, FROZEN_KEY, encodeFrozen({ why: "x", time: 2 ** 52 }));
    const standing = (await openLog(store.reopen())).standing();
    expect(standing).toMatchObject({ reason: expect.stringContaining("second 45") as unknown });
  });
});

describe("between rounds", () => {
  test("an action waits for the round under way, and holds up the next", async () => {
    const store = new GateStore(new MemoryStore());
    const log = await createLog(store);
    const order: string[] = [];
    const gate = store.hold("before");
    const first = log.append(request(0)).then(() => order.push("first"));
    await gate.arrived;
    const second = log.append(request(1)).then(() => order.push("second"));
    const acting = log.between(async () => {
      order.push("act");
      await new Promise((resolve) => setImmediate(resolve));
      order.push("acted");
      expect(log.head().checkpoint.size).toBe(2);
      return 7;
    });
    gate.open();
    expect(await acting).toBe(7);
    await Promise.all([first, second]);
    expect(order).toEqual(["first", "act", "acted", "second"]);
  });

  test("actions run one after the other, on a log that can only be read as well", async () => {
    const store = new MemoryStore();
    const log = await createLog(store);
    await log.freeze(WHY);
    let running = 0;
    const results = await Promise.all(
      range(0, 5).map((n) =>
        log.between(async () => {
          expect(++running).toBe(1);
          await Promise.resolve();
          running--;
          return n;
        }),
      ),
    );
    expect(results).toEqual([0, 1, 2, 3, 4]);
    await log.note(SCRUB_KEY, Uint8Array.of(1, 2));
    const report = await checkLog({ store, key });
    expect(report).toMatchObject({ verdict: "sound", size: 1 });
  });

  test("an action that throws stops the log; those behind it hear of it", async () => {
    const fatal: Error[] = [];
    const log = await createLog(new MemoryStore(), { onFatal: (error) => fatal.push(error) });
    const acting = log.between(() => Promise.reject(new Error("EIO")));
    const behind = log.between(() => Promise.resolve(1));
    const appending = log.append(request(1));
    const results = await Promise.allSettled([acting, behind, appending]);
    for (const result of results) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "LOG_UNAVAILABLE" } });
    }
    await expect(log.between(() => Promise.resolve(1))).rejects.toEqual(code("LOG_UNAVAILABLE"));
    expect(fatal).toHaveLength(1);
  });

  test("closing waits for actions, and takes none after", async () => {
    const log = await createLog();
    let isDone = false;
    const acting = log.between(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      isDone = true;
    });
    await log.close();
    expect(isDone).toBe(true);
    await acting;
    await expect(log.between(() => Promise.resolve(1))).rejects.toEqual(code("LOG_CLOSING"));
    await expect(log.note(SCRUB_KEY, new Uint8Array())).rejects.toEqual(code("LOG_CLOSING"));
  });

  test("what comes in as the last one ends is not left behind", async () => {
    const log = await createLog();
    // Appends at every distance, in turns of the microtask queue, from the end of an action.
    for (let distance = 0; distance < 12; distance++) {
      await log.between(() => Promise.resolve());
      for (let turn = 0; turn < distance; turn++) await Promise.resolve();
      await log.append(request(`d${distance}`));
    }
    expect(log.head().checkpoint.size).toBe(13);
  });
});
