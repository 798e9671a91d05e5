import { readFile } from "node:fs/promises";

import { COMMIT_STEPS } from "@tallystick/log";

import { tally, wasKilled } from "./command.js";
import type { CommandOptions } from "./command.js";
import { flipsOf, kindsIn } from "./damage.js";
import { ask, jsonOf } from "./exchange.js";
import { ONE_THREAD } from "./injection.js";
import type { Scene } from "./scene.js";
import { kill } from "./site.js";
import type { Serving } from "./site.js";
import { injecting, parseTrace } from "./strace.js";

/** Something that befalls a service, in a run of its server or between two. */
export interface Calamity {
  readonly name: string;
  /** Set where it takes a disk that can be filled. */
  readonly needsDisk?: true;
  /** Strikes the scene; yields whether it came about, for a service that refuses may never get there. */
  readonly strike: (scene: Scene) => Promise<boolean>;
}

const HOUR = 3600;

/** What a service says whose anchor is gone, or ends before its log. */
const REBUILD = /tally recover DIR --rebuild-anchor/;
const BEHIND = /LOG_BEHIND_ANCHOR/;
const EARLY = /LOG_CLOCK_BACKWARD/;

/** What the system says of the two faults that it is made to have; no more is asked while it has them. */
const FULL = /ENOSPC|No space left on device/;
const UNSYNCED = /EIO|Input\/output error/;

/** Runs a server for as long as something lasts, and holds its end against what there may be. */
async function during(
  scene: Scene,
  name: string,
  {
    args = [],
    mayRefuse,
    act,
    ...options
  }: CommandOptions & {
    readonly args?: readonly string[];
    /** What it may say that does not start, beside what the faults explain. */
    readonly mayRefuse?: RegExp;
    /** Yields whether the fault came about. */
    readonly act: (serving: Serving) => Promise<boolean>;
  },
): Promise<boolean> {
  const start = await scene.start(options, ...args);
  if (start.url === undefined) {
    const { code, stderr } = start.outcome;
    const isAllowed = code === 2 && mayRefuse?.test(stderr) === true;
    if (!isAllowed) scene.end(name, start.outcome);
    return wasKilled(start.outcome) || isAllowed;
  }
  const hasStruck = await act(start);
  scene.end(name, await kill(start));
  return hasStruck;
}

const killed: Calamity = {
  name: "kill -9 under load",
  strike: (scene) =>
    during(scene, "kill -9", {
      act: async (serving) => {
        let hasStruck = false;
        scene.lane.oracle.whenAcknowledged(1 + scene.chance.below(12), () => {
          hasStruck = true;
          serving.running.kill();
        });
        await scene.load(serving, 24);
        return hasStruck;
      },
    }),
};

const failpoint: Calamity = {
  name: "kill -9 at a step of a commit",
  strike: (scene) => {
    const step = `${scene.chance.pick(COMMIT_STEPS)}:${1 + scene.chance.below(3)}`;
    const how = scene.chance.pick(["", ":throw"]);
    return during(scene, step, {
      env: { TALLYSTICK_FAILPOINT: step + how },
      act: async (serving) => (await scene.load(serving, 24)).unanswered > 0,
    });
  },
};

/** The clock goes wrong while the server runs, and is right again at the next start, or not. */
function stepped(name: string, seconds: number): Calamity {
  return {
    name,
    strike: async (scene) => {
      const hasStruck = await during(scene, name, {
        env: { TALLYSTICK_CLOCK_STEP: String(seconds) },
        act: async (serving) => {
          await scene.load(serving, 4);
          serving.running.kill("SIGUSR2");
          if ((await serving.running.said(/^the clock is stepped$/m)) === undefined) return false;
          return (await scene.load(serving, 4)).acknowledged > 0;
        },
      });
      // Once it is right again, only what was signed ahead of it is in its way.
      if (seconds > 0) scene.excuses.push(EARLY);
      if (scene.chance.below(2) === 0) scene.clockOffset += seconds;
      return hasStruck;
    },
  };
}

const rolledBack: readonly Calamity[] = [
  {
    name: "the log rolled back",
    strike: async (scene) => {
      await scene.rollBack("log");
      scene.excuses.push(BEHIND);
      return true;
    },
  },
  {
    name: "the anchor rolled back",
    strike: async (scene) => {
      await scene.rollBack("anchor");
      scene.excuses.push(REBUILD);
      return true;
    },
  },
  {
    name: "log and anchor rolled back",
    strike: async (scene) => {
      await scene.rollBack("log");
      await scene.rollBack("anchor");
      return true;
    },
  },
];

const flipped: Calamity = {
  name: "a bit flipped",
  strike: async (scene) => {
    const { chance, site } = scene;
    const kind = chance.pick(await kindsIn(site));
    const [flip] = await flipsOf(site, kind, { count: 1, chance });
    if (flip === undefined) return false;
    await scene.keepSpare();
    await flip.apply(site);
    scene.isDamaged = true;
    // Whatever it says: a bit may make anything of anything.
    scene.excuses.push(/./);
    return true;
  },
};

const full: Calamity = {
  name: "the disk full, then freed",
  needsDisk: true,
  strike: async (scene) => {
    const { disk } = scene;
    if (disk === undefined) throw new TypeError("the scene has no disk of its own");
    await disk.loadTo(3);
    const hasStruck = await during(scene, "full", {
      mayRefuse: FULL,
      act: async (serving) => (await scene.load(serving, 60, 200_000)).unanswered > 0,
    });
    // Full as it is, it may start or not, but not wrongly.
    await during(scene, "still full", { mayRefuse: FULL, act: () => Promise.resolve(true) });
    await disk.lighten();
    return hasStruck;
  },
};

const unsynced: Calamity = {
  name: "a failed sync",
  strike: async (scene) => {
    const file = `${scene.site.path}.trace`;
    const when = 1 + scene.chance.below(8);
    const under = injecting(file, { call: "fdatasync", when, as: "EIO", paths: [] });
    await during(scene, "failed sync", {
      ...{ under, env: ONE_THREAD, mayRefuse: UNSYNCED },
      act: async (serving) => (await scene.load(serving, 12)).unanswered > 0,
    });
    return parseTrace(await readFile(file, "utf8")).some(({ isInjected }) => isInjected);
  },
};

const bootKilled: Calamity = {
  name: "kill -9 while starting",
  strike: async (scene) => {
    const outcome = await scene.site.killAtBoot(scene.underClock());
    scene.end("starting", outcome);
    return wasKilled(outcome);
  },
};

/** The anchor is lost or older, and what makes it again is killed at one of its calls. */
const rebuildKilled: Calamity = {
  name: "kill -9 while rebuilding a lost anchor",
  strike: async (scene) => {
    const { chance, site } = scene;
    await (chance.below(2) === 0 ? scene.loseAnchor() : scene.rollBack("anchor"));
    scene.excuses.push(REBUILD);
    const call = chance.pick(["pwrite64", "fdatasync", "fsync", "rename"]);
    const file = `${site.path}.trace`;
    const when = 1 + chance.below(3);
    const under = injecting(file, { call, when, as: "KILL", paths: [] });
    const outcome = await tally(
      ["recover", site.path, "--rebuild-anchor"],
      scene.underClock({ under, env: ONE_THREAD }),
    );
    scene.end("rebuilding", outcome);
    return wasKilled(outcome);
  },
};

const scrubKilled: Calamity = {
  name: "kill -9 while scrubbing",
  strike: (scene) =>
    during(scene, "scrubbing", {
      // Without a pause, so that whenever it is killed it is scrubbing.
      args: ["--scrub-rate", "1000000", "--scrub-pause", "0"],
      act: async ({ url }) => {
        for (;;) {
          const answer = await ask(`${url}/health`);
          if (answer.status === 0) return false;
          const health = jsonOf(answer);
          if (health["status"] !== "ok") return false;
          const { tree } = health["scrub"] as { tree: { ageSeconds: number | null } };
          if (tree.ageSeconds !== null) return true;
        }
      },
    }),
};

/** Everything that a pair is drawn from. */
export const CALAMITIES: readonly Calamity[] = [
  killed,
  failpoint,
  stepped("the clock an hour back", -HOUR),
  stepped("the clock an hour forward", HOUR),
  ...rolledBack,
  flipped,
  full,
  unsynced,
  bootKilled,
  rebuildKilled,
  scrubKilled,
];
