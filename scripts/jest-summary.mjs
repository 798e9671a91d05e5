// A last line that a person, or a script, can read without knowing jest's summary.
import { writeSync } from "node:fs";

/** The line for the results of a run. */
export function formatSummary(results) {
  const skipped = results.numPendingTests + results.numTodoTests;
  // A suite that does not load has no test to fail, and must not look like success.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const counts = [results.numPassedTests, failed, skipped].map(String);
  return `${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped`;
}

/** Prints `N passed, N failed, N skipped` behind everything else that a run prints. */
export default class JestSummary {
  onRunComplete(_contexts, results) {
    // Jest's own summary always reports after every other reporter; only the exit comes later.
    process.once("exit", () => writeSync(1, `${formatSummary(results)}\n`));
  }
}
