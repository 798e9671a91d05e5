import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { Chance } from "./chance.js";
import { wasKilled } from "./command.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { inject, planOf, readsLog } from "./injection.js";
import type { Ordeal, Plan, Target } from "./injection.js";
import { inLanes, recover } from "./lanes.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground } from "./site.js";
import { straceObstacle } from "./strace.js";
import { describeFault } from "./suite.js";

const FAULTS = ["EIO", "ENOSPC", "KILL"] as const;

/** Failing calls to try while the server starts; those of a commit are all tried. */
const BOOT_TARGETS = effort({ bounded: 6, full: Number.POSITIVE_INFINITY });

type Fault = Target & { readonly as: (typeof FAULTS)[number] };

describeFault("F2: failing system calls", straceObstacle(), () => {
  let ground: Ground;
  let plan: Plan;

  beforeAll(async () => {
    ground = await Ground.make();
    const oracle = await OracleProcess.start(ground);
    plan = await planOf(ground, oracle);
    await oracle.end();
  });

  afterAll(() => ground.clear());

  test("the run has calls of every kind to fail", () => {
    const calls = new Set(plan.targets.map(({ call }) => call));
    expect(calls).toEqual(new Set([...calls, "openat", "write", "fdatasync", "fsync", "rename"]));
    expect(plan.targets.some(({ phase }) => phase === "commit")).toBe(true);
  });

  test(
    "each ends the server at the first error, or is survived, and nothing is lost",
    async () => {
      const chance = new Chance(SEED, "injection");
      const boot = plan.targets.filter(({ phase }) => phase === "boot");
      const commit = plan.targets.filter(({ phase }) => phase === "commit");
      const targets = [...commit, ...chance.sample(boot, BOOT_TARGETS)];
      const faults = targets.flatMap((target) => FAULTS.map((as): Fault => ({ ...target, as })));
      const problems: string[] = [];
      const figures = { hit: 0, ended: 0, killed: 0, refused: 0, survived: 0, behind: 0 };
      await inLanes(ground, faults, async (fault, lane) => {
        const site = await ground.copy();
        const ordeal = await inject(site, lane.oracle, {
          ...fault,
          paths: plan.paths,
        });
        const name = `${fault.as} at ${ordeal.hits.join()} (${fault.call} ${fault.when})`;
        problems.push(...ordeal.problems.map((problem) => `${name}: ${problem}`));
        if (ordeal.hits.length > 0) {
          figures.hit++;
          const verdict = verdictOf(ordeal);
          if (verdict === undefined) {
            const { exit, signal, stderr } = ordeal;
            problems.push(`${name}: exit ${String(exit)} ${String(signal)}: ${stderr}`);
          } else figures[verdict]++;
        }
        const recovery = await recover(site.path, lane, { mayBeBehind: readsLog(fault) });
        if (recovery.isBehind) figures.behind++;
        problems.push(...recovery.problems.map((problem) => `${name}: ${problem}`));
        await site.remove();
      });
      tell(
        "F2",
        `${faults.length} injections at ${targets.length} calls, ${figures.hit} hit: ` +
          `${figures.ended} ended with 70, ${figures.killed} killed, ` +
          `${figures.refused} refused to start, ${figures.survived} survived; ${figures.behind} left the store behind its anchor`,
      );
      expect(problems).toEqual([]);
      expect(figures.ended).toBeGreaterThan(0);
      expect(figures.killed).toBeGreaterThan(0);
    },
    isFull ? 3_600_000 : 600_000,
  );

  test("F9: a sync that fails once takes nothing along, whether or not its batch comes back", async () => {
    const syncs = plan.targets.filter(
      ({ call, phase }) => call === "fdatasync" && phase === "commit",
    );
    const figures = { runs: 0, back: 0 };
    await inLanes(ground, syncs, async (target, lane) => {
      const site = await ground.copy();
      const fault = { ...target, as: "EIO", paths: plan.paths } as const;
      const ordeal = await inject(site, lane.oracle, fault);
      expect(ordeal).toMatchObject({ exit: 70, problems: [] });
      // The audit repeats the statement that was not answered; it must keep the index it had.
      const { problems, resurrected } = await recover(site.path, lane);
      expect(problems).toEqual([]);
      figures.runs++;
      figures.back += resurrected;
      await site.remove();
    });
    tell("F9", `${figures.runs} failed syncs, ${figures.back} batches back after reopening`);
    expect(figures.back).toBeGreaterThan(0);
  }, 600_000);
});

/** Yields how the server took it, `undefined` if it took it wrongly. */
function verdictOf(ordeal: Ordeal): "ended" | "killed" | "refused" | "survived" | undefined {
  const { hits, exit, isStarted, stderr } = ordeal;
  if (wasKilled(ordeal)) return "killed";
  if (!isStarted && exit === 2 && stderr !== "") return "refused";
  if (exit === 70) return "ended";
  // What is not part of a commit, such as LevelDB's own notes, need not end anything.
  const isCommit = hits.some((hit) =>
    /^(?:p?write|fdatasync)\S* (?:log\/\d+\.log|anchor)$/.test(hit),
  );
  if (isStarted && exit === 0 && !isCommit) return "survived";
  return undefined;
}
