// One command for everything that neither the compiler nor the linter nor jest can see. All checks
// run at once, each prints one line, and what failed is told in full at the end, where it is read.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./repository.mjs";

const scripts = readdirSync(join(ROOT, "scripts")).sort();
const checks = scripts.filter((name) => /^check-(?!all)[a-z]+\.mjs$/.test(name));
const tests = scripts.filter((name) => name.endsWith(".test.mjs"));

const jobs = [
  ...checks.map((name) => ({ name: name.slice(0, -".mjs".length), args: [`scripts/${name}`] })),
  { name: "gen-vectors --check", args: ["scripts/gen-vectors.mjs", "--check"] },
  ...tests.map((name) => ({
    name: name.slice(0, -".mjs".length),
    args: ["--test", "--test-reporter=tap", `scripts/${name}`],
  })),
];

/** Runs one script to its end; yields whether it succeeded and all that it printed. */
function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ ok: false, output: String(error) }));
    child.on("close", (code) => {
      resolve({ ok: code === 0, output: Buffer.concat(chunks).toString().trim() });
    });
  });
}

/** "ok, 11 packages" of a check, "31 tests" of a test file. */
function verdictOf(output) {
  const tests = /^# pass (\d+)$/m.exec(output)?.[1];
  return tests === undefined
    ? (output.split("\n")[0] ?? "").replace(/^[^:]*: /, "")
    : `ok, ${tests} tests`;
}

const results = await Promise.all(jobs.map(async (job) => ({ ...job, ...(await run(job.args)) })));
const failed = results.filter((result) => !result.ok);
for (const { name, ok, output } of results) {
  console.log(
    `${ok ? "ok  " : "FAIL"} ${name.padEnd(20)} ${ok ? verdictOf(output) : ""}`.trimEnd(),
  );
}
for (const { name, output } of failed) console.error(`\n---- ${name}\n${output}`);
if (failed.length > 0) {
  console.error(`\n${String(failed.length)} of ${String(results.length)} checks failed`);
  process.exitCode = 1;
}
