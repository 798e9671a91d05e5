import { describe, expect, test } from "@jest/globals";

import { LogError } from "./error.js";
import { checkLog } from "./fsck.js";
import {
  bodyKey,
  bundleKey,
  checkpointKey,
  controlKey,
  digestKey,
  formatKey,
  HEAD_KEY,
  KIND,
  META_KEY,
  openRow,
  sealRow,
  tileKey,
} from "./layout.js";
import type { Log } from "./log.js";
import { MemoryStore } from "./memory.js";
import type { LogReport } from "./report.js";
import type { Row } from "./store.js";
import { appendAll, createLog, entryOf, key, openLog, request } from "./testing/bench.js";
import { allDamages } from "./testing/damage.js";

// Control entries at 0, 260 and 520; the last bundle begins at 512.
const SIZES = [1, 40, 257, 260, 261, 400, 520, 521, 530];
const INDEXES = [0, 1, 39, 40, 255, 256, 257, 260, 300, 400, 511, 512, 519, 520, 525, 529];
const numbered = (index: number): string => (index === 0 ? "genesis" : `${index}`);

async function build(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const log = await createLog(store);
  await appendAll(log, 1, 40);
  await appendAll(log, 40, 257);
  await appendAll(log, 257, 260);
  await log.append(request(260, { control: true }));
  await appendAll(log, 261, 400);
  await appendAll(log, 400, 520);
  await log.append(request(520, { control: true }));
  await appendAll(log, 521, 530);
  await log.close();
  return store;
}

const sound = await build();

// One row of each kind in the settled part and one on the edge; with each, another of its kind.
const samples: readonly (readonly [keyof typeof KIND, Uint8Array, Uint8Array | undefined])[] = [
  ["meta", META_KEY, undefined],
  ["head", HEAD_KEY, undefined],
  ["bundle", bundleKey(0), bundleKey(1)],
  ["bundle", bundleKey(2), bundleKey(1)],
  ["tile", tileKey({ level: 0, index: 0 }), tileKey({ level: 0, index: 1 })],
  ["tile", tileKey({ level: 0, index: 2 }), tileKey({ level: 0, index: 1 })],
  ["tile", tileKey({ level: 1, index: 0 }), tileKey({ level: 0, index: 1 })],
  ["digest", digestKey(entryOf(300)), digestKey(entryOf(39))],
  ["digest", digestKey(entryOf(525)), digestKey(entryOf(300))],
  ["body", bodyKey(300), bodyKey(39)],
  ["body", bodyKey(525), bodyKey(300)],
  ["checkpoint", checkpointKey(1), checkpointKey(40)],
  ["checkpoint", checkpointKey(400), checkpointKey(257)],
  ["checkpoint", checkpointKey(530), checkpointKey(257)],
  ["control", controlKey(0), controlKey(260)],
  ["control", controlKey(260), controlKey(520)],
  ["control", controlKey(520), controlKey(0)],
];

async function rowAt(store: MemoryStore, rowKey: Uint8Array | undefined): Promise<Row | undefined> {
  const value = rowKey && (await store.get(rowKey));
  return rowKey && value && { key: rowKey, value };
}

type Answers = ReadonlyMap<string, Uint8Array | LogError>;

/** Asks the log everything there is to ask about the sampled entries and sizes. */
async function askAll(log: Log): Promise<Answers> {
  const answers = new Map<string, Uint8Array | LogError>();
  async function ask(question: string, answer: () => Promise<Uint8Array>): Promise<void> {
    try {
      answers.set(question, await answer());
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      answers.set(question, error);
    }
  }
  for (const index of INDEXES) {
    const entry = entryOf(numbered(index));
    await ask(`entryAt ${index}`, () => log.entryAt(index));
    await ask(`body ${index}`, () => log.body(entry));
    await ask(`inclusion ${index}`, () => log.inclusionReceipt(entry));
    await ask(`inclusion ${index} in 400`, () => log.inclusionReceipt(entry, 400));
    await ask(`lookup ${index}`, async () => {
      const placement = await log.lookup(entry);
      return Uint8Array.of(...(placement?.collateral ?? []), (placement?.index ?? 0) % 251);
    });
  }
  for (const size of SIZES) {
    await ask(`checkpoint ${size}`, async () => (await log.checkpointAt(size)).encode());
    await ask(`consistency ${size}`, () => log.consistencyReceipt(size, 530));
  }
  for (const index of [0, 1, 2]) {
    const width = index === 2 ? 18 : 256;
    await ask(`tile 0/${index}`, () => log.tile({ level: 0, index, width }));
    await ask(`bundle ${index}`, () => log.bundle(index, width));
  }
  await ask("tile 1/0", () => log.tile({ level: 1, index: 0, width: 2 }));
  await ask("head", () => Promise.resolve(log.head().encode()));
  await ask("control", () => Promise.resolve(log.control().entry));
  return answers;
}

const truth = await askAll(await openLog(sound.reopen()));

// What a miss may answer where the row that would tell is gone; everything else must be an error.
const MISSES: Readonly<Partial<Record<keyof typeof KIND, string>>> = {
  digest: "LOG_ENTRY_NOT_FOUND",
  checkpoint: "LOG_SIZE_UNKNOWN",
};

describe("the undamaged log", () => {
  test("is sound, and answers everything but what no log can", async () => {
    const report = await checkLog({ store: sound.reopen(), key });
    expect([report.verdict, report.problems]).toEqual(["sound", []]);
    const refused = [...truth].filter(([, answer]) => answer instanceof LogError);
    expect(refused.map(([question]) => question)).toEqual([
      // Not yet in the tree of 400.
      ...[400, 511, 512, 519, 520, 525, 529].map((index) => `inclusion ${index} in 400`),
      "consistency 530",
    ]);
  });

  test("has a sample of every kind of row", async () => {
    // Rows that are no part of the log are left to the tests of what writes them.
    const others = new Set(["frozen", "scrub"]);
    const wanted = Object.keys(KIND).filter((kind) => !others.has(kind));
    expect(new Set(samples.map(([kind]) => kind))).toEqual(new Set(wanted));
    const open = sound.reopen();
    for (const [, sampled] of samples) expect(await rowAt(open, sampled)).toBeDefined();
    const kinds = new Set<string>(Object.values(KIND));
    for (const row of sound.rows()) {
      expect(kinds.has(String.fromCharCode(row.key[0] ?? 0))).toBe(true);
    }
  });
});

const cases = samples.flatMap(([kind, sampled, other]) =>
  allDamages()
    .filter(({ name }) => other !== undefined || !name.startsWith("exchanged"))
    .map(
      (damage) =>
        [`${formatKey(sampled)} ${damage.name}`, { kind, sampled, other, damage }] as const,
    ),
);

describe("a damaged row", () => {
  test.each(cases)("%s", async (_name, { kind, sampled, other, damage }) => {
    const store = sound.reopen();
    const row = await rowAt(store, sampled);
    if (row === undefined) throw new Error("no such row");
    damage.apply(store, row, await rowAt(store, other));

    await expectFsckToSee(store, kind);

    // Under a log that is open already.
    const live = sound.reopen();
    const running = await openLog(live);
    damage.apply(live, row, await rowAt(live, other));
    await expectNothingWrong(running, kind, isReadLater(sampled));

    let log: Log;
    try {
      log = await openLog(store.reopen());
    } catch (error) {
      expect(error).toBeInstanceOf(LogError);
      expect(["LOG_CORRUPT", "LOG_SCHEMA_UNSUPPORTED", "LOG_KEY_MISMATCH"]).toContain(
        (error as LogError).code,
      );
      return;
    }
    await expectNothingWrong(log, kind, isReadLater(sampled));
  });
});

// These are read at boot only, and of controls only the newest few; the rest is for fsck.
function isReadLater(rowKey: Uint8Array): boolean {
  const unread = [
    META_KEY,
    HEAD_KEY,
    bundleKey(2),
    checkpointKey(530),
    ...[0, 260, 520].map(controlKey),
  ];
  const edge = [tileKey({ level: 0, index: 2 }), tileKey({ level: 1, index: 0 })];
  return ![...unread, ...edge].some((key) => Buffer.compare(key, rowKey) === 0);
}

async function expectFsckToSee(store: MemoryStore, kind: string): Promise<void> {
  let report: LogReport;
  try {
    report = await checkLog({ store: store.reopen(), key });
  } catch (error) {
    // A schema that is not this one cannot be checked at all.
    expect([kind, error]).toEqual([
      "meta",
      expect.objectContaining({ code: "LOG_SCHEMA_UNSUPPORTED" }),
    ]);
    return;
  }
  expect(report.verdict).not.toBe("sound");
  expect(report.problemCount).toBeGreaterThan(0);
  expect(report.problems).toHaveLength(Math.min(report.problemCount, 1000));
}

/** Every answer is the true one or a refusal, and something is refused if the row is ever read. */
async function expectNothingWrong(
  log: Log,
  kind: keyof typeof KIND,
  isRead: boolean,
): Promise<void> {
  let refusals = 0;
  for (const [question, answer] of await askAll(log)) {
    const want = truth.get(question);
    if (answer instanceof LogError) {
      if (want instanceof LogError && want.code === answer.code) continue;
      expect(["LOG_CORRUPT", MISSES[kind]]).toContain(answer.code);
      refusals++;
    } else if (question.startsWith("lookup") && kind === "digest" && answer.length === 1) {
      // A lost index row: the lookup misses.
      refusals++;
    } else {
      expect([question, answer]).toEqual([question, want]);
    }
  }
  if (isRead) expect(refusals).toBeGreaterThan(0);
}

describe("a lost body", () => {
  test("is corruption, not a miss", async () => {
    const store = sound.reopen();
    const log = await openLog(store);
    store.damage(bodyKey(300), undefined);
    await expect(log.body(entryOf(300))).rejects.toMatchObject({ code: "LOG_CORRUPT" });
    await expect(openLog(store.reopen())).rejects.toMatchObject({ code: "LOG_CORRUPT" });
    expect(await checkLog({ store, key })).toMatchObject({
      verdict: "incomplete",
      problems: [{ kind: "missing", where: formatKey(bodyKey(300)) }],
    });
  });
});

describe("an index row that points elsewhere", () => {
  test("stops a round that submits the entry again, rather than log it twice", async () => {
    const store = sound.reopen();
    const row = await rowAt(store, digestKey(entryOf(300)));
    if (row === undefined) throw new Error("no such row");
    const payload = openRow(row).slice();
    payload[7] = 1;
    const log = await openLog(store);
    store.damage(row.key, sealRow(row.key, payload).value);
    await expect(log.append(request(300))).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
    expect(log.head().checkpoint.size).toBe(530);
  });
});
