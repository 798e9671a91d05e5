import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, rm } from "node:fs/promises";

import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.write("file", "{}");
  for (const name of ["empty", "other", "copy"]) await mkdir(workspace.at(name));
  await workspace.write("other/notes.txt", "mine");
  await workspace.write("copy/checkpoint", "log.example");
  await workspace.must("init", "damaged");
  await rm(workspace.at("damaged/config.json"));
});

afterAll(() => workspace.remove());

describe("what is no service directory", () => {
  test.each([
    ["absent", "nothing is there, make a service with: tally init absent"],
    ["empty", "it is empty, make a service with: tally init empty"],
    ["file", "it is a file"],
    ["other", "it holds something else, name another one"],
    ["copy", "it is a copy of a log, which tally audit, search and mirror read"],
    ["https://log.example", "it is an address"],
    [
      "damaged",
      "it has keys, log of one but no config.json; put that back, or make it anew from a backup with: tally restore FILE DIR",
    ],
  ])("%s: is said why, with the way out of just that", async (dir, why) => {
    const { code, stdout, stderr } = await workspace.tally("doctor", dir);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toBe(
      `tally: CLI_DIRECTORY_INVALID: ${dir} is not a service directory: ${why}\n`,
    );
  });
});
