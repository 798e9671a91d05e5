import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { RegistrationQueue } from "./queue.js";

const LIMITS = { maxEntries: 4, maxBytes: 100 };

describe("take", () => {
  test.each([
    ["by count", [1, 1, 1, 1], 1],
    ["by bytes", [60, 40], 1],
    ["by bytes, behind a small one", [1], 100],
  ])("is refused %s, until there is room again", (_name, before, next) => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = before.map((bytes) => queue.take(bytes));
    expect(leave).not.toContain(undefined);
    expect(queue.take(next)).toBeUndefined();
    leave[0]?.();
    expect(queue.take(next)).toBeDefined();
  });

  test("lets one in that is larger than the queue, alone", () => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = queue.take(1000);
    expect(queue.take(1)).toBeUndefined();
    leave?.();
    expect(queue.take(1)).toBeDefined();
    expect(queue.take(1000)).toBeUndefined();
  });

  test("counts a place that is left twice once", () => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = queue.take(10);
    queue.take(20);
    leave?.();
    leave?.();
    expect([queue.entries, queue.bytes]).toEqual([1, 20]);
  });
});

describe("room", () => {
  test("comes in the order of arrival, in half of the queue", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const [first, second] = await Promise.all([queue.room(1), queue.room(1)]);
    const came: string[] = [];
    void queue.room(1).then(() => came.push("third"));
    void queue.room(1).then(() => came.push("fourth"));
    // The other half is for those who do not wait.
    expect(queue.take(1)).toBeDefined();
    await Promise.resolve();
    expect([queue.entries, came]).toEqual([3, []]);
    first();
    await Promise.resolve();
    expect([queue.entries, came]).toEqual([3, ["third"]]);
    second();
    await Promise.resolve();
    expect([queue.entries, came]).toEqual([3, ["third", "fourth"]]);
  });

  test("is there for a batch while single registrations fill the other half", async () => {
    const queue = new RegistrationQueue(LIMITS);
    for (let i = 0; i < 2; i++) expect(queue.take(1)).toBeDefined();
    const leave = await queue.room(1);
    await queue.room(1);
    let isIn = false;
    void queue.room(1).then(() => {
      isIn = true;
    });
    expect([queue.entries, queue.take(1)]).toEqual([4, undefined]);
    leave();
    await Promise.resolve();
    expect([queue.entries, isIn]).toEqual([4, true]);
  });

  test("is given to all who wait, one after the other", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const came: number[] = [];
    const all = Array.from({ length: 20 }, async (_, i) => {
      const leave = await queue.room(10);
      came.push(i);
      expect(queue.entries).toBeLessThanOrEqual(2);
      leave();
    });
    await Promise.all(all);
    expect(came).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect([queue.entries, queue.bytes]).toEqual([0, 0]);
  });
});

test("whatever comes and goes, the queue stays within its bounds", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("take"), bytes: fc.integer({ min: 1, max: 100 }) }),
    fc.record({ kind: fc.constant("room"), bytes: fc.integer({ min: 1, max: 100 }) }),
    fc.record({ kind: fc.constant("leave"), bytes: fc.nat() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const queue = new RegistrationQueue(LIMITS);
      const here: (() => void)[] = [];
      for (const { kind, bytes } of steps) {
        if (kind === "leave") here.splice(bytes % Math.max(here.length, 1), 1)[0]?.();
        else if (kind === "room") void queue.room(bytes).then((leave) => here.push(leave));
        else {
          const leave = queue.take(bytes);
          if (leave !== undefined) here.push(leave);
        }
        await Promise.resolve();
        expect(queue.entries).toBeLessThanOrEqual(LIMITS.maxEntries);
        expect(queue.bytes).toBeLessThanOrEqual(LIMITS.maxBytes);
        expect(queue.entries).toBe(here.length);
      }
    }),
  );
});
