import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { LogError } from "./error.js";
import { Pool, type Submission } from "./pool.js";

function submission(bytes: number, isControl = false): Submission {
  return {
    entry: new Uint8Array(32),
    body: new Uint8Array(bytes),
    collateral: new Uint8Array(),
    isControl,
    precondition: undefined,
    admittedAt: undefined,
  };
}

const wide = { maxEntries: 1000, maxBytes: 1_000_000 };

function ids(pool: Pool, limits = wide): readonly string[] {
  return pool.take(limits).map(({ id }) => id);
}

describe("one that comes again", () => {
  const again = { ...submission(3), isAgain: true };

  test("goes before those that wait, and behind others that came again", () => {
    const pool = new Pool(wide);
    pool.add("a", submission(1));
    pool.add("b", again);
    pool.add("c", submission(1));
    pool.add("d", again);
    expect(pool.load).toEqual({ entries: 4, bytes: 8 });
    expect(pool.find("d")?.id).toBe("d");
    expect(ids(pool, { ...wide, maxEntries: 3 })).toEqual(["b", "d", "a"]);
    expect(pool.find("d")).toBeUndefined();
    expect(pool.load).toEqual({ entries: 1, bytes: 1 });
    expect(ids(pool)).toEqual(["c"]);
    expect([pool.isEmpty, pool.load.bytes]).toEqual([true, 0]);
  });

  test("counts towards the limits like another", () => {
    const pool = new Pool({ maxEntries: 2, maxBytes: 1000 });
    pool.add("a", again);
    pool.add("b", again);
    expect(() => pool.add("c", again)).toThrow(new LogError("LOG_FULL", "2 entries wait, limit 2"));
  });
});

describe("bounds", () => {
  test("by count", () => {
    const pool = new Pool({ maxEntries: 2, maxBytes: 1000 });
    pool.add("a", submission(1));
    pool.add("b", submission(1));
    expect(() => pool.add("c", submission(1))).toThrow(
      new LogError("LOG_FULL", "2 entries wait, limit 2"),
    );
    pool.take({ ...wide, maxEntries: 1 });
    expect(pool.add("c", submission(1)).id).toBe("c");
  });

  test("by bytes", () => {
    const pool = new Pool({ maxEntries: 100, maxBytes: 10 });
    pool.add("a", submission(6));
    pool.add("b", submission(4));
    expect(() => pool.add("c", submission(1))).toThrow(
      new LogError("LOG_FULL", "10 bytes wait, limit 10"),
    );
    pool.take({ ...wide, maxEntries: 1 });
    pool.add("c", submission(6));
  });

  test("collateral counts as well", () => {
    const pool = new Pool({ maxEntries: 100, maxBytes: 10 });
    pool.add("a", { ...submission(6), collateral: new Uint8Array(4) });
    expect(() => pool.add("b", submission(1))).toThrow("10 bytes wait");
  });

  test("one entry larger than the pool gets in alone", () => {
    const pool = new Pool({ maxEntries: 100, maxBytes: 10 });
    pool.add("a", submission(50));
    expect(() => pool.add("b", submission(0))).toThrow("50 bytes wait");
    expect(ids(pool)).toEqual(["a"]);
    expect(pool.isEmpty).toBe(true);
  });
});

describe("take", () => {
  test("in order of arrival, up to the count", () => {
    const pool = new Pool(wide);
    for (const id of ["c", "a", "b"]) pool.add(id, submission(1));
    expect(ids(pool, { ...wide, maxEntries: 2 })).toEqual(["c", "a"]);
    expect(ids(pool)).toEqual(["b"]);
    expect(ids(pool)).toEqual([]);
  });

  test("up to the bytes, and at least one", () => {
    const pool = new Pool(wide);
    for (const [id, bytes] of [
      ["a", 30],
      ["b", 4],
      ["c", 6],
      ["d", 1],
    ] as const) {
      pool.add(id, submission(bytes));
    }
    const limits = { maxEntries: 100, maxBytes: 10 };
    expect(ids(pool, limits)).toEqual(["a"]);
    expect(ids(pool, limits)).toEqual(["b", "c"]);
    expect(ids(pool, limits)).toEqual(["d"]);
  });

  test("a control entry comes alone, after all before it", () => {
    const pool = new Pool(wide);
    for (const [id, isControl] of [
      ["a", false],
      ["b", false],
      ["C", true],
      ["D", true],
      ["e", false],
    ] as const) {
      pool.add(id, submission(1, isControl));
    }
    expect(ids(pool)).toEqual(["a", "b"]);
    expect(ids(pool)).toEqual(["C"]);
    expect(ids(pool)).toEqual(["D"]);
    expect(ids(pool)).toEqual(["e"]);
  });

  test("whatever goes in comes out once, in order, and the room is given back", () => {
    const anySubmission = fc.tuple(fc.nat(20), fc.boolean());
    fc.assert(
      fc.property(fc.array(anySubmission), fc.integer({ min: 1, max: 5 }), (items, maxEntries) => {
        const pool = new Pool(wide);
        items.forEach(([bytes, isControl], i) => pool.add(`${i}`, submission(bytes, isControl)));
        const rounds: (readonly string[])[] = [];
        while (!pool.isEmpty) rounds.push(ids(pool, { maxEntries, maxBytes: 30 }));
        expect(rounds.flat()).toEqual(items.map((_, i) => `${i}`));
        for (const round of rounds) {
          const hasControl = round.some((id) => items[Number(id)]?.[1] === true);
          expect(round.length).toBeLessThanOrEqual(hasControl ? 1 : maxEntries);
        }
        pool.add("large", submission(wide.maxBytes));
      }),
    );
  });
});

describe("find", () => {
  test("what waits, and no longer what was taken", () => {
    const pool = new Pool(wide);
    const added = pool.add("a", submission(1));
    expect(pool.find("a")).toBe(added);
    expect(pool.find("b")).toBeUndefined();
    pool.take(wide);
    expect(pool.find("a")).toBeUndefined();
  });

  test("a rejection that nobody waits for does not end the process", async () => {
    const pool = new Pool(wide);
    const pending = pool.add("a", submission(1));
    pending.reject(new LogError("LOG_UNAVAILABLE", "gone"));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(pending.outcome).rejects.toThrow("gone");
  });
});
