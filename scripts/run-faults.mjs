// Runs the fault suites in full, all of them or those that are named:
//
//   node scripts/run-faults.mjs [--rounds N] [suite…]
//
// Every choice follows from one seed, which is printed and can be given again as TALLYSTICK_SEED.
// What the kernel schedules does not, so a repeated run makes the same choices at other moments.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const FOLDER = "packages/conformance/src/faults";
// Suites of a package that the fault suites may not use.
const ELSEWHERE = { damaged: "packages/cli/dist/damaged-folder" };
const runner = fileURLToPath(new URL("run-jest.mjs", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

/** The suites there are, by the first word of their files. */
function suites() {
  const names = readdirSync(new URL(`../${FOLDER}`, import.meta.url));
  const own = names.filter((name) => name.endsWith(".test.ts")).map((name) => name.split(".")[0]);
  return [...own, ...Object.keys(ELSEWHERE)];
}

function usage(problem) {
  console.error(`run-faults: ${problem}; suites: ${suites().join(", ")}`);
  process.exit(3);
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string" } },
  allowPositionals: true,
});
const seed = process.env.TALLYSTICK_SEED ?? String(randomInt(2 ** 31));
if (!/^\d{1,10}$/.test(seed)) usage(`TALLYSTICK_SEED is ${seed}, want a number`);
if (values.rounds !== undefined && !/^[1-9]\d{0,5}$/.test(values.rounds)) usage("--rounds N");
for (const name of positionals) if (!suites().includes(name)) usage(`no suite ${name}`);

const rounds = values.rounds === undefined ? {} : { TALLYSTICK_CRASH_ROUNDS: values.rounds };
const chosen = positionals.length > 0 ? positionals : suites();
console.log(`seed ${seed}: ${chosen.join(", ")}`);
const patterns = chosen
  .map((name) => ELSEWHERE[name] ?? `packages/conformance/dist/faults/${name}`)
  .map((path) => `${path}\\.test\\.js$`);
const run = spawnSync(process.execPath, [runner, "--runInBand", ...patterns], {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    TALLYSTICK_FAULTS: "full",
    TALLYSTICK_SEED: seed,
    ...rounds,
  },
});
console.log(`seed ${seed}`);
process.exit(run.status ?? 1);
