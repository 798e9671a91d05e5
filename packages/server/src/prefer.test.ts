import { expect, test } from "@jest/globals";
import type { IncomingMessage } from "node:http";

import { preferenceOf } from "./prefer.js";

test.each([
  ["nothing", undefined, false, Infinity],
  ["respond-async", "respond-async", true, 0],
  ["another case", "Respond-Async", true, 0],
  ["with wait", "respond-async, wait=10", true, 10_000],
  ["wait first", "wait = 3 , respond-async", true, 3000],
  ["with a parameter", "respond-async; foo=1", true, 0],
  ["among others", 'return=minimal, x="a, b", respond-async', true, 0],
  ["only in quotes", 'x="a, respond-async"', false, 0],
  ["only as a value", "x=respond-async", false, 0],
  ["wait twice: the first counts", "respond-async, wait=1, wait=9", true, 1000],
  ["a wait that is no number", "respond-async, wait=soon", true, 0],
  ["two headers", ["x", "respond-async"], true, 0],
  ["behind an open quote", 'x="a, respond-async', true, 0],
  ["behind a quote that an escape keeps open", 'x="a\\", respond-async', true, 0],
  ["behind an escaped quote", 'x="a\\"b, c", respond-async', true, 0],
  // A megabyte, which would take hours if each quote were looked for to the end.
  ["behind many open quotes", `${'"\\'.repeat(500_000)}, respond-async`, true, 0],
  ["nothing between commas", " , ,, ", false, 0],
])("%s", (...[, prefer, isAsync, waitMs]) => {
  const headers = prefer === undefined ? {} : { prefer };
  expect(preferenceOf({ headers } as unknown as IncomingMessage)).toEqual({ isAsync, waitMs });
});
