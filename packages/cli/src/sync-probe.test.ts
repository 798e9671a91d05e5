import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir } from "node:fs/promises";

import { SyncProbe } from "./sync-probe.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let notes: string[];

const voice = {
  note: (line: string): void => {
    notes.push(line);
  },
};

beforeAll(async () => {
  workspace = await Workspace.make();
  await mkdir(workspace.at("log"));
});

afterAll(() => workspace.remove());

describe("the probe of a start", () => {
  test("times synced writes beside the log, and leaves nothing behind", async () => {
    const probe = new SyncProbe({ logPath: workspace.at("log") }, 3);
    expect(probe.seconds).toBeUndefined();
    notes = [];
    probe.begin(voice);
    await probe.ended();
    expect(probe.seconds).toBeGreaterThan(0);
    expect(await workspace.names()).toEqual(["log"]);
    expect(await workspace.names("log")).toEqual([]);
  });

  test("writes nothing when told so", async () => {
    const probe = new SyncProbe({ logPath: workspace.at("nowhere") }, 0);
    notes = [];
    probe.begin(voice);
    await probe.ended();
    expect([probe.seconds, notes]).toEqual([undefined, []]);
  });

  test("says that it failed, and stops nothing", async () => {
    const probe = new SyncProbe({ logPath: workspace.at("nowhere") }, 3);
    notes = [];
    probe.begin(voice);
    await probe.ended();
    expect(probe.seconds).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(/^tally: .*ENOENT/)]);
  });
});
