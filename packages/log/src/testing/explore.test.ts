import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { BROKEN, freezeUnanchored } from "./broken.js";
import { Choices, countFaults, everyWay } from "./choice.js";
import { type Bounds, type Exploration, Explorer } from "./explore.js";
import type { Bench } from "./incarnation.js";
import { benchFor, NOON } from "./seed.js";

const SEED = "1";
const ALL: Bench["faults"] = { reads: true, steps: true, errors: true };
const FEW: Bench["faults"] = { reads: false, steps: false, errors: true };

// One key and one set of anchors for all: what comes of an image is worked out once.
let bench: Bench;

beforeAll(async () => {
  bench = await benchFor(SEED, ALL);
});

afterAll(() => bench.files.remove());

function explore(
  bounds: Partial<Bounds>,
  parts: Partial<Pick<Bench, "faults" | "break" | "files">> = {},
): Promise<Exploration> {
  const all = { turnsClock: true, rollsBack: true, freezes: true, maxRuns: Infinity };
  const small = { faults: 1, entries: 1, clock: NOON };
  return new Explorer({ ...bench, ...parts }, { ...all, ...small, ...bounds }).run();
}

describe("every way", () => {
  const options = ["ok", "lost", "kept"];
  const ways = async (maxFaults: number): Promise<readonly string[]> => {
    const taken: string[] = [];
    const run = (choices: Choices): Promise<string> => {
      const [first, second] = [choices.take("a", options), choices.take("b", ["ok", "lost"])];
      return Promise.resolve(first === "kept" ? first : `${first} ${second}`);
    };
    for await (const way of everyWay(maxFaults, run)) taken.push(way);
    return taken;
  };

  test("goes each way once, depth first", async () => {
    expect(await ways(0)).toEqual(["ok ok"]);
    expect(await ways(1)).toEqual(["ok ok", "ok lost", "lost ok", "kept"]);
    expect(await ways(2)).toEqual(["ok ok", "ok lost", "lost ok", "lost lost", "kept", "kept"]);
  });

  test("notices a run that is not the same again", () => {
    const first = new Choices();
    first.take("a", options);
    const again = new Choices(first.points);
    again.take("b", options);
    expect(() => {
      again.requireSame();
    }).toThrow('choice 0 of a replay is "b", was "a"');
    expect(() => {
      new Choices(first.points).requireSame();
    }).toThrow("a replay ended 1 choices early");
    expect(countFaults(first.points)).toBe(0);
  });
});

describe("the log", () => {
  test("loses nothing under two faults of the disk, nor when two rollbacks meet", async () => {
    const found = await explore({ faults: 2, entries: 2, turnsClock: false, freezes: false });
    expect(found).toMatchObject({ counterexample: undefined, isComplete: true });
    expect(found.states).toBeGreaterThan(800);
    const standings = ["dead", "down", "writer", "reader LOG_BEHIND_ANCHOR"];
    expect([...found.standings.keys()]).toEqual(expect.arrayContaining(standings));
  });

  // Three at a time are for `npm run test:model`.
  test("loses nothing when clock, freeze, crash and rollback meet, two at a time", async () => {
    const found = await explore({ faults: 2, entries: 1 });
    expect(found).toMatchObject({ counterexample: undefined, isComplete: true });
    expect(found.states).toBeGreaterThan(1500);
  });

  test("shows no second history when copies of the store come back in any order", async () => {
    const bounds = { faults: 3, entries: 2, turnsClock: false, freezes: false };
    const found = await explore(bounds, { faults: FEW });
    expect(found).toMatchObject({ counterexample: undefined, isComplete: true });
    expect(found.standings.get("down")).toBeGreaterThan(0);
    expect([...found.standings.keys()].filter((name) => name.startsWith("reader"))).toEqual([
      "reader LOG_BEHIND_ANCHOR",
    ]);
  });

  test("can be made to lose an entry in one way: all copies back at one earlier moment", async () => {
    const found = await explore({ turnsClock: false, freezes: false });
    expect(found.counterexample).toBeUndefined();
    // The explorer takes a loss for this hole only if both went back to where they lay together.
    expect(found.holes).toBeGreaterThan(0);
    expect(found.hole).toEqual([
      "boot -> writer, store of size 1, checkpoint 1 seen",
      "submit 0 -> writer, store of size 2, checkpoint 2 seen, entry 0 answered at 1",
      "kill",
      "roll back both to size 1",
      "boot -> writer, store of size 1, checkpoint 1 seen",
      "!! the writer has lost entry 0 at 1",
      "!! the writer does not extend the released checkpoint of size 2",
    ]);
  });

  test("loses nothing at all without a rollback", async () => {
    const found = await explore({ faults: 2, rollsBack: false });
    expect(found).toMatchObject({ counterexample: undefined, holes: 0, isComplete: true });
  });
});

describe("a broken log is found out", () => {
  const histories: Readonly<Record<keyof typeof BROKEN, readonly string[]>> = {
    "release before the commit": [
      "boot; write of size 1: crash before -> down crashed, store of size 0, checkpoint 1 seen",
      "boot -> writer, store of size 1, checkpoint 1 seen",
      "!! the log was written to, and it lacks what was released",
    ],
    "release before the anchor": [
      "boot; anchor append of size 1: crash before -> down crashed, store of size 1, checkpoint 1 seen",
      "roll back the store to size 0",
      "boot -> writer, store of size 1, checkpoint 1 seen",
      "!! the log was written to, and it lacks what was released",
    ],
    "no anchor check": [
      "boot -> writer, store of size 1, checkpoint 1 seen",
      "kill",
      "roll back the store to size 0",
      "boot -> writer, store of size 1, checkpoint 1 seen",
      "!! the log was written to, and it lacks what was released",
    ],
    "anchor before the commit": [
      "boot; write of size 1: crash before -> down crashed, store of size 0",
      "boot -> down LOG_EXISTS, store of size 0",
      "!! nothing was lost, and the log takes no entries",
    ],
  };

  test.each(Object.keys(BROKEN) as (keyof typeof BROKEN)[])("%s", async (name) => {
    const faults = { reads: false, steps: false, errors: false };
    const bounds = { faults: 2, entries: 2, turnsClock: false, freezes: false };
    const found = await explore(bounds, { faults, break: BROKEN[name] });
    expect(found.counterexample).toEqual(histories[name]);
  });

  test("a freeze that is in the store alone", async () => {
    const found = await explore({ turnsClock: false }, { faults: FEW, break: freezeUnanchored });
    expect(found.counterexample?.at(-1)).toBe("!! a frozen log is a writer");
    expect(found.counterexample).toContain("roll back the store to size 1");
  });

  test("and so it is when failures are told apart from crashes", async () => {
    const bounds = { faults: 2, turnsClock: false, freezes: false };
    for (const breakage of Object.values(BROKEN)) {
      expect(
        (await explore(bounds, { faults: FEW, break: breakage })).counterexample,
      ).toBeDefined();
    }
  });
});

test("the same seed makes the same exploration", async () => {
  const once = await explore({}, { faults: FEW });
  const { files, signer } = await benchFor(SEED, FEW);
  expect(signer.publicKey.toJwk()).toEqual(bench.signer.publicKey.toJwk());
  expect(await explore({}, { faults: FEW, files })).toEqual(once);
  await files.remove();
});

test("an exploration that is cut off says so", async () => {
  const found = await explore({ maxRuns: 10 });
  expect(found).toMatchObject({ isComplete: false, counterexample: undefined });
  // An action that is begun is seen in all its ways.
  expect(found.runs).toBeLessThan(100);
});
