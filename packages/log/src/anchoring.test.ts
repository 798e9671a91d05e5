import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { SignedCheckpoint } from "@tallystick/receipt";

import { type Anchor, type AnchorRecord, missingAnchor } from "./anchor.js";
import type { LogError, LogErrorCode } from "./error.js";
import { checkLog } from "./fsck.js";
import type { Log } from "./log.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import type { Verdict } from "./report.js";
import { createLog, entryOf, key, NOON, openLog, request, signer } from "./testing/bench.js";
import { makeHistory } from "./testing/history.js";
import { kindsOf } from "./testing/sample.js";

const { stores, whole, shown, ...fork } = await makeHistory();

function storeAt(n: number): MemoryStore {
  return stores[n]?.reopen() ?? new MemoryStore();
}

interface Case {
  /** Copy of the store, by the checkpoint it ends with. */
  readonly store: () => MemoryStore;
  readonly anchor: () => Anchor;
  readonly now?: number;
  /** A writer where none is given. */
  readonly code?: LogErrorCode;
  readonly reason?: RegExp;
  /** Its head is shown to nobody: it does not open. */
  readonly isRefused?: boolean;
  readonly size: number;
  readonly fsck: Verdict;
  /** Where fsck finds something. */
  readonly where?: string;
}

const table: readonly (readonly [string, Case])[] = [
  [
    "anchor and store agree",
    { store: () => storeAt(3), anchor: () => whole.reopen(), size: 301, fsck: "sound" },
  ],
  [
    "store one ahead",
    { store: () => storeAt(3), anchor: () => whole.reopen(3), size: 301, fsck: "sound" },
  ],
  [
    "store one ahead, the record torn",
    { store: () => storeAt(3), anchor: () => whole.reopen(3, "torn"), size: 301, fsck: "sound" },
  ],
  [
    "the genesis entry not yet anchored",
    { store: () => storeAt(0), anchor: () => whole.reopen(0), size: 1, fsck: "sound" },
  ],
  [
    "the genesis entry not yet anchored, the record torn",
    { store: () => storeAt(0), anchor: () => whole.reopen(0, "torn"), size: 1, fsck: "sound" },
  ],
  [
    "store one behind",
    {
      store: () => storeAt(2),
      anchor: () => whole.reopen(),
      code: "LOG_BEHIND_ANCHOR",
      reason:
        /ends at size 300 \(2027-01-15T08:02:00Z\).*size 301 \(2027-01-15T08:03:00Z\).* 1 entries are missing.*tally restore/,
      size: 300,
      fsck: "incomplete",
      where: "missing checkpoint 301",
    },
  ],
  [
    "store far behind",
    {
      store: () => storeAt(0),
      anchor: () => whole.reopen(),
      code: "LOG_BEHIND_ANCHOR",
      reason: / 300 entries are missing.*tally freeze/,
      size: 1,
      fsck: "incomplete",
      where: "missing checkpoint 301",
    },
  ],
  [
    "store behind a record that was only begun",
    {
      store: () => storeAt(2),
      anchor: () => whole.reopen(3, "torn"),
      code: "LOG_BEHIND_ANCHOR",
      reason: /the last round is missing/,
      size: 300,
      fsck: "incomplete",
      where: "missing head",
    },
  ],
  [
    "anchor two behind",
    {
      store: () => storeAt(3),
      anchor: () => whole.reopen(2),
      code: "LOG_ANCHOR_BEHIND",
      isRefused: true,
      reason: /size 301 .* the anchor ends at size 5 .*tally recover DIR --rebuild-anchor/,
      size: 301,
      fsck: "incomplete",
      where: "missing anchor",
    },
  ],
  [
    "anchor emptied",
    {
      store: () => storeAt(3),
      anchor: () => whole.reopen(0),
      code: "LOG_ANCHOR_BEHIND",
      isRefused: true,
      reason: /the anchor is empty/,
      size: 301,
      fsck: "incomplete",
      where: "missing anchor",
    },
  ],
  [
    "anchor missing",
    {
      store: () => storeAt(3),
      anchor: missingAnchor,
      code: "LOG_ANCHOR_MISSING",
      isRefused: true,
      reason: /size 301 .*there is no anchor.*tally recover/,
      size: 301,
      fsck: "incomplete",
      where: "missing anchor",
    },
  ],
  [
    "anchor missing from a log of one entry",
    {
      store: () => storeAt(0),
      anchor: missingAnchor,
      code: "LOG_ANCHOR_MISSING",
      isRefused: true,
      size: 1,
      fsck: "incomplete",
      where: "missing anchor",
    },
  ],
  [
    "another tree of the same size",
    {
      store: () => fork.long.reopen(),
      anchor: () => whole.reopen(),
      code: "LOG_FORKED",
      isRefused: true,
      reason: /anchor holds .* size 301, the database none or another.*Keep both copies/,
      size: 301,
      fsck: "corrupt",
      where: "mismatch anchor 300",
    },
  ],
  [
    "another tree, the store one ahead",
    {
      store: () => fork.long.reopen(),
      anchor: () => whole.reopen(3),
      code: "LOG_FORKED",
      isRefused: true,
      size: 301,
      fsck: "corrupt",
      where: "mismatch anchor 300",
    },
  ],
  [
    "an anchored size that the store never had",
    {
      store: () => storeAt(3),
      anchor: () => fork.unseenAnchor.reopen(),
      code: "LOG_FORKED",
      isRefused: true,
      reason: /anchor holds .* size 6, the database none/,
      size: 301,
      fsck: "incomplete",
      where: "missing checkpoint 6",
    },
  ],
  [
    "a store that is shorter, and went its own way",
    {
      store: () => fork.short.reopen(),
      anchor: () => whole.reopen(),
      code: "LOG_FORKED",
      isRefused: true,
      reason: /database holds .* size 300, the anchor none or another/,
      size: 300,
      fsck: "corrupt",
      where: "mismatch anchor 300",
    },
  ],
  [
    "a store that is shorter, and ends where the anchor never was",
    {
      store: () => fork.unseen.reopen(),
      anchor: () => whole.reopen(),
      code: "LOG_FORKED",
      isRefused: true,
      reason: /database holds .* size 6, the anchor none/,
      size: 6,
      fsck: "incomplete",
      where: "missing checkpoint 301",
    },
  ],
  [
    "the clock a second behind",
    {
      store: () => storeAt(3),
      anchor: () => whole.reopen(),
      now: NOON + 179,
      code: "LOG_CLOCK_BACKWARD",
      reason: /clock reads 2027-01-15T08:02:59Z.*signed at 2027-01-15T08:03:00Z.*--ignore-clock/,
      size: 301,
      fsck: "sound",
    },
  ],
  [
    "the clock behind, and the store one ahead",
    {
      store: () => storeAt(3),
      anchor: () => whole.reopen(3),
      now: 0,
      code: "LOG_CLOCK_BACKWARD",
      size: 301,
      fsck: "sound",
    },
  ],
  [
    "the clock behind, and the store behind the anchor, which weighs more",
    {
      store: () => storeAt(2),
      anchor: () => whole.reopen(),
      now: 0,
      code: "LOG_BEHIND_ANCHOR",
      size: 300,
      fsck: "incomplete",
      where: "missing checkpoint 301",
    },
  ],
];

describe("the standing of a log", () => {
  test.each(table)("%s", async (_name, { store, anchor, now = NOON + 600, ...want }) => {
    const [rows, kept] = [store(), anchor()];
    const before = kept.newest;
    const report = await checkLog({ store: store(), anchor: anchor(), key });
    expect([report.verdict, report.problems]).toEqual([want.fsck, report.problems]);
    if (want.where === undefined) expect(report.problems).toEqual([]);
    else expect(kindsOf(report)).toContain(want.where);
    if (want.isRefused === true) {
      const opening = openLog(rows, { anchor: kept, now: () => now });
      const message = expect.stringMatching(want.reason ?? /./) as unknown;
      await expect(opening).rejects.toMatchObject({ code: want.code, message });
      expect([kept.newest, rows.rows()]).toEqual([before, store().rows()]);
      return;
    }
    const log = await openLog(rows, { anchor: kept, now: () => now });
    expect(log.head().checkpoint.size).toBe(want.size);
    const standing = log.standing();
    if (want.code === undefined) {
      expect(standing).toEqual({ kind: "writer" });
      // Whatever the anchor lacked is in it before anything else happens.
      expect(kept).toMatchObject({ state: "whole", newest: { size: want.size } });
    } else {
      expect(standing).toMatchObject({ kind: "reader", code: want.code });
      const reason = standing.kind === "reader" ? standing.reason : "";
      expect(reason).toMatch(want.reason ?? /./);
      await expectReadOnly(log, reason, want.code);
      // What is shown is anchored before, also where nothing more will be written.
      if (want.fsck === "sound") expect(kept.newest?.size).toBe(want.size);
      else expect(kept.newest).toBe(before);
      expect(rows.rows()).toEqual(store().rows());
    }
    await expectReadable(log);
    await log.close();
  });
});

async function expectReadOnly(log: Log, reason: string, want: LogErrorCode): Promise<void> {
  const { size } = log.head().checkpoint;
  for (const n of ["new", 1]) {
    const appending = log.append(request(n));
    await expect(appending).rejects.toMatchObject({ code: want, message: reason });
  }
  expect(log.isPending(entryOf("new"))).toBe(false);
  expect(log.head().checkpoint.size).toBe(size);
}

async function expectReadable(log: Log): Promise<void> {
  const { size } = log.head().checkpoint;
  const { index, collateral } = (await log.lookup(entryOf("genesis"))) ?? {};
  expect([index, collateral]).toEqual([0, request("genesis").collateral]);
  expect(await log.body(entryOf("genesis"))).toEqual(request("genesis").body);
  expect((await log.checkpointAt(1)).checkpoint.size).toBe(1);
  if (size === 1) return;
  expect((await log.inclusionReceipt(entryOf(1))).length).toBeGreaterThan(0);
  expect((await log.consistencyReceipt(5, size)).length).toBeGreaterThan(0);
  expect(await log.entryAt(4)).toEqual(entryOf(4));
}

describe("a writer", () => {
  test("goes on from what was shown before, whichever of both was ahead", async () => {
    for (const count of [3, 4]) {
      const [store, anchor] = [storeAt(3), whole.reopen(count)];
      const log = await openLog(store, { anchor, now: () => NOON + 600 });
      await shown.demand(log);
      expect(await log.append(request("next"))).toMatchObject({ index: 301 });
      await shown.demand(log);
      await log.close();
      const report = await checkLog({ store: store.reopen(), anchor: anchor.reopen(), key });
      expect(report).toMatchObject({ verdict: "sound", size: 302 });
    }
  });

  test("is none where the missing record cannot be appended", async () => {
    class Full extends MemoryAnchor {
      override append(): Promise<void> {
        return Promise.reject(new Error("ENOSPC"));
      }
    }
    const records: AnchorRecord[] = [];
    for await (const record of whole.reopen(3).records()) records.push(record);
    const store = storeAt(3);
    const fatal: LogError[] = [];
    const onFatal = (error: LogError): number => fatal.push(error);
    const opening = openLog(store, { anchor: new Full(records), now: () => NOON + 600, onFatal });
    await expect(opening).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
    expect(fatal).toMatchObject([{ code: "LOG_UNAVAILABLE" }]);
    await expect(store.getMany([])).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  });

  test("is none where the newest record cannot be written once more", async () => {
    class Worn extends MemoryAnchor {
      override renew(): Promise<void> {
        return Promise.reject(new Error("EIO"));
      }
    }
    const opening = openLog(storeAt(0), { anchor: new Worn() });
    await expect(opening).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
  });

  test("is one in spite of the clock, if told so, and keeps the time of the head", async () => {
    const anchor = whole.reopen();
    const log = await openLog(storeAt(3), { anchor, now: () => 5, ignoreClock: true });
    const { checkpoint } = await log.append(request("next"));
    expect(checkpoint.checkpoint.time).toBe(NOON + 180);
  });
});

describe("an anchor of another log", () => {
  async function anchorOf(change: object, by = signer): Promise<MemoryAnchor> {
    const { checkpoint } = (await openLog(storeAt(3), { now: () => NOON + 600 })).head();
    const signed = await SignedCheckpoint.sign({ ...checkpoint, ...change }, by);
    const { size, root } = signed.checkpoint;
    return new MemoryAnchor([{ size, root, checkpoint: signed.encode() }]);
  }

  test.each([
    ["of another issuer", { issuer: "https://other.example" }],
    ["of another origin", { origin: "other" }],
  ])("%s is refused", async (_name, change) => {
    const anchor = await anchorOf(change);
    await expect(openLog(storeAt(3), { anchor })).rejects.toMatchObject({
      code: "LOG_KEY_MISMATCH",
    });
  });

  test("signed with another key is refused", async () => {
    const anchor = await anchorOf({}, await PrivateKey.generate("EdDSA"));
    await expect(openLog(storeAt(3), { anchor })).rejects.toMatchObject({ code: "LOG_CORRUPT" });
  });

  test("whose record is not about its checkpoint is refused", async () => {
    const { newest } = await anchorOf({});
    if (newest === undefined) throw new Error("no record");
    for (const change of [{ size: 302 }, { root: new Uint8Array(32) }]) {
      const anchor = new MemoryAnchor([{ ...newest, ...change }]);
      await expect(openLog(storeAt(3), { anchor })).rejects.toMatchObject({ code: "LOG_CORRUPT" });
    }
  });

  test("is not created over", async () => {
    for (const anchor of [whole.reopen(), whole.reopen(0, "torn"), missingAnchor()]) {
      const creating = createLog(new MemoryStore(), { anchor });
      await expect(creating).rejects.toMatchObject({ code: "LOG_EXISTS" });
    }
  });
});
