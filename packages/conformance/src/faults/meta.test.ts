import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFile, writeFile } from "node:fs/promises";

import { BenchProcess } from "./bench-process.js";
import { CALAMITIES } from "./calamities.js";
import { Chance } from "./chance.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { ask } from "./exchange.js";
import { inLanes } from "./lanes.js";
import { OracleProcess } from "./oracle-process.js";
import { Scene } from "./scene.js";
import { settle } from "./settle.js";
import { Ground, stop } from "./site.js";
import { describeFault } from "./suite.js";

/** Bits to turn; all of them with the scripts. */
const BITS = effort({ bounded: 300, full: Number.POSITIVE_INFINITY });

describeFault("T-meta: the verifier", undefined, () => {
  let ground: Ground;
  let bench: BenchProcess;
  const files = { statement: "", consistency: "", trust: "" };

  beforeAll(async () => {
    ground = await Ground.make();
    bench = new BenchProcess();
    const oracle = await OracleProcess.start(ground);
    const serving = await ground.template.serve();
    const load = { url: serving.url, count: 5, atOnce: 1, maxBytes: 40 };
    await oracle.ask("load", load);
    const [, second] = await oracle.ask("recall", null);
    const [entryId = ""] = second ?? [];
    files.statement = ground.at("statement");
    files.consistency = ground.at("consistency");
    files.trust = ground.at("trust.json");
    const { issuer, origin, receiptKey } = await ground.trust();
    const services = [{ issuer, origin, keys: [receiptKey] }];
    await writeFile(files.trust, JSON.stringify({ services, requireReceipts: 1 }));
    // The older tree is that of the statement's receipt, so it is fetched before more is logged.
    const { body } = await ask(`${serving.url}/entries/${entryId}/statement`);
    await writeFile(files.statement, body);
    await oracle.ask("load", load);
    const { body: grown } = await ask(`${serving.url}/consistency/7/12`);
    await writeFile(files.consistency, grown);
    await oracle.end();
    await stop(serving);
  });

  afterAll(async () => {
    await bench.end();
    await ground.clear();
  });

  async function verify(file: string, ...rest: readonly string[]): Promise<number | undefined> {
    return (await bench.run("verify", file, "--trust", files.trust, ...rest)).exit;
  }

  /** Yields the bits that can be turned without the command noticing. */
  async function unnoticed(file: string, ...rest: readonly string[]): Promise<readonly number[]> {
    const bytes = await readFile(file);
    const bits = Array.from({ length: 8 * bytes.length }, (_, bit) => bit);
    const chosen = new Chance(SEED, file.slice(-11)).sample(bits, BITS);
    const damaged = ground.at("damaged");
    const found: number[] = [];
    for (const bit of chosen) {
      const copy = Buffer.from(bytes);
      const place = Math.floor(bit / 8);
      copy.writeUInt8(copy.readUInt8(place) ^ (1 << (bit % 8)), place);
      await writeFile(damaged, copy);
      const exit = await verify(damaged, ...rest);
      if (exit !== 1 && exit !== 2) found.push(bit);
    }
    tell("T-meta", `${chosen.length} of ${bits.length} bits turned, ${found.length} unnoticed`);
    return found;
  }

  const limit = isFull ? 3_600_000 : 120_000;

  test(
    "says no to a transparent statement with any one bit turned",
    async () => {
      expect(await verify(files.statement)).toBe(0);
      expect(await unnoticed(files.statement)).toEqual([]);
    },
    limit,
  );

  test(
    "says no to a receipt of consistency with any one bit turned",
    async () => {
      const since = ["--since", files.statement];
      expect(await verify(files.consistency, ...since)).toBe(0);
      expect(await unnoticed(files.consistency, ...since)).toEqual([]);
    },
    limit,
  );
});

describeFault("T-meta: a scene", undefined, () => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await Ground.make();
  });

  afterAll(() => ground.clear());

  // After what kills a server, one that was ended at its limit would pass for struck.
  const names = ["kill -9 under load", "kill -9 at a step of a commit"];
  const killing = CALAMITIES.filter(({ name }) => names.includes(name));

  test.each(killing)("blames a server that hangs, and takes it for no $name", async (calamity) => {
    await inLanes(ground, [calamity], async ({ strike }, lane) => {
      const chance = new Chance(SEED, "hang");
      // No process is through with anything by then, so that each is one that hangs.
      const scene = await Scene.make({ ground, lane, chance, limitMs: 1 });
      expect(await strike(scene)).toBe(false);
      expect(scene.problems).toEqual([expect.stringMatching(/: hung until its limit: /)]);
      expect(await settle(scene)).toBe("refused");
      expect(scene.problems.slice(1)).toContainEqual("verdict: hung until its limit: ");
      await scene.remove();
    });
  });
});
