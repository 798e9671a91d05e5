import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdir, rm } from "node:fs/promises";

import { ServiceDirectory } from "./directory.js";
import { seldomAsked, spaceOf } from "./opening.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

test("the log is asked for the room on a device that the anchor is on too", async () => {
  await mkdir(workspace.at("anchor"));
  const anchor = workspace.at("anchor/anchor");
  const named = { issuer: "https://log.example", origin: "log", algorithm: "ES256" } as const;
  const config = { ...named, anchor };
  const directory = await ServiceDirectory.create(workspace.at("log"), config);
  expect(directory.anchorPath).toBe(anchor);
  // A floor that no disk has a gibibyte above, so that it is asked each time.
  const space = spaceOf(directory, Number.MAX_SAFE_INTEGER);
  expect(await space.freeBytes()).toBeGreaterThan(0);
  // An anchor whose folder is away for a moment does not stop the log.
  await rm(workspace.at("anchor"), { recursive: true });
  expect(await space.freeBytes()).toBeGreaterThan(0);
});

test("room is asked for ten times a second where there is plenty, and else each time", async () => {
  const gib = 2 ** 30;
  let [time, free, asked] = [1000, 3 * gib, 0];
  const freeBytes = (): Promise<number> => {
    asked++;
    return free < 0 ? Promise.reject(new Error("EIO")) : Promise.resolve(free);
  };
  const space = seldomAsked({ floorBytes: 2 * gib, freeBytes }, () => time);
  const steps: readonly (readonly [number, number, number, number])[] = [
    // Free bytes, the time, what is told, and how often the disk was asked.
    [3 * gib, 1000, 3 * gib, 1],
    [2 * gib, 1099, 3 * gib, 1],
    [3 * gib - 1, 1100, 3 * gib - 1, 2],
    [5, 1101, 5, 3],
    [4 * gib, 1101, 4 * gib, 4],
    [4, 1150, 4 * gib, 4],
  ];
  for (const [bytes, at, told, times] of steps) {
    [free, time] = [bytes, at];
    expect([await space.freeBytes(), asked]).toStrictEqual([told, times]);
  }
  [free, time] = [-1, 2000];
  await expect(space.freeBytes()).rejects.toThrow("EIO");
  await expect(space.freeBytes()).rejects.toThrow("EIO");
});
