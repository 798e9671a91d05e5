// Runs jest on the compiled tests: ESM needs --experimental-vm-modules on every supported Node.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { packTally } from "./pack-tally.mjs";

const jest = fileURLToPath(new URL("../node_modules/jest/bin/jest.js", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const flags = ["--experimental-vm-modules", "--enable-source-maps", "--no-warnings"];
const { folder, command } = await packTally();
try {
  const run = spawnSync(process.execPath, [...flags, jest, ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, TALLYSTICK_TALLY: command },
  });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
