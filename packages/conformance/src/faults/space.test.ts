import { afterEach, beforeEach, expect, test } from "@jest/globals";

import { Level } from "level";

import { Chance } from "./chance.js";
import { SEED, tell } from "./effort.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, stop } from "./site.js";
import type { Site } from "./site.js";
import { SmallDisk, mountObstacle } from "./small-disk.js";
import { describePrivileged } from "./suite.js";

const DISK_MIB = 48;
const BALLAST_MIB = 34;
/** With this as well, the write-ahead log fills the disk before LevelDB makes a table of it. */
const MORE_MIB = 8;
/** As many files as a service has, and a few dozen more. */
const INODES = 100;
/** Statements of 100 kB; what they take stays below the disk without its ballast. */
const LOAD = { count: 120, atOnce: 4, minBytes: 100_000, maxBytes: 100_000 };

describePrivileged("F8: disk full", mountObstacle(), () => {
  let ground: Ground;
  let oracle: OracleProcess;
  let disk: SmallDisk;
  let site: Site;

  beforeEach(async () => {
    ground = await Ground.make();
    oracle = await OracleProcess.start(ground);
    disk = await SmallDisk.mount(ground.at("disk"), DISK_MIB);
    site = await ground.copyTo("disk/service");
    await disk.load(BALLAST_MIB);
  });

  afterEach(async () => {
    await oracle.end();
    await ground.end();
    await disk.unmount();
    await ground.clear();
  });

  test("above a floor: refuses in time with 507, reads on, and takes more once there is room", async () => {
    const serving = await site.serve({}, "--min-free-mib", "8");
    const { url } = serving;
    const full = await oracle.ask("load", { ...LOAD, url });
    const refused = Object.entries(full.refusals);
    expect(full).toMatchObject({ unanswered: 0, problems: [] });
    expect(refused.map(([says]) => says)).toEqual([expect.stringMatching(/^507 /)]);
    const [count = 0] = refused.map(([, times]) => times);
    expect(full.retryAfter).toBe(count);
    expect(full.acknowledged).toBeGreaterThan(0);
    expect(full.acknowledged + count).toBe(LOAD.count);

    await disk.lighten();
    // The audit sends what was refused again, to the same process.
    const audit = await oracle.ask("audit", {
      url,
      standing: "sound",
      all: true,
    });
    expect(audit).toMatchObject({ problems: [], size: 2 + LOAD.count });
    expect((await stop(serving)).code).toBe(0);
    expect(await oracle.ask("judge", await site.fsck())).toEqual([]);
    tell(
      "F8",
      `floor: ${full.acknowledged} taken, ${count} refused with 507, all taken once there was room`,
    );
  });

  test.each([
    ["a table is made", 0],
    ["a commit is written", MORE_MIB],
  ])("without a floor, while %s: ends with 70, and nothing is lost", async (when, more) => {
    await disk.load(BALLAST_MIB + more);
    const serving = await site.serve({}, "--min-free-mib", "0");
    const full = await oracle.ask("load", { ...LOAD, url: serving.url });
    expect(full.problems).toEqual([]);
    expect(full.acknowledged).toBeGreaterThan(0);
    expect(full.acknowledged).toBeLessThan(LOAD.count);
    expect((await serving.running.ended).code).toBe(70);
    // Full as it is, it may start or not, but not wrongly.
    const again = await site.start({}, "--min-free-mib", "0");
    if (again.url === undefined) expect(again.outcome).toMatchObject({ code: 2 });
    else await stop(again);

    await disk.lighten();
    const resumed = await site.serve({}, "--min-free-mib", "1");
    const audit = await oracle.ask("audit", {
      url: resumed.url,
      standing: "sound",
      all: true,
    });
    expect(audit).toMatchObject({ problems: [] });
    await stop(resumed);
    expect(await oracle.ask("judge", await site.fsck())).toEqual([]);
    tell("F8", `no floor, while ${when}: ${full.acknowledged} acknowledged, 0 lost`);
  });

  test("without an inode for another file: ends with 70 or does not start, and nothing is lost", async () => {
    const few = await SmallDisk.mount(ground.at("few"), DISK_MIB, { inodes: INODES });
    try {
      const crowded = await ground.copyTo("few/service");
      // It takes the files of its start first: then the next one is the table of a full buffer.
      const serving = await crowded.serve({}, "--min-free-mib", "0");
      await few.takeInodes();
      const full = await oracle.ask("load", { ...LOAD, url: serving.url });
      expect(full.problems).toEqual([]);
      expect(full.acknowledged).toBeGreaterThan(0);
      expect(full.acknowledged).toBeLessThan(LOAD.count);
      expect((await serving.running.ended).code).toBe(70);
      const again = await crowded.start({}, "--min-free-mib", "0");
      if (again.url === undefined) expect(again.outcome).toMatchObject({ code: 2 });
      else await stop(again);

      await few.lighten();
      const resumed = await crowded.serve({}, "--min-free-mib", "1");
      const { url } = resumed;
      const audit = await oracle.ask("audit", { url, standing: "sound", all: true });
      expect(audit).toMatchObject({ problems: [] });
      await stop(resumed);
      expect(await oracle.ask("judge", await crowded.fsck())).toEqual([]);
      tell("F8", `no inode: ${full.acknowledged} acknowledged, 0 lost`);
    } finally {
      await ground.end();
      await few.unmount();
    }
  });

  test("the same disk under LevelDB alone, for contrast", async () => {
    await disk.load(BALLAST_MIB + MORE_MIB);
    const chance = new Chance(SEED, "naive");
    // With the buffer that the log's own store has, so that the same write is the one that fails.
    const options = { valueEncoding: "view", writeBufferSize: 8 * 1024 * 1024 } as const;
    const db = new Level<string, Uint8Array>(ground.at("disk/naive"), options);
    const write = async (key: string, length: number): Promise<boolean> => {
      const value = chance.bytes(length);
      // Exactly what one would do: a batch, synced, and on with the next if it fails.
      return db.batch([{ type: "put", key, value }], { sync: true }).then(
        () => true,
        () => false,
      );
    };
    let filled = 0;
    while (filled < 1000 && (await write(`filler ${filled}`, 100_000))) filled++;
    await disk.lighten();
    const acknowledged: string[] = [];
    for (let number = 0; number < 50; number++) {
      if (await write(`row ${number}`, 1000)) acknowledged.push(`row ${number}`);
    }
    await db.close();
    await db.open();
    const found: readonly (Uint8Array | undefined)[] = await db.getMany(acknowledged);
    const lost = found.filter((value) => value === undefined).length;
    await db.close();
    tell(
      "F8",
      `naive: ${acknowledged.length} of 50 synced writes acknowledged, ${lost} of them lost`,
    );
    // No promise of ours: it is why a failed write ends the process. Once it is none any more, so is this.
    expect([acknowledged.length, lost]).toEqual([50, 50]);
  });
});
