import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { RegistrationQueue } from "./queue.js";

const LIMITS = { maxEntries: 4, maxBytes: 100 };

const busy: unknown = expect.objectContaining({ code: "SERVER_BUSY" });
const limited: unknown = expect.objectContaining({ code: "SERVER_RATE_LIMITED", retryAfter: 1 });

// Where the share of a client is not what is looked at, each comes from another.
let clients = 0;
const another = (): string => `client ${clients++}`;

/** Waits for room and gives up on it never. */
async function roomIn(
  queue: RegistrationQueue,
  bytes: number,
  client: string,
): Promise<() => void> {
  const leave = await queue.room({ bytes, client, signal: new AbortController().signal });
  if (leave === undefined) throw new Error("given up on");
  return leave;
}

/** Lets what is ready come. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("take", () => {
  test.each([
    ["by count", [1, 1, 1, 1], 1],
    ["by bytes", [60, 40], 1],
    ["by bytes, behind a small one", [1], 100],
  ])("is refused %s, until there is room again", (_name, before, next) => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = before.map((bytes) => queue.take(bytes, another()));
    expect(() => queue.take(next, another())).toThrow(busy);
    leave[0]?.();
    queue.take(next, another());
    expect(queue.entries).toBe(before.length);
  });

  test("lets one in that is larger than the queue, alone", () => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = queue.take(1000, another());
    expect(() => queue.take(1, another())).toThrow(busy);
    leave();
    queue.take(1, another());
    expect(() => queue.take(1000, another())).toThrow(busy);
  });

  test("counts a place that is left twice once", () => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = queue.take(10, "a");
    queue.take(20, "b");
    leave();
    leave();
    expect([queue.entries, queue.bytes]).toEqual([1, 20]);
  });

  test.each([
    ["places", [1, 1], 1],
    ["bytes", [9], 2],
  ])("a client has a quarter of the %s, and the others the rest", (_name, before, next) => {
    const queue = new RegistrationQueue({ maxEntries: 8, maxBytes: 40 });
    const leave = before.map((bytes) => queue.take(bytes, "a"));
    expect(() => queue.take(next, "a")).toThrow(limited);
    queue.take(next, "b");
    leave[0]?.();
    queue.take(next, "a");
    expect(queue.entries).toBe(before.length + 1);
  });

  test("the first of a client is let in, however large", () => {
    const queue = new RegistrationQueue(LIMITS);
    queue.take(60, "a");
    expect(() => queue.take(1, "a")).toThrow(limited);
    queue.take(40, "b");
    expect(queue.bytes).toBe(100);
  });
});

describe("room", () => {
  test("comes in the order of arrival, in half of the queue", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const [first, second] = await Promise.all([
      roomIn(queue, 1, another()),
      roomIn(queue, 1, another()),
    ]);
    const came: string[] = [];
    void roomIn(queue, 1, another()).then(() => came.push("third"));
    void roomIn(queue, 1, another()).then(() => came.push("fourth"));
    // The other half is for those who do not wait.
    queue.take(1, another());
    await settled();
    expect([queue.entries, came]).toEqual([3, []]);
    first();
    await settled();
    expect([queue.entries, came]).toEqual([3, ["third"]]);
    second();
    await settled();
    expect([queue.entries, came]).toEqual([3, ["third", "fourth"]]);
  });

  test("is there for a batch while single registrations fill the other half", async () => {
    const queue = new RegistrationQueue(LIMITS);
    for (let i = 0; i < 2; i++) queue.take(1, another());
    const leave = await roomIn(queue, 1, another());
    await roomIn(queue, 1, another());
    let isIn = false;
    void roomIn(queue, 1, another()).then(() => {
      isIn = true;
    });
    expect(queue.entries).toBe(4);
    expect(() => queue.take(1, another())).toThrow(busy);
    leave();
    await settled();
    expect([queue.entries, isIn]).toEqual([4, true]);
  });

  test("is given to all who wait, one after the other", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const came: number[] = [];
    const all = Array.from({ length: 20 }, async (_, i) => {
      const leave = await roomIn(queue, 10, another());
      came.push(i);
      expect(queue.entries).toBeLessThanOrEqual(2);
      leave();
    });
    await Promise.all(all);
    expect(came).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect([queue.entries, queue.bytes]).toEqual([0, 0]);
  });

  test("passes over who waits for places of its own, and keeps the order of the others", async () => {
    const queue = new RegistrationQueue({ maxEntries: 8, maxBytes: 800 });
    const came: string[] = [];
    const ask = (client: string, name: string): void => {
      void roomIn(queue, 1, client).then(() => came.push(name));
    };
    const first = await roomIn(queue, 1, "a");
    await roomIn(queue, 1, "a");
    ask("a", "a3");
    ask("a", "a4");
    ask("b", "b1");
    ask("c", "c1");
    ask("b", "b2");
    await settled();
    // The half is full now, and of it "a" has its quarter of all.
    expect([queue.entries, came]).toEqual([4, ["b1", "c1"]]);
    first();
    await settled();
    expect(came).toEqual(["b1", "c1", "a3"]);
    // Its single registrations have places of their own.
    for (let i = 0; i < 2; i++) queue.take(1, "a");
    expect(() => queue.take(1, "a")).toThrow(limited);
  });

  test("passes over who is not within its share, also where it does not fit the half", async () => {
    const mib = 1_048_576;
    const queue = new RegistrationQueue({ maxEntries: 4096, maxBytes: 32 * mib });
    await roomIn(queue, 9 * mib, "a");
    for (let i = 0; i < 50; i++) void roomIn(queue, 9 * mib, "a");
    await roomIn(queue, 1000, "b");
    expect([queue.entries, queue.bytes]).toEqual([2, 9 * mib + 1000]);
  });

  test("who waits for all is not passed over, however small those behind it are", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = await roomIn(queue, 40, "a");
    const came: string[] = [];
    void roomIn(queue, 20, "b").then(() => came.push("b"));
    void roomIn(queue, 1, "c").then(() => came.push("c"));
    await settled();
    expect(came).toEqual([]);
    leave();
    await settled();
    expect(came).toEqual(["b", "c"]);
  });

  test("holds nothing for who has given up, and lets in who stood behind", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const leave = await roomIn(queue, 40, "a");
    const gone = new AbortController();
    const asked = { bytes: 20, client: "b", signal: gone.signal };
    const given = queue.room(asked);
    const behind = roomIn(queue, 1, "c");
    await settled();
    expect([queue.waiting, queue.entries]).toEqual([{ entries: 2, bytes: 21 }, 1]);
    gone.abort();
    expect(await given).toBeUndefined();
    expect(await queue.room(asked)).toBeUndefined();
    await behind;
    expect([queue.waiting, queue.bytes]).toEqual([{ entries: 0, bytes: 0 }, 41]);
    leave();
    expect([queue.entries, queue.bytes]).toEqual([1, 1]);
  });

  test("is not taken back from who has it by a signal that comes later", async () => {
    const queue = new RegistrationQueue(LIMITS);
    const gone = new AbortController();
    const leave = await queue.room({ bytes: 5, client: "a", signal: gone.signal });
    void roomIn(queue, 48, "b");
    gone.abort();
    expect([queue.entries, queue.waiting.entries]).toEqual([1, 1]);
    leave?.();
    expect([queue.bytes, queue.waiting.entries]).toEqual([48, 0]);
  });
});

test("whatever comes and goes, the queue stays within its bounds, and each client in its own", async () => {
  const client = fc.constantFrom("a", "b", "c");
  const bytes = fc.integer({ min: 1, max: 100 });
  const step = fc.record({ kind: fc.constantFrom("take", "room", "leave"), bytes, client });
  interface Here {
    readonly owner: string;
    readonly bytes: number;
    readonly leave: () => void;
  }
  const limits = { maxEntries: 8, maxBytes: 100 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const queue = new RegistrationQueue(limits);
      const here: Here[] = [];
      for (const { kind, bytes, client } of steps) {
        const enter = (leave: () => void): void => {
          here.push({ owner: `${kind} ${client}`, bytes, leave });
        };
        if (kind === "leave") here.splice(bytes % Math.max(here.length, 1), 1)[0]?.leave();
        else if (kind === "room") void roomIn(queue, bytes, client).then(enter);
        else {
          try {
            enter(queue.take(bytes, client));
          } catch (error) {
            expect([busy, limited]).toContainEqual(error);
          }
        }
        await settled();
        expect(queue.entries).toBeLessThanOrEqual(limits.maxEntries);
        expect(queue.bytes).toBeLessThanOrEqual(limits.maxBytes);
        expect(queue.entries).toBe(here.length);
        for (const { owner } of here) {
          const own = here.filter((one) => one.owner === owner);
          const sum = own.reduce((total, one) => total + one.bytes, 0);
          expect(own.length === 1 || (own.length <= 2 && sum <= 25)).toBe(true);
        }
      }
    }),
  );
});
