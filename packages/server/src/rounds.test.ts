import { expect, test } from "@jest/globals";
import { COMMIT_STEPS } from "@tallystick/log";
import type { StepName } from "@tallystick/log";

import { RoundWatch } from "./rounds.js";
import type { RoundTimes } from "./rounds.js";

function watched(): { readonly watch: RoundWatch; readonly seen: RoundTimes[] } {
  const watch = new RoundWatch();
  const seen: RoundTimes[] = [];
  watch.watch({ onRound: (times) => seen.push(times), onVerified: () => undefined });
  return { watch, seen };
}

function run(watch: RoundWatch, size: number, names: readonly StepName[] = COMMIT_STEPS): void {
  for (const name of names) watch.step({ name, number: COMMIT_STEPS.indexOf(name) + 1, size });
}

test("a round is told of when it is over, with its entries and its parts", () => {
  const { watch, seen } = watched();
  watch.begin(7);
  run(watch, 10, COMMIT_STEPS.slice(0, -1));
  expect(seen).toEqual([]);
  run(watch, 10, ["released"]);
  run(watch, 11);
  expect(seen.map(({ entries }) => entries)).toEqual([3, 1]);
  for (const { commit, sync, anchor } of seen) {
    expect(sync > 0 && anchor > 0 && commit >= sync + anchor).toBe(true);
  }
});

test("the round that makes a log, and what opening writes to the anchor, are none", () => {
  const { watch, seen } = watched();
  run(watch, 1, COMMIT_STEPS.slice(0, -2));
  run(watch, 1, ["anchored"]);
  expect(watch.anchorAge()).toBeGreaterThanOrEqual(0);
  watch.begin(1);
  run(watch, 2);
  expect(seen).toMatchObject([{ entries: 1 }]);
});

test("the anchor has no age before it was written", () => {
  expect(watched().watch.anchorAge()).toBeUndefined();
});
