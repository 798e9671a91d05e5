import { describe, expect, test } from "@jest/globals";

import { RateLimit } from "./rate.js";

let clock = 0;

function limit(perSecond: number, burst: number, maxClients = 10): RateLimit {
  clock = 5000;
  return new RateLimit({ perSecond, burst, maxClients, now: () => clock });
}

describe("take", () => {
  test("lets a burst through, then the rate, and says how long to wait", () => {
    const rate = limit(2, 3);
    expect([rate.take("a"), rate.take("a"), rate.take("a")]).toEqual([0, 0, 0]);
    expect(rate.take("a")).toBe(500);
    clock += 499;
    expect(rate.take("a")).toBe(1);
    clock += 1;
    expect(rate.take("a")).toBe(0);
    expect(rate.take("a")).toBe(500);
  });

  test("refusals count for nothing", () => {
    const rate = limit(1, 1);
    expect(rate.take("a")).toBe(0);
    for (let i = 0; i < 100; i++) expect(rate.take("a")).toBe(1000);
    clock += 1000;
    expect(rate.take("a")).toBe(0);
  });

  test("a burst is whole again after a while, and no larger", () => {
    const rate = limit(10, 5);
    for (let i = 0; i < 5; i++) rate.take("a");
    clock += 60_000;
    const waits = Array.from({ length: 6 }, () => rate.take("a"));
    expect(waits).toEqual([0, 0, 0, 0, 0, 100]);
  });

  test("clients do not count for each other", () => {
    const rate = limit(1, 1);
    expect(rate.take("a")).toBe(0);
    expect(rate.take("b")).toBe(0);
    expect(rate.take("a")).toBe(1000);
  });

  test("0 is no limit, and remembers nobody", () => {
    const rate = limit(0, 1);
    for (let i = 0; i < 1000; i++) expect(rate.take(`${i % 7}`) + rate.book("x")).toBe(0);
    expect(rate.clients).toBe(0);
  });

  test("forgets the client that was quiet longest, and remembers no more than it may", () => {
    const rate = limit(1, 1, 3);
    for (const client of ["a", "b", "c"]) rate.take(client);
    clock += 1000;
    rate.take("a");
    for (let i = 0; i < 2; i++) rate.take(`new ${i}`);
    expect(rate.clients).toBe(3);
    expect(rate.take("a")).toBe(1000);
    for (let i = 0; i < 10_000; i++) rate.take(`flood ${i}`);
    expect(rate.clients).toBe(3);
  });
});

test("book spaces out what is taken in any case", () => {
  const rate = limit(10, 2);
  const waits = Array.from({ length: 5 }, () => rate.book("a"));
  expect(waits).toEqual([0, 0, 100, 200, 300]);
  expect(rate.take("a")).toBe(400);
});
