import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Mentions } from "@tallystick/content";
import { PrivateKey } from "@tallystick/cose";
import { MemoryStore } from "@tallystick/log";
import { SignedStatement, signStatement } from "@tallystick/statement";

import { ISSUER, ORIGIN, TIME, VENDOR } from "../testing/service.js";
import { PayloadReader } from "./payload-reader.js";
import { SearchIndex } from "./search-index.js";
import type { IndexSource } from "./search-index.js";

const NONE: Mentions = { list: [], isWhole: true };
const COUNT = 20;

let statements: readonly SignedStatement[];

beforeAll(async () => {
  const key = await PrivateKey.generate("EdDSA");
  const about = { contentType: "application/json", issuer: VENDOR, subject: "a" };
  statements = await Promise.all(
    Array.from({ length: COUNT }, async (_, i) => {
      const payload = new Uint8Array(5000).fill(i);
      return SignedStatement.decode(await signStatement({ payload, ...about }, key));
    }),
  );
});

const source: IndexSource = {
  size: COUNT,
  // Without a turn of the event loop, as those are given that were registered lately.
  entries: async function* (_, from) {
    await Promise.resolve();
    for (const statement of statements.slice(from)) yield { statement };
  },
  times: () => [{ size: COUNT, time: TIME }],
};

async function indexWith(reader: PayloadReader): Promise<SearchIndex> {
  const log = { issuer: ISSUER, origin: ORIGIN };
  return SearchIndex.open({ store: new MemoryStore(), log, reader });
}

describe("an index", () => {
  test("leaves others a turn of the event loop between entries whose payloads it reads", async () => {
    let turns = 0;
    const seen: number[] = [];
    const reader = new PayloadReader({
      read: () => {
        seen.push(turns);
        return NONE;
      },
    });
    const index = await indexWith(reader);
    const turn = (): void => {
      turns++;
      if (seen.length < COUNT) setImmediate(turn);
    };
    setImmediate(turn);
    await index.takeAll(source);
    expect(seen).toHaveLength(COUNT);
    expect(seen.every((at, i) => i === 0 || at > (seen[i - 1] ?? 0))).toBe(true);
    await index.close();
  });

  test("ends in the middle of a bundle once its reader has ended, with what it has read", async () => {
    const reader: PayloadReader = new PayloadReader({
      read: () => {
        reader.end();
        return NONE;
      },
    });
    const index = await indexWith(reader);
    await index.takeAll(source, () => false);
    expect(index.size).toBe(1);
    await index.close();
  });
});

describe("a reader that shares the thread", () => {
  const reading = (costs: number): PayloadReader => {
    let at = 0;
    return new PayloadReader({
      isShared: true,
      // A reading takes so long; nothing else takes any time.
      read: () => {
        at += costs;
        return NONE;
      },
      now: () => at,
    });
  };

  test("rests for as long as it has read", async () => {
    const timer = jest.spyOn(globalThis, "setTimeout");
    const reader = reading(5);
    for (const statement of statements.slice(0, 3)) await reader.keysOf(statement);
    expect(timer.mock.calls.map(([, ms]) => ms)).toStrictEqual([5, 5, 5]);
    timer.mockClear();
    const small = reading(1);
    for (const statement of statements.slice(0, 8)) await small.keysOf(statement);
    expect(timer.mock.calls.map(([, ms]) => ms)).toStrictEqual([4, 4]);
    timer.mockRestore();
  });

  test("rests a second at most, however long the clock says that it read", async () => {
    const timer = jest.spyOn(globalThis, "setTimeout");
    for (const costs of [3_600_000, 2 ** 31]) {
      const reader = reading(costs);
      const [first] = statements;
      if (first === undefined) throw new Error("no statements");
      const under = reader.keysOf(first);
      reader.end();
      await under;
    }
    expect(timer.mock.calls.map(([, ms]) => ms)).toStrictEqual([1000, 1000]);
    timer.mockRestore();
  });

  test("rests for what making rows took, too", async () => {
    let at = 0;
    const reader = new PayloadReader({ isShared: true, read: () => NONE, now: () => at });
    const [first] = statements;
    if (first === undefined) throw new Error("no statements");
    const timer = jest.spyOn(globalThis, "setTimeout");
    expect(reader.seal(3, () => (at += 7))).toBe(7);
    await reader.keysOf(first);
    expect(timer.mock.calls.map(([, ms]) => ms)).toStrictEqual([7]);
    timer.mockRestore();
  });

  test.each(["hurry", "end"] as const)("does not while somebody waits: %s", async (act) => {
    const timer = jest.spyOn(globalThis, "setTimeout");
    const reader = reading(2 ** 30);
    const [first, second] = statements;
    if (first === undefined || second === undefined) throw new Error("no statements");
    // The rest under way ends.
    const under = reader.keysOf(first);
    reader[act]();
    await under;
    await reader.keysOf(second);
    expect(timer).toHaveBeenCalledTimes(1);
    timer.mockRestore();
  });
});
