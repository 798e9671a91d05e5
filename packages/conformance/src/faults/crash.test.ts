import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { COMMIT_STEPS } from "@tallystick/log";

import { Chance } from "./chance.js";
import { SEED, effort, tell } from "./effort.js";
import { Campaign } from "./campaign.js";
import { Ground } from "./site.js";
import { describeFault } from "./suite.js";

/** Rounds in all, those at the steps of a commit included. */
const ROUNDS = Number(
  process.env["TALLYSTICK_CRASH_ROUNDS"] ?? effort({ bounded: 200, full: 200 }),
);

/** Services under test; two at a time, for that is what two cores carry. */
const LANES = 4;

describeFault("F1: kill -9", undefined, () => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await Ground.make();
  });

  afterAll(() => ground.clear());

  test(
    `${ROUNDS} times, at random under load and at every step of a commit, loses nothing`,
    async () => {
      const lanes = Array.from({ length: LANES }, (_, lane) => lane);
      const lead = lanes.filter((lane) => lane % 2 === 0);
      const campaigns = await Promise.all(lanes.map((lane) => Campaign.begin(ground, lane)));
      await Promise.all(
        lead.map(async (first) => {
          for (const lane of [first, first + 1]) {
            const campaign = campaigns[lane];
            if (campaign !== undefined) await runLane(campaign, lane);
          }
        }),
      );
      const sum = (of: (campaign: Campaign) => number): number =>
        campaigns.reduce((total, campaign) => total + of(campaign), 0);
      tell(
        "F1",
        `${sum(({ rounds }) => rounds)} kills, ${sum(({ steps }) => steps)} of them at steps, ` +
          `${sum(({ acknowledged }) => acknowledged)} acknowledged, ` +
          `${sum(({ unanswered }) => unanswered)} requests unanswered, ` +
          `${sum(({ resurrected }) => resurrected)} logged without an answer`,
      );
      expect(campaigns.flatMap(({ problems }) => problems)).toEqual([]);
      expect(sum(({ rounds }) => rounds)).toBe(ROUNDS);
      expect(sum(({ acknowledged }) => acknowledged)).toBeGreaterThan(ROUNDS);
    },
    ROUNDS * 10_000,
  );
});

/** One service through its share of the rounds; the steps take turns with chance. */
async function runLane(campaign: Campaign, lane: number): Promise<void> {
  const chance = new Chance(SEED, `crash ${lane}`);
  const rounds = Math.floor(ROUNDS / LANES) + (lane < ROUNDS % LANES ? 1 : 0);
  for (let round = 0; round < rounds; round++) {
    // Half of the rounds, so that every lane visits every step, early and later in a run.
    const step =
      round % 2 === 1 ? COMMIT_STEPS[((round - 1) / 2) % COMMIT_STEPS.length] : undefined;
    if (step === undefined) await campaign.killUnderLoad(chance.below(80));
    else await campaign.killAt(`${step}:${1 + chance.below(4)}`);
    await campaign.fsck();
  }
  await campaign.finish();
}
