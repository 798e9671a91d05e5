import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { SharedBudget } from "./budget.js";

const busy: unknown = expect.objectContaining({ code: "SERVER_BUSY" });
const limited: unknown = expect.objectContaining({ code: "SERVER_RATE_LIMITED" });

describe("a budget that clients share", () => {
  test("is shared by all, and has no room beyond it", () => {
    const budget = new SharedBudget({ most: 100, mostOfOne: 100, what: "bytes" });
    const release = budget.take(60, "a");
    expect([budget.hasRoom(40, "b"), budget.hasRoom(41, "b")]).toEqual([true, false]);
    expect(() => budget.take(41, "b")).toThrow(busy);
    release();
    release();
    expect(budget.hasRoom(100, "b")).toBe(true);
    expect(budget.hasRoom(101, "b")).toBe(false);
  });

  test("has a share for each client, and room for the others beside it", () => {
    const budget = new SharedBudget({ most: 100, mostOfOne: 25, what: "bytes" });
    const releases = [10, 15].map((bytes) => budget.take(bytes, "a"));
    expect(budget.hasRoom(1, "a")).toBe(false);
    expect(() => budget.take(1, "a")).toThrow(limited);
    expect(budget.hasRoom(25, "b")).toBe(true);
    for (const release of releases) release();
    expect(budget.hasRoom(25, "a")).toBe(true);
  });

  test("tells a client its share, and when to come again", () => {
    const budget = new SharedBudget({ most: 10, mostOfOne: 2.5, what: "reads" });
    for (let i = 0; i < 2; i++) budget.take(1, "a");
    const message = "2 reads of one client under way at once";
    expect(() => budget.take(1, "a")).toThrow(expect.objectContaining({ message, retryAfter: 1 }));
  });

  test("whoever comes and goes, nobody has more than its share and all together no more than there is", () => {
    const step = fc.record({
      client: fc.constantFrom("a", "b", "c"),
      amount: fc.integer({ min: 1, max: 30 }),
      isGoing: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const budget = new SharedBudget({ most: 100, mostOfOne: 25, what: "bytes" });
        const held: { client: string; amount: number; release: () => void }[] = [];
        for (const { client, amount, isGoing } of steps) {
          if (isGoing) held.shift()?.release();
          else if (budget.hasRoom(amount, client)) {
            held.push({ client, amount, release: budget.take(amount, client) });
          } else expect(() => budget.take(amount, client)).toThrow();
          const all = held.reduce((sum, one) => sum + one.amount, 0);
          expect(all).toBeLessThanOrEqual(100);
          expect([budget.hasRoom(101 - all, "d"), budget.hasRoom(100 - all, "d")]).toEqual([
            false,
            true,
          ]);
          for (const name of ["a", "b", "c"]) {
            const own = held.filter((one) => one.client === name).map((one) => one.amount);
            const sum = own.reduce((total, one) => total + one, 0);
            expect(own.length === 1 || sum <= 25).toBe(true);
          }
        }
      }),
    );
  });

  test("lets the first of a client in although it is larger than its share", () => {
    const budget = new SharedBudget({ most: 100, mostOfOne: 25, what: "bytes" });
    const release = budget.take(80, "a");
    expect(() => budget.take(1, "a")).toThrow(limited);
    expect(() => budget.take(21, "b")).toThrow(busy);
    release();
    expect(budget.hasRoom(80, "a")).toBe(true);
  });
});
