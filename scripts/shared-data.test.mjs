// A suite that is skipped for want of data says so on standard error itself: what it says through
// jest's console is lost where nothing of it runs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./repository.mjs";
import { writeTree } from "./testing/fixture.mjs";

const PROGRAM = `
  const { sharedFolder } = await import(${JSON.stringify(join(ROOT, "scripts/shared-data.mjs"))});
  console.log(String(sharedFolder("a suite", "data", "rim")));
`;

/** Asks for the folder in a process of its own, by whose environment it goes. */
function ask(shared, ci) {
  const env = { ...process.env, TALLYSTICK_SHARED: shared, CI: ci };
  const args = ["--input-type=module", "--eval", PROGRAM];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  return { status, stdout: stdout.trim(), stderr };
}

test("a folder that is there is yielded in silence, in CI too", () => {
  const root = writeTree({ "data/rim/README.md": "here" });
  try {
    for (const ci of ["", "1"]) {
      assert.deepEqual(ask(root, ci), { status: 0, stdout: join(root, "data/rim"), stderr: "" });
    }
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("a folder that is missing is told by suite and name", () => {
  const folder = join(ROOT, "nowhere", "data", "rim");
  assert.deepEqual(ask(join(ROOT, "nowhere"), ""), {
    status: 0,
    stdout: "undefined",
    stderr: `SKIPPED: suite "a suite" needs ${folder}, which is missing\n`,
  });
});

test("in CI it is an error", () => {
  const { status, stdout, stderr } = ask(join(ROOT, "nowhere"), "true");
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /Error: SKIPPED: suite "a suite" needs /);
});
