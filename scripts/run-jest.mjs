// Runs jest on the compiled tests: ESM needs --experimental-vm-modules on every supported Node.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const jest = fileURLToPath(new URL("../node_modules/jest/bin/jest.js", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const flags = ["--experimental-vm-modules", "--enable-source-maps", "--no-warnings"];
const run = spawnSync(process.execPath, [...flags, jest, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
process.exit(run.status ?? 1);
