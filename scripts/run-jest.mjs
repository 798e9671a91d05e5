// Runs jest on the compiled tests: ESM needs --experimental-vm-modules on every supported Node.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { packTally } from "./pack-tally.mjs";

const jest = fileURLToPath(new URL("../node_modules/jest/bin/jest.js", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const flags = ["--experimental-vm-modules", "--enable-source-maps", "--no-warnings"];
// After tsc alone what is packed is of an older build, and the command would start as plain modules.
await packTally();
const run = spawnSync(process.execPath, [...flags, jest, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = run.status ?? 1;
