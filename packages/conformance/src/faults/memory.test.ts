import { describe, expect, test } from "@jest/globals";

import { encodeHex } from "@tallystick/cose";
import { leafHash, treeRoot } from "@tallystick/merkle";
import { parseEntryId } from "@tallystick/statement";

import { Memory } from "./memory.js";
import type { Seen } from "./memory.js";

const IDS = Array.from({ length: 4 }, (_, i) => `${i}`.repeat(64));

function rootOf(ids: readonly string[]): string {
  return encodeHex(treeRoot(ids.map((id) => leafHash(parseEntryId(id) ?? new Uint8Array()))));
}

function seen(index: number, changes: Partial<Seen> = {}): Seen {
  const size = index + 1;
  const entryId = IDS[index] ?? "";
  return {
    entryId,
    index,
    size,
    root: rootOf(IDS.slice(0, size)),
    time: 100 + index,
    ...changes,
  };
}

describe("memory", () => {
  test("has nothing against a log that grows", () => {
    const memory = new Memory();
    for (const index of [2, 3, 2]) expect(memory.see(seen(index))).toEqual([]);
    expect(memory.timeProblems()).toEqual([]);
    expect(memory.rootProblems({ size: 4, first: IDS.slice(0, 2) })).toEqual([]);
    expect(memory.sizes).toEqual([3, 4]);
  });

  test.each<[string, Seen, RegExp]>([
    ["one entry at two indexes", seen(3, { entryId: IDS[2] ?? "" }), /at index 2 and at 3/],
    ["two entries at one index", seen(2, { entryId: IDS[3] ?? "" }), /index 2 is of/],
    ["two roots of one size", seen(3, { size: 3 }), /two checkpoints of size 3/],
    ["two times of one size", seen(2, { time: 1 }), /two checkpoints of size 3/],
  ])("tells %s", (_, second, says) => {
    const memory = new Memory();
    memory.see(seen(2));
    expect(memory.see(second).join()).toMatch(says);
  });

  test("tells time that goes back", () => {
    const memory = new Memory();
    memory.see(seen(2));
    memory.see(seen(3, { time: 1 }));
    expect(memory.timeProblems()).toHaveLength(1);
  });

  test("tells a root that is not that of the entries, and an index that nobody filled", () => {
    const memory = new Memory();
    memory.see(seen(2, { root: "00".repeat(32) }));
    const first = IDS.slice(0, 2);
    expect(memory.rootProblems({ size: 3, first })).toEqual([expect.stringContaining("size 3")]);
    expect(memory.rootProblems({ size: 4, first })).toContain(
      "index 3 is of no entry that was sent",
    );
  });
});
