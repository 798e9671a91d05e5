import { describe, expect, test } from "@jest/globals";

import { BodyBudget } from "./budget.js";

const busy: unknown = expect.objectContaining({ code: "SERVER_BUSY" });
const limited: unknown = expect.objectContaining({ code: "SERVER_RATE_LIMITED" });

describe("a budget of bodies", () => {
  test("is shared by all, and has no room beyond it", () => {
    const budget = new BodyBudget(100);
    const release = budget.take(60, "a");
    expect([budget.hasRoom(40, "b"), budget.hasRoom(41, "b")]).toEqual([true, false]);
    expect(() => budget.take(41, "b")).toThrow(busy);
    release();
    release();
    expect(budget.hasRoom(100, "b")).toBe(true);
    expect(budget.hasRoom(101, "b")).toBe(false);
  });

  test("has a share for each client, and room for the others beside it", () => {
    const budget = new BodyBudget(100, 1 / 4);
    const releases = [10, 15].map((bytes) => budget.take(bytes, "a"));
    expect(budget.hasRoom(1, "a")).toBe(false);
    expect(() => budget.take(1, "a")).toThrow(limited);
    expect(budget.hasRoom(25, "b")).toBe(true);
    for (const release of releases) release();
    expect(budget.hasRoom(25, "a")).toBe(true);
  });

  test("lets one body of a client in that is longer than its share", () => {
    const budget = new BodyBudget(100, 1 / 4);
    const release = budget.take(80, "a");
    expect(() => budget.take(1, "a")).toThrow(limited);
    expect(() => budget.take(21, "b")).toThrow(busy);
    release();
    expect(budget.hasRoom(80, "a")).toBe(true);
  });
});
