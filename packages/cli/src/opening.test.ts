import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdir, rm } from "node:fs/promises";

import { ServiceDirectory } from "./directory.js";
import { spaceOf } from "./opening.js";
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
  const space = spaceOf(directory);
  expect(await space.freeBytes()).toBeGreaterThan(0);
  // An anchor whose folder is away for a moment does not stop the log.
  await rm(workspace.at("anchor"), { recursive: true });
  expect(await space.freeBytes()).toBeGreaterThan(0);
});
