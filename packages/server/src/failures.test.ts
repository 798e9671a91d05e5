import { expect, test } from "@jest/globals";

import { Failures } from "./failures.js";

test("a reason is told for ten minutes", () => {
  let clock = 7;
  const failures = new Failures(() => clock);
  failures.remember("a", "why");
  expect([failures.reason("a"), failures.reason("b")]).toEqual(["why", undefined]);
  clock += 599_999;
  expect(failures.reason("a")).toBe("why");
  clock += 1;
  expect(failures.reason("a")).toBeUndefined();
  failures.remember("b", "other");
  expect(failures.size).toBe(1);
});

test("a success takes the reason away, and a later failure replaces it", () => {
  const failures = new Failures(() => 0);
  failures.remember("a", "first");
  failures.remember("a", "second");
  expect(failures.reason("a")).toBe("second");
  failures.forget("a");
  expect(failures.reason("a")).toBeUndefined();
});

test("the newest 4,096 are remembered, with a thousand characters each", () => {
  const failures = new Failures(() => 0);
  for (let i = 0; i < 10_000; i++) failures.remember(`${i}`, "x".repeat(5000));
  expect(failures.size).toBe(4096);
  expect(failures.reason("5903")).toBeUndefined();
  expect(failures.reason("5904")).toHaveLength(1000);
});
