import { describe, expect, test } from "@jest/globals";

import { Answers } from "./answers.js";

const WINDOW = 1024;

function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

async function settled<T>(promise: Promise<T>): Promise<T | "waiting"> {
  const later = new Promise<"waiting">((resolve) => {
    setImmediate(resolve, "waiting");
  });
  return Promise.race([promise, later]);
}

describe("Answers", () => {
  test("are taken in the order of the questions, whichever is ready first", async () => {
    const answers = new Answers();
    const ready: (() => void)[] = [];
    for (let i = 0; i < 4; i++) {
      answers.add(
        new Promise((resolve) => {
          ready[i] = () => {
            resolve(bytes(i));
          };
        }),
      );
    }
    const taken = answers.taken();
    const first = taken.next();
    ready[2]?.();
    ready[1]?.();
    expect(await settled(first)).toBe("waiting");
    ready[0]?.();
    // Those that are ready come together.
    expect((await first).value).toEqual(bytes(0, 1, 2));
    ready[3]?.();
    answers.end();
    expect((await taken.next()).value).toEqual(bytes(3));
    expect((await taken.next()).done).toBe(true);
  });

  test("there is room for 1,024, and for more once the reader comes back for more", async () => {
    const answers = new Answers();
    for (let i = 0; i < WINDOW; i++) {
      expect(await answers.room()).toBe(true);
      answers.add(Promise.resolve(bytes(7)));
    }
    const room = answers.room();
    expect(await settled(room)).toBe("waiting");
    const taken = answers.taken();
    await taken.next();
    expect(await settled(room)).toBe("waiting");
    expect(answers.count).toBe(WINDOW);
    const next = taken.next();
    expect(await room).toBe(true);
    answers.end();
    await next;
  });

  test("no piece is much over 64 KiB", async () => {
    const answers = new Answers();
    for (let i = 0; i < 200; i++) answers.add(Promise.resolve(new Uint8Array(1000)));
    answers.end();
    const lengths: number[] = [];
    for await (const piece of answers.taken()) lengths.push(piece.length);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(200_000);
    for (const length of lengths) expect(length).toBeLessThan(67_000);
  });

  test("nothing is kept for a reader who has left, not even behind an answer under way", async () => {
    const answers = new Answers();
    const parting: (() => void)[] = [];
    answers.add(
      new Promise((resolve) => {
        parting.push(() => {
          resolve(bytes(1));
        });
      }),
    );
    answers.add(Promise.resolve(bytes(2)));
    const next = answers.taken().next();
    answers.abandon();
    answers.add(Promise.resolve(bytes(3)));
    expect([answers.count, answers.abandoned.aborted]).toEqual([0, true]);
    for (const part of parting) part();
    expect((await next).done).toBe(true);
  });

  test("nobody waits for a reader who has left", async () => {
    const answers = new Answers();
    for (let i = 0; i < WINDOW; i++) answers.add(new Promise(() => undefined));
    const room = answers.room();
    answers.abandon();
    expect(await room).toBe(false);
    expect((await answers.taken().next()).done).toBe(true);
  });
});
