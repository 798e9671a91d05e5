import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { CALAMITIES } from "./calamities.js";
import type { Calamity } from "./calamities.js";
import { Chance } from "./chance.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { inLanes } from "./lanes.js";
import type { Lane } from "./lanes.js";
import { Scene } from "./scene.js";
import { settle } from "./settle.js";
import type { Ending } from "./settle.js";
import { Ground } from "./site.js";
import { SmallDisk, mountObstacle } from "./small-disk.js";
import { straceObstacle } from "./strace.js";
import { describeFault, tellSkip } from "./suite.js";

const DISK_MIB = 24;

const noDisk = mountObstacle();
const KINDS = CALAMITIES.filter(({ needsDisk }) => needsDisk !== true || noDisk === undefined);
if (noDisk !== undefined) tellSkip("F10: pairs with a full disk", noDisk);

/** What befalls one service. */
interface Case {
  readonly name: string;
  readonly needsDisk?: boolean;
  readonly strike: (scene: Scene) => Promise<void>;
}

type Pair = readonly [Calamity, Calamity];

/** Every kind once as the first and once as the second, so many times over with other partners. */
function pairs(chance: Chance, rounds: number): readonly Pair[] {
  const first = chance.below(KINDS.length);
  return Array.from({ length: rounds }, (_, round) => (first + round) % KINDS.length).flatMap(
    (shift) =>
      KINDS.map((kind, place): Pair => [kind, KINDS[(place + shift) % KINDS.length] ?? kind]),
  );
}

describeFault("F10: pairs of faults of every kind", straceObstacle(), () => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await Ground.make();
  });

  afterAll(() => ground.clear());

  /** Has faults strike a service one after the other, and yields what it came to. */
  async function endure(
    { name, needsDisk = false, strike }: Case,
    lane: Lane,
  ): Promise<{ readonly problems: readonly string[]; readonly ending: Ending }> {
    const chance = new Chance(SEED, `pair ${name}`);
    const place = ground.at(`disk-${name.replaceAll(/\W+/g, "-")}`);
    const disk = needsDisk ? await SmallDisk.mount(place, DISK_MIB) : undefined;
    try {
      const scene = await Scene.make({ ground, lane, chance, disk });
      await strike(scene);
      const ending = await settle(scene);
      await scene.remove();
      return { problems: scene.problems.map((problem) => `${name}: ${problem}`), ending };
    } finally {
      await disk?.unmount();
    }
  }

  test(
    "leave a service that has all that it acknowledged, or refuses and says why",
    async () => {
      const chosen = pairs(new Chance(SEED, "kinds"), effort({ bounded: 1, full: KINDS.length }));
      const problems: string[] = [];
      const endings: Record<Ending, number> = { sound: 0, refused: 0, convicted: 0 };
      const tried = new Set<string>();
      let struck = 0;
      await inLanes(ground, chosen, async (pair, lane) => {
        const name = pair.map((kind) => kind.name).join(", then ");
        const needsDisk = pair.some((kind) => kind.needsDisk === true);
        const strike = async (scene: Scene): Promise<void> => {
          for (const kind of pair) if (await kind.strike(scene)) struck++;
        };
        const came = await endure({ name, needsDisk, strike }, lane);
        tried.add(name);
        endings[came.ending]++;
        problems.push(...came.problems);
      });
      tell(
        "F10",
        `${chosen.length} of ${KINDS.length ** 2} pairs of ${KINDS.length} kinds, ${struck} of ` +
          `${2 * chosen.length} faults came about; ${endings.sound} sound in the end, ` +
          `${endings.refused} refused for good, ${endings.convicted} convicted`,
      );
      expect(problems).toEqual([]);
      expect(new Set(chosen.flat())).toEqual(new Set(KINDS));
      expect(tried.size).toBe(chosen.length);
      expect(endings.sound).toBeGreaterThan(0);
    },
    isFull ? 7_200_000 : 600_000,
  );

  const wrongs: readonly (readonly [string, RegExp, (scene: Scene) => Promise<void>])[] = [
    [
      "loses what it acknowledged, and knows nothing of it",
      /is out/,
      async (scene) => {
        await scene.exchange(scene.older, "log", "anchor");
      },
    ],
    [
      "refuses although nothing has befallen its log",
      /refuses without need: .*rebuild-anchor/,
      async (scene) => {
        await scene.exchange(scene.older, "anchor");
      },
    ],
    [
      "takes nothing although nothing has befallen its anchor",
      /refuses without need: .*LOG_BEHIND_ANCHOR/,
      async (scene) => {
        await scene.exchange(scene.older, "log");
      },
    ],
    [
      "is set back, and has lost what came before that as well",
      /before the fork: .*404/,
      async (scene) => {
        await scene.rollBack("log");
        await scene.rollBack("anchor");
        await scene.exchange(ground.template, "log", "anchor");
      },
    ],
    [
      "ends in a way that nobody saw before",
      /exit 1 /,
      (scene) => {
        scene.end("a run", {
          code: 1,
          signal: null,
          isOverdue: false,
          stdout: "",
          stderr: "TypeError",
        });
        return Promise.resolve();
      },
    ],
  ];

  test("T-meta: convict a service that is wrong", async () => {
    await inLanes(ground, wrongs, async ([name, says, strike], lane) => {
      const { problems } = await endure({ name, strike }, lane);
      expect(problems.join("\n")).toMatch(says);
    });
  }, 300_000);
});
