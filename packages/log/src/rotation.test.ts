import { describe, expect, test } from "@jest/globals";
import { encodeHex, PrivateKey } from "@tallystick/cose";

import { checkLog } from "./fsck.js";
import { readLabel } from "./label.js";
import { KeySchedule, type NamedKeys } from "./keys.js";
import { Log, type LogOptions } from "./log.js";
import { controlKey, openRow, sealRow } from "./layout.js";
import { MemoryAnchor, MemoryStore } from "./memory.js";
import { decodeControl, encodeControl } from "./record.js";
import { rebuildAnchor } from "./rebuild.js";
import { COMMIT_STEPS } from "./step.js";
import {
  appendAll,
  createLog,
  entryOf,
  ISSUER,
  key,
  LOG_ID,
  openLog,
  optionsFor,
  ORIGIN,
  request,
} from "./testing/bench.js";

const next = await PrivateKey.generate("ES256");
const stranger = await PrivateKey.generate("EdDSA");
const OLD = key.thumbprint();
const NEW = next.publicKey.thumbprint();
const BOTH = [OLD, NEW];

const code = (code: string): unknown => expect.objectContaining({ name: "LogError", code });

/** Where a log is kept, from one process to the next. */
interface At {
  store: MemoryStore;
  anchor: MemoryAnchor;
}

function append(log: Log, name: string, receiptKeys?: NamedKeys): Promise<unknown> {
  return log.append(request(name, { control: true, ...(receiptKeys && { receiptKeys }) }));
}

function reopen(at: At, options: Partial<LogOptions> = {}): Promise<Log> {
  at.store = at.store.reopen();
  at.anchor = at.anchor.reopen();
  return openLog(at.store, { anchor: at.anchor, ...options });
}

const asNew = { signer: next, otherKeys: [key] } as const;
const keys = [key, next.publicKey];

/** A log whose policy names both keys from index 2 on, closed. */
async function announced(): Promise<At> {
  const at = { store: new MemoryStore(), anchor: new MemoryAnchor() };
  const log = await createLog(at.store, { anchor: at.anchor });
  await appendAll(log, 0, 1);
  await append(log, "P", BOTH);
  await log.close();
  return at;
}

/** The same with an entry under the new key, at index 3, and a policy that drops the old, closed. */
async function rotated(): Promise<At> {
  const at = await announced();
  const log = await reopen(at, asNew);
  await log.append(request(3));
  await append(log, "Q", [NEW]);
  await log.append(request(5));
  await log.close();
  return at;
}

describe("a rotation", () => {
  test("keeps receipts of both keys", async () => {
    const log = await reopen(await rotated(), asNew);
    const kids = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (size) => encodeHex((await log.checkpointAt(size)).kid)),
    );
    expect(kids).toEqual([OLD, OLD, OLD, NEW, NEW, NEW].map(encodeHex));
    expect(log.control()).toMatchObject({ index: 4, receiptKeys: [NEW] });
    for (const size of [3, 4, 6]) {
      expect((await log.inclusionReceipt(entryOf("P"), size)).length).toBeGreaterThan(0);
    }
  });

  test("passes every check of the whole log", async () => {
    const { store, anchor } = await rotated();
    const report = await checkLog({ store: store.reopen(), anchor: anchor.reopen(), key: keys });
    expect(report).toMatchObject({ verdict: "sound", size: 6, problems: [] });
    expect(await readLabel(store.reopen())).toMatchObject({ kid: OLD, receiptKeys: [NEW] });
  });

  test("makes the anchor again", async () => {
    const { store } = await rotated();
    const made = new MemoryAnchor();
    const expected = { issuer: ISSUER, origin: ORIGIN, key: keys };
    const files = { store: store.reopen(), anchor: new MemoryAnchor() };
    const count = await rebuildAnchor({ ...files, make: () => Promise.resolve(made) }, expected);
    expect(count).toBe(6);
    expect((await reopen({ store, anchor: made }, asNew)).standing().kind).toBe("writer");
  });

  test("can be taken back as long as the new key has signed nothing", async () => {
    const at = await announced();
    const log = await reopen(at, { otherKeys: [next.publicKey] });
    await append(log, "back");
    await log.close();
    await expect(reopen(at, asNew)).rejects.toEqual(code("LOG_KEY_MISMATCH"));
    expect((await reopen(at)).head().checkpoint.size).toBe(4);
  });
});

describe("who may open a log", () => {
  const other = { signer: next, otherKeys: [key] } as const;

  test.each<[string, () => Promise<At>, Partial<LogOptions>]>([
    ["the new key before a policy names it", created, other],
    ["the old key once a policy dropped it", rotated, { otherKeys: [next.publicKey] }],
    ["a key that no policy names", rotated, { signer: stranger, otherKeys: keys }],
    ["the new key without the public key that began the log", announced, { signer: next }],
  ])("not %s", async (_, make, options) => {
    const at = await make();
    await expect(reopen(at, options)).rejects.toEqual(code("LOG_KEY_MISMATCH"));
  });

  test("either key while the policy names both", async () => {
    const at = await announced();
    for (const options of [asNew, { otherKeys: [next.publicKey] }, {}]) {
      const log = await reopen(at, options);
      expect(log.standing().kind).toBe("writer");
      await log.close();
    }
  });

  test("is told what to do", async () => {
    await expect(reopen(await created(), other)).rejects.toThrow(
      /signs nothing for this log: its policy names [\w-]{43}\. .*tally rotate-key DIR/,
    );
  });

  async function created(): Promise<At> {
    const at = { store: new MemoryStore(), anchor: new MemoryAnchor() };
    await (await createLog(at.store, { anchor: at.anchor })).close();
    return at;
  }
});

describe("F5: a database from before the rotation, with the present anchor and keys", () => {
  /** The log of before, and the anchor of the rotated one. */
  async function rolledBack(): Promise<At> {
    const at = { store: new MemoryStore(), anchor: new MemoryAnchor() };
    await (await createLog(at.store, { anchor: at.anchor })).close();
    const backup = at.store.reopen();
    const log = await reopen(at);
    await append(log, "P", BOTH);
    await log.close();
    const later = await reopen(at, asNew);
    await append(later, "Q", [NEW]);
    await later.close();
    return { store: backup, anchor: at.anchor };
  }

  test("is opened to be read, under the new key", async () => {
    const log = await reopen(await rolledBack(), asNew);
    expect(log.standing()).toMatchObject({ kind: "reader", code: "LOG_BEHIND_ANCHOR" });
    await expect(log.append(request(9))).rejects.toEqual(code("LOG_BEHIND_ANCHOR"));
    expect(encodeHex(log.head().kid)).toBe(encodeHex(OLD));
  });
});

describe("a control entry", () => {
  test.each<[string, NamedKeys]>([
    ["names another key only", [NEW]],
    ["names a stranger's", [NEW, stranger.publicKey.thumbprint()]],
  ])("that %s is refused, and the log goes on", async (_, named) => {
    const log = await createLog();
    await expect(append(log, "P", named)).rejects.toEqual(code("LOG_KEY_IN_USE"));
    await log.append(request(1));
    expect(log.control().index).toBe(0);
    expect(log.head().checkpoint.size).toBe(2);
  });

  test("that leaves the keys out is refused once the first key is not in use", async () => {
    const log = await reopen(await rotated(), asNew);
    await expect(append(log, "R")).rejects.toEqual(code("LOG_KEY_IN_USE"));
    expect(log.standing().kind).toBe("writer");
  });

  test("of the first policy has to name the key that signs it", async () => {
    const options = optionsFor(new MemoryStore());
    const genesis = request("genesis", { receiptKeys: [NEW] });
    await expect(Log.create(options, genesis, LOG_ID)).rejects.toEqual(code("LOG_KEY_MISMATCH"));
  });

  test.each<[string, NamedKeys, boolean]>([
    ["no key", [], true],
    ["one key twice", [OLD, OLD], true],
    ["what is no thumbprint", [OLD, NEW.slice(1)], true],
    ["17 keys", Array.from({ length: 17 }, (_, n) => new Uint8Array(32).fill(n)), true],
    ["keys though it is none", [OLD], false],
  ])("cannot name %s", async (_, receiptKeys, control) => {
    const log = await createLog();
    const made = request("P", { control, ...(receiptKeys && { receiptKeys }) });
    await expect(log.append(made)).rejects.toThrow(TypeError);
  });
});

describe("a crash while the policy that names both keys is committed", () => {
  test.each(COMMIT_STEPS)("at the step %s leaves one key that opens it", async (name) => {
    const at = { store: new MemoryStore(), anchor: new MemoryAnchor() };
    const log = await createLog(at.store, {
      anchor: at.anchor,
      onStep: (step) => {
        if (step.size === 2 && step.name === name) throw new Error("crash");
      },
    });
    await append(log, "P", BOTH).catch(() => undefined);
    const old = await reopen(at);
    const { receiptKeys } = old.control();
    await old.close();
    if (receiptKeys === undefined) {
      await expect(reopen(at, asNew)).rejects.toEqual(code("LOG_KEY_MISMATCH"));
    } else {
      const log = await reopen(at, asNew);
      await log.append(request(9));
      expect(encodeHex(log.head().kid)).toBe(encodeHex(NEW));
    }
    expect(receiptKeys === undefined).toBe(COMMIT_STEPS.indexOf(name) < 4);
  });
});

describe("what no control entry named", () => {
  /** The rotated log, as if no policy had ever named the new key. */
  async function unnamed(index: number, receiptKeys?: NamedKeys): Promise<At> {
    const at = await rotated();
    const at0 = controlKey(index);
    const value = (await at.store.reopen().get(at0)) ?? new Uint8Array();
    const { entry, previousIndex } = decodeControl(openRow({ key: at0, value }));
    const row = encodeControl({ entry, previousIndex, ...(receiptKeys && { receiptKeys }) });
    at.store.damage(at0, sealRow(at0, row).value);
    return at;
  }

  test("signs no head", async () => {
    const at = await unnamed(4, [OLD]);
    await expect(reopen(at, { otherKeys: [next.publicKey] })).rejects.toMatchObject({
      code: "LOG_CORRUPT",
      message: expect.stringContaining("the control entry in force does not name"),
    });
  });

  test.each<[string, { readonly at: number; readonly names: NamedKeys; readonly found: string[] }]>(
    [
      ["before it is named", { at: 2, names: [OLD], found: ["checkpoint 4", "checkpoint 5"] }],
      ["in the end", { at: 4, names: [OLD], found: ["checkpoint 5", "checkpoint 6"] }],
    ],
  )("is found by a check of the whole log, %s", async (_, { at, names, found }) => {
    const { store } = await unnamed(at, names);
    const report = await checkLog({ store: store.reopen(), key: keys });
    expect(report.verdict).toBe("corrupt");
    const wrong = report.problems.filter(({ kind }) => kind === "signature");
    expect(wrong.map(({ where }) => where)).toEqual(found);
  });
});

describe("the schedule of keys", () => {
  const schedule = new KeySchedule({ kid: OLD });
  schedule.add(0, undefined);
  schedule.add(3, BOTH);
  schedule.add(5, BOTH);
  schedule.add(8, [NEW]);

  test.each<[string, number, string]>([
    ["the first entry", 1, "old"],
    ["the entry before", 3, "old"],
    ["the one that names both", 4, "old"],
    ["the next", 5, "old and new"],
    ["the last before the old is dropped", 8, "old and new"],
    ["the one that drops it", 9, "new"],
    ["the next", 10, "new"],
  ])("over %s, size %i: %s", (_, size, wanted) => {
    const names = new Map([
      ["old", OLD],
      ["new", NEW],
      ["stranger", stranger.publicKey.thumbprint()],
    ]);
    const may = [...names].filter(([, kid]) => schedule.permits(kid, size)).map(([name]) => name);
    expect(may.join(" and ")).toBe(wanted);
  });
});
