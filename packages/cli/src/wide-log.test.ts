import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { encodeHex } from "@tallystick/cose";
import { publishedFiles, serve } from "@tallystick/server";

import { StaticFolder } from "./static-folder.js";
import { Branches } from "./testing/branches.js";
import { Workspace } from "./testing/workspace.js";

const LOADER = fileURLToPath(new URL("../../log/dist/testing/loader-main.js", import.meta.url));
const PINNED = ["--trust", "trust.json"];

/** Leaves under one hash of tile level 2. */
const WIDE = 65_536;
/** A tree that has no such hash yet, and one that has. */
const BEFORE = WIDE - 4;
const SIZE = WIDE + 6;

let workspace: Workspace;
let branches: Branches;

// The entries of before are synthetic; a log is written as a folder, and copied, from there on.
beforeAll(async () => {
  workspace = await Workspace.moveTo();
  branches = await Branches.make(workspace, "log");
  const loading = spawn(process.execPath, [LOADER, workspace.at("log"), String(BEFORE - 2)]);
  const [status] = (await once(loading, "exit")) as [number];
  expect(status).toBe(0);
  await branches.with("log", async (service) => {
    expect(service.size()).toBe(BEFORE);
    const folder = await StaticFolder.open(workspace.at("out"), service);
    for await (const file of publishedFiles(service, BEFORE)) await folder.put(file);
  });
  await branches.fork("out", "copy");
  expect(await branches.grow("log", [3, 7], { out: "out" })).toBe(SIZE);
}, 300_000);

afterAll(() => workspace.remove());

test("tile level 2 is exported, served, mirrored, followed, and leads to receipts", async () => {
  expect(await workspace.names("out/tile")).toContain("2");
  await workspace.must("mirror", "out", "copy", ...PINNED);
  await branches.with("log", async (service) => {
    const server = await serve(service, { host: "127.0.0.1", port: 0 });
    for (const tile of ["2/000.p/1", "1/000", "0/255", "0/256.p/6"]) {
      const response = await fetch(`${server.url}/tile/${tile}`);
      const served = new Uint8Array(await response.arrayBuffer());
      expect([tile, response.status]).toEqual([tile, 200]);
      for (const folder of ["out", "copy"]) {
        const file = await workspace.read(`${folder}/tile/${tile}`);
        expect([folder, tile, encodeHex(file)]).toEqual([folder, tile, encodeHex(served)]);
      }
    }
    // Nothing of a wider tree than the published one shows.
    for (const tile of ["2/000", "2/000.p/2", "3/000.p/1"]) {
      expect([tile, (await fetch(`${server.url}/tile/${tile}`)).status]).toEqual([tile, 404]);
    }
    const indexes = [2, 255, 256, BEFORE - 1, WIDE - 1, WIDE, SIZE - 1];
    for (const index of indexes) {
      const entry = await service.log.entryAt(index);
      const sent = await service.log.inclusionReceipt(entry);
      for (const from of index >= BEFORE ? [server.url, "out", "copy"] : [server.url]) {
        const at = ["--index", String(index), "--out", "made.receipt"];
        const made = ["receipt", encodeHex(entry), "--from-tiles", from, ...PINNED, ...at];
        await workspace.must(...made);
        expect([index, from, await workspace.read("made.receipt")]).toEqual([index, from, sent]);
      }
    }
    const following = ["--state", "s", "--once", "--from", String(BEFORE), ...PINNED];
    const { stdout } = await workspace.must("monitor", server.url, ...following);
    expect(stdout).toContain(`sound: ${SIZE} entries checked`);
    await server.close();
  });
}, 300_000);
