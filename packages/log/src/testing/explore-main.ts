import { parseArgs } from "node:util";

import { type Exploration, Explorer } from "./explore.js";
import { benchFor, NOON } from "./seed.js";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "3" },
    entries: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    "max-runs": { type: "string", default: "Infinity" },
    clock: { type: "boolean", default: true },
    rollback: { type: "boolean", default: true },
    freeze: { type: "boolean", default: true },
    reads: { type: "boolean", default: true },
    steps: { type: "boolean", default: true },
  },
  allowNegative: true,
});

const { reads, steps } = values;
const bench = await benchFor(values.seed, { reads, steps, errors: true });
const bounds = {
  faults: Number(values.faults),
  entries: Number(values.entries),
  clock: NOON,
  turnsClock: values.clock,
  rollsBack: values.rollback,
  freezes: values.freeze,
  maxRuns: Number(values["max-runs"]),
};
const started = performance.now();
const found = await new Explorer(bench, bounds).run();
await bench.files.remove();
print(found, (performance.now() - started) / 1000);
process.exitCode = found.counterexample === undefined && found.isComplete ? 0 : 1;

function print(exploration: Exploration, seconds: number): void {
  const { counterexample, hole, standings, isComplete, ...counts } = exploration;
  console.log(`seed ${values.seed}, ${JSON.stringify(bounds)}`);
  for (const [name, count] of Object.entries(counts)) console.log(`${name} ${count}`);
  for (const [name, count] of [...standings].sort()) console.log(`  states ${name}: ${count}`);
  console.log(`${isComplete ? "complete" : "stopped early"} after ${seconds.toFixed(1)} s`);
  printHistory("the documented loss", hole);
  printHistory("COUNTEREXAMPLE", counterexample);
}

function printHistory(title: string, history: readonly string[] | undefined): void {
  if (history === undefined) return;
  console.log(`${title}:`);
  history.forEach((line, i) => {
    console.log(`  ${i + 1}. ${line}`);
  });
}
