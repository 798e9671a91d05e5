import { describe, expect, test } from "@jest/globals";

import { bodyKey, checkpointKey, controlKey, formatKey, tileKey } from "./layout.js";
import { MemoryStore } from "./memory.js";
import { PinnedRows } from "./pinned.js";
import { Findings, type LogProblem } from "./report.js";
import { Survey } from "./survey.js";
import { appendAll, createLog, key } from "./testing/bench.js";
import { flipped } from "./testing/damage.js";
import { startAt, type TreeMark, TreePass } from "./tree-pass.js";

async function sample(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const log = await createLog(store);
  for (const [from, to] of [
    [0, 100],
    [100, 700],
    [700, 1500],
  ] as const) {
    await appendAll(log, from, to);
  }
  return store;
}

const built = await sample();

async function passOver(
  store: MemoryStore,
  mark?: TreeMark,
): Promise<{ steps: number[]; marks: TreeMark[]; problems: readonly LogProblem[] }> {
  const rows = await PinnedRows.pin(store);
  const survey = new Survey(rows, new Findings());
  const from = mark && (await startAt(rows, mark));
  if (mark !== undefined && from === undefined) throw new Error("the mark does not hold");
  const { stated } = rows;
  const { control } = rows;
  const pass = await TreePass.begin({ survey, stated, key, control, withBodies: false, from });
  const [steps, marks]: [number[], TreeMark[]] = [[], []];
  for await (const { entries } of pass.run()) {
    steps.push(entries);
    const next = pass.mark();
    if (next !== undefined) marks.push(next);
  }
  return { steps, marks, problems: survey.findings.report().problems };
}

describe("a pass over the tree", () => {
  test("ends with the root of the checkpoint, and can be marked behind every full bundle", async () => {
    const { steps, marks, problems } = await passOver(built);
    expect(steps).toEqual([256, 512, 768, 1024, 1280, 1501]);
    expect(marks.map(({ size, link }) => [size, link.size])).toEqual([
      [256, 101],
      [512, 101],
      [768, 701],
      [1024, 701],
      [1280, 701],
    ]);
    expect(problems).toEqual([]);
  });

  test("goes on from each mark and finds what lies behind it", async () => {
    const { marks } = await passOver(built);
    for (const mark of marks) {
      const { steps, problems } = await passOver(built, mark);
      expect(steps[0]).toBe(Math.min(1501, mark.size + 256));
      expect(problems).toEqual([]);
      const damaged = built.reopen();
      damaged.damage(tileKey({ level: 1, index: 0 }), Uint8Array.of(0, 0, 0, 0));
      if (mark.size < 1280) continue;
      await expect(passOver(damaged, mark)).rejects.toThrow("the mark does not hold");
    }
  });

  test("does not go on where what was verified has changed", async () => {
    const { marks } = await passOver(built);
    const mark = marks[2];
    if (mark === undefined) throw new Error("no such mark");
    const rows = await PinnedRows.pin(built);
    expect(await startAt(rows, mark)).toBeDefined();
    const turned = { ...mark, root: flipped(mark.root, 7) };
    expect(await startAt(rows, turned)).toBeUndefined();
    const link = { ...mark.link, digest: flipped(mark.link.digest, 7) };
    expect(await startAt(rows, { ...mark, link })).toBeUndefined();
    expect(await startAt(rows, { ...mark, size: 1024 })).toBeUndefined();
    const lost = built.reopen();
    lost.damage(checkpointKey(701), undefined);
    expect(await startAt(await PinnedRows.pin(lost), mark)).toBeUndefined();
  });

  test("looks at bodies only when told to", async () => {
    const damaged = built.reopen();
    damaged.damage(bodyKey(5), undefined);
    expect((await passOver(damaged)).problems).toEqual([]);
  });

  test.each([
    ["a control row", controlKey(0)],
    ["a kept checkpoint", checkpointKey(701)],
    ["the newest kept checkpoint", checkpointKey(1501)],
    ["a partial tile", tileKey({ level: 0, index: 5 })],
  ])("finds damage in %s", async (_, rowKey) => {
    const damaged = built.reopen();
    const value = await damaged.get(rowKey);
    damaged.damage(rowKey, flipped(value ?? new Uint8Array(), 11));
    const { problems } = await passOver(damaged);
    expect(problems.map(({ where }) => where)).toContain(formatKey(rowKey));
  });
});
