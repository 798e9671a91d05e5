// The summary line is read by scripts, so its form is fixed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSummary } from "./jest-summary.mjs";

test("prints one line", () => {
  const results = {
    numPassedTests: 12,
    numFailedTests: 0,
    numPendingTests: 1,
    numTodoTests: 2,
    numRuntimeErrorTestSuites: 0,
  };
  assert.equal(formatSummary(results), "12 passed, 0 failed, 3 skipped");
});

test("counts a suite that does not load as failed", () => {
  const results = {
    numPassedTests: 12,
    numFailedTests: 1,
    numPendingTests: 0,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 1,
  };
  assert.equal(formatSummary(results), "12 passed, 2 failed, 0 skipped");
});
