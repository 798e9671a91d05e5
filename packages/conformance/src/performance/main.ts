// Measures the service, and what the machine could do, in one run; prints and writes what came of it.
import { writeFile } from "node:fs/promises";

import { goalsOf } from "./goals.js";
import type { Results } from "./goals.js";
import { describeMachine } from "./machine.js";
import { USAGE, parseBenchOptions } from "./options.js";
import type { BenchOptions } from "./options.js";
import { PARTS, QUICK_PARTS, measureParts } from "./parts.js";
import { formatGoals, formatResults } from "./report.js";
import { Signers, unlimiting } from "./scene.js";
import { soak } from "./soak.js";

function note(text: string): void {
  console.error(text);
}

async function measure(options: BenchOptions): Promise<Results> {
  const bench = { options, signers: await Signers.make(), note };
  if (options.soakMinutes > 0) return { registrations: [], sizes: [], soak: await soak(bench) };
  const { only, isQuick } = options;
  return measureParts(only.length > 0 ? only : isQuick ? QUICK_PARTS : PARTS, bench);
}

async function run(asked: BenchOptions): Promise<void> {
  const machine = await describeMachine(asked.parent);
  const options = { ...asked, serve: [...(await unlimiting()), ...asked.serve] };
  const results = await measure(options);
  const goals = goalsOf(results);
  console.log(`${formatResults(machine, results)}\n\n${formatGoals(goals)}`);
  if (options.json === undefined) return;
  await writeFile(options.json, JSON.stringify({ machine, options, ...results, goals }, null, 2));
}

const args = process.argv.slice(2);
if (args.includes("--help")) console.log(USAGE);
else if (args.includes("--list")) console.log(PARTS.join("\n"));
else await run(parseBenchOptions(args));
