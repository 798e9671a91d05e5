import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { COMMIT_STEPS } from "@tallystick/log";

import { Chance } from "./chance.js";
import { describeEnd, wasKilled } from "./command.js";
import type { Outcome } from "./command.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { inject, planOf, readsLog } from "./injection.js";
import type { Plan, Target } from "./injection.js";
import { inLanes, recover } from "./lanes.js";
import type { Lane } from "./lanes.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, kill } from "./site.js";
import type { Site } from "./site.js";
import { straceObstacle } from "./strace.js";
import { describeFault } from "./suite.js";

const FAULTS = ["EIO", "ENOSPC", "KILL"] as const;

/** Pairs and triples to try. */
const PAIRS = effort({ bounded: 12, full: 200 });
const TRIPLES = effort({ bounded: 5, full: 60 });

/** Something that goes wrong in one run of a server; yields what it did. */
interface Fault {
  readonly name: string;
  /** Whether it may make LevelDB drop its log; what the anchor then says is part of the promise. */
  readonly mayLoseLog: boolean;
  readonly strike: (site: Site, lane: Lane) => Promise<readonly string[]>;
}

describeFault("F10: faults upon faults", straceObstacle(), () => {
  let ground: Ground;
  let commits: readonly Fault[];
  let boots: readonly Fault[];

  beforeAll(async () => {
    ground = await Ground.make();
    const oracle = await OracleProcess.start(ground);
    const plan = await planOf(ground, oracle);
    await oracle.end();
    const of = (phase: Target["phase"]): readonly Fault[] =>
      plan.targets.filter((target) => target.phase === phase).flatMap((at) => callFaults(at, plan));
    commits = [...COMMIT_STEPS.flatMap(stepFaults), ...of("commit")];
    boots = [...of("boot"), killAtBoot];
  });

  afterAll(() => ground.clear());

  async function endure(series: readonly (readonly Fault[])[]): Promise<readonly string[]> {
    const problems: string[] = [];
    await inLanes(ground, series, async (faults, lane) => {
      const site = await ground.copy();
      const name = faults.map((fault) => fault.name).join(", then ");
      for (const fault of faults) {
        const wrong = await fault.strike(site, lane);
        problems.push(...wrong.map((problem) => `${name}: ${problem}`));
      }
      const mayBeBehind = faults.some(({ mayLoseLog }) => mayLoseLog);
      const recovery = await recover(site.path, lane, { mayBeBehind });
      problems.push(...recovery.problems.map((problem) => `${name}: ${problem}`));
      await site.remove();
    });
    return problems;
  }

  test(
    "one in a commit, one in the recovery from it: nothing is lost",
    async () => {
      const chance = new Chance(SEED, "pairs");
      const all = commits.flatMap((first) => boots.map((second) => [first, second]));
      const pairs = chance.sample(all, PAIRS);
      const problems = await endure(pairs);
      tell("F10", `${pairs.length} of ${all.length} pairs`);
      expect(problems).toEqual([]);
    },
    isFull ? 7_200_000 : 600_000,
  );

  test(
    "one in a commit, two in a row in the recovery: nothing is lost",
    async () => {
      const chance = new Chance(SEED, "triples");
      const triples = Array.from({ length: TRIPLES }, () => [
        chance.pick(commits),
        chance.pick(boots),
        chance.pick(boots),
      ]);
      const problems = await endure(triples);
      tell("F10", `${triples.length} triples`);
      expect(problems).toEqual([]);
    },
    isFull ? 7_200_000 : 600_000,
  );
});

function callFaults(target: Target, { paths }: Plan): readonly Fault[] {
  return FAULTS.map((as) => ({
    name: `${as} at ${target.call} ${target.when} (${target.phase})`,
    mayLoseLog: readsLog(target),
    strike: async (site, { oracle }) => {
      const ordeal = await inject(site, oracle, { ...target, as, paths });
      const { exit, stderr } = ordeal;
      const isSeemly = wasKilled(ordeal) || exit === 0 || exit === 2 || exit === 70;
      const how = isSeemly ? [] : [`exit ${String(exit)}: ${stderr}`];
      return [...how, ...ordeal.problems];
    },
  }));
}

function stepFaults(step: string): readonly Fault[] {
  return [`${step}:1`, `${step}:2`, `${step}:1:throw`].map((failpoint) => ({
    name: `failpoint ${failpoint}`,
    mayLoseLog: false,
    strike: async (site, { oracle }) => {
      const start = await site.start({ env: { TALLYSTICK_FAILPOINT: failpoint } });
      if (start.url === undefined) return deathOf(start.outcome);
      const load = { url: start.url, count: 6, atOnce: 2, maxBytes: 2000 };
      const { problems } = await oracle.ask("load", load);
      return [...problems, ...deathOf(await kill(start))];
    },
  }));
}

function deathOf(outcome: Outcome): readonly string[] {
  return wasKilled(outcome) || outcome.code === 70 ? [] : [describeEnd(outcome)];
}

/** Killed while it starts, as soon as it has begun to write what it recovers. */
const killAtBoot: Fault = {
  name: "kill -9 while starting",
  mayLoseLog: false,
  strike: async (site) => {
    await site.killAtBoot();
    return [];
  },
};
