import { rm } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { BenchProcess } from "./bench-process.js";
import { Campaign } from "./campaign.js";
import { effort } from "./effort.js";
import { Ground, ISSUER, stop } from "./site.js";
import type { Site } from "./site.js";
import { describeFault } from "./suite.js";

const ROUNDS = effort({ bounded: 8, full: 60 });

interface Sized {
  readonly size: number;
}

async function sizeAt(url: string): Promise<number> {
  return ((await (await fetch(url)).json()) as Sized).size;
}

/** Has a server follow its log to the end, and yields a digest of all rows of its search index. */
async function rowsOf(site: Site, bench: BenchProcess): Promise<string | undefined> {
  const serving = await site.serve();
  const size = await sizeAt(`${serving.url}/health`);
  const search = `${serving.url}/search?iss=${encodeURIComponent(ISSUER)}&limit=1`;
  while ((await sizeAt(search)) < size) await turn();
  await stop(serving);
  return bench.rows(site.at("index"));
}

describeFault("a service that is killed while it indexes", undefined, () => {
  let ground: Ground;
  const bench = new BenchProcess();

  beforeAll(async () => {
    ground = await Ground.make();
  });

  afterAll(async () => {
    await bench.end();
    await ground.clear();
  });

  test(
    `${ROUNDS} times has the index that a new one comes to`,
    async () => {
      const campaign = await Campaign.begin(ground, 0);
      for (let round = 0; round < ROUNDS; round++) await campaign.killUnderLoad(10 + 20 * round);
      const { site } = campaign;
      const kept = await rowsOf(site, bench);
      await rm(site.at("index"), { recursive: true });
      expect(await rowsOf(site, bench)).toBe(kept);
      // That the digest tells one entry more.
      await campaign.killUnderLoad(1);
      expect(await rowsOf(site, bench)).not.toBe(kept);
      await campaign.finish();
      expect(campaign.problems).toEqual([]);
    },
    ROUNDS * 30_000,
  );
});
