import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";

import {
  measureSync,
  probeAppend,
  probeDirectorySync,
  probeRename,
  readFileSystem,
} from "./probe.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

describe("probes of a file system", () => {
  test("time writes that reach the disk, and leave nothing behind", async () => {
    const latency = await measureSync(workspace.path, 50);
    expect(latency.writes).toBe(50);
    expect(latency.p50Ms).toBeGreaterThan(0);
    expect(latency.p99Ms).toBeGreaterThanOrEqual(latency.p50Ms);
    expect(latency.maxMs).toBeGreaterThanOrEqual(latency.p99Ms);
    expect(await workspace.names()).toEqual([]);
  });

  test.each([
    ["renaming", probeRename],
    ["syncing directories", probeDirectorySync],
    ["appending", probeAppend],
  ])("find nothing wrong with %s here, and leave nothing behind", async (_, probe) => {
    expect(await probe(workspace.path)).toBeUndefined();
    expect(await workspace.names()).toEqual([]);
  });

  test("fail where nothing can be written", async () => {
    await expect(measureSync(workspace.at("absent"), 1)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(probeRename(workspace.at("absent"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("tell type, device and room", async () => {
    const here = await readFileSystem(workspace.path);
    expect(here.freeBytes).toBeGreaterThan(0);
    expect(here.type).not.toBe("");
  });

  const withMemory = existsSync("/dev/shm") ? test : test.skip;

  withMemory("know memory from a disk", async () => {
    expect(await readFileSystem("/dev/shm")).toMatchObject({ type: "tmpfs", kind: "memory" });
  });
});
