import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { Registrant } from "./testing/load.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

/** More bundles than Node takes listeners for granted: it warns of the eleventh on one emitter. */
const ENTRIES = 12 * 256;

let workspace: Workspace;
let server: ServeProcess;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
  const registrant = await Registrant.admit(workspace, "service");
  server = await ServeProcess.start(workspace, "service");
  expect(await registrant.registerAll(server.url, "many", ENTRIES)).toBe(ENTRIES);
  await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
}, 240_000);

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

test("an audit of many bundles says nothing on standard error, and one object as JSON", async () => {
  const args = ["audit", "--service", server.url, "--trust", "trust.json", "--json"];
  const { code, stdout, stderr } = await workspace.tally(...args);
  expect([code, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/^[^\n]+\n$/);
  expect(JSON.parse(stdout)).toMatchObject({ verdict: "sound", checked: ENTRIES + 2 });
});
