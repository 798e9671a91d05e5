import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";

import { tell } from "./effort.js";
import { LoopDisk, loopObstacle } from "./loop-disk.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, stop } from "./site.js";
import type { Site } from "./site.js";
import { describePrivileged } from "./suite.js";

const DISK_MIB = 48;
const LOAD = { count: 400, atOnce: 4, maxBytes: 3000 };
const ACKNOWLEDGED = 25;

describePrivileged("F8: a disk that turns read-only", await loopObstacle(), () => {
  let ground: Ground;
  let oracle: OracleProcess;
  let disk: LoopDisk;
  let site: Site;

  beforeAll(async () => {
    ground = await Ground.make();
  });

  afterAll(() => ground.clear());

  beforeEach(async () => {
    oracle = await OracleProcess.start(ground);
    disk = await LoopDisk.mount(ground.at("disk"), DISK_MIB);
    site = await ground.copyTo("disk/service");
  });

  afterEach(async () => {
    await oracle.end();
    await ground.end();
    await disk.unmount();
  });

  test("in the middle of a load: ends with 70, does not start, and has lost nothing", async () => {
    const serving = await site.serve({}, "--min-free-mib", "1");
    let broken: Promise<void> | undefined;
    oracle.whenAcknowledged(ACKNOWLEDGED, () => {
      broken = disk.breakDown();
    });
    const load = await oracle.ask("load", { ...LOAD, url: serving.url });
    await broken;
    expect(load.problems).toEqual([]);
    expect(load.acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED);
    expect(load.acknowledged).toBeLessThan(LOAD.count);
    expect((await serving.running.ended).code).toBe(70);
    const again = await site.start({}, "--min-free-mib", "1");
    expect(again).toMatchObject({ url: undefined, outcome: { code: 2 } });

    disk.repair();
    const resumed = await site.serve({}, "--min-free-mib", "1");
    const { url } = resumed;
    const audit = await oracle.ask("audit", { url, standing: "sound", all: true });
    expect(audit).toMatchObject({ problems: [] });
    await stop(resumed);
    expect(await oracle.ask("judge", await site.fsck())).toEqual([]);
    tell("F8", `read-only: ${load.acknowledged} acknowledged, 0 lost`);
  }, 300_000);
});
