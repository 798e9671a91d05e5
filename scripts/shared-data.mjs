// Where the test data is that is shared between projects, and how a suite says that it is not there.
// The one file out here that tests of packages import.
import { existsSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));

/** The folder beside the checkout, or the one that the environment names. */
function sharedRoot() {
  return resolve(process.env["TALLYSTICK_SHARED"] ?? join(REPOSITORY, "..", "shared"));
}

export function sharedFolder(suite, ...below) {
  const folder = join(sharedRoot(), ...below);
  if (existsSync(folder)) return folder;
  const message = `SKIPPED: suite "${suite}" needs ${folder}, which is missing`;
  if (process.env["CI"]) throw new Error(message);
  // Jest keeps what is written to its console, and drops it with a suite of which nothing ran.
  writeSync(2, `${message}\n`);
  return undefined;
}
