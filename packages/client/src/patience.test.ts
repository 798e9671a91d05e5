import { describe, expect, test } from "@jest/globals";

import { Patience, parseRetryAfter } from "./patience.js";
import { refusalOf } from "./testing/refusal.js";

interface Given {
  readonly random?: number;
  readonly maxRetries?: number;
  readonly patienceMs?: number;
}

function patienceOf({ random = 0, maxRetries = 100, patienceMs = 1_000_000 }: Given = {}): {
  patience: Patience;
  waits: number[];
} {
  const waits: number[] = [];
  const wait = (ms: number): Promise<void> => {
    waits.push(ms);
    return Promise.resolve();
  };
  const options = { wait, random: () => random, maxRetries, patienceMs };
  return { patience: new Patience(options), waits };
}

const reason = { reason: "still running" };

describe("Patience", () => {
  test.each([
    ["least", 0, [250, 500, 1000, 2000, 4000, 7500, 7500]],
    ["most", 1, [500, 1000, 2000, 4000, 8000, 15_000, 15_000]],
  ])("backs off exponentially up to a limit, with the %s jitter", async (_, random, want) => {
    const { patience, waits } = patienceOf({ random });
    for (let i = 0; i < 7; i++) await patience.pause(undefined, reason);
    expect(waits).toEqual(want);
  });

  test.each([
    ["least", 0, 3000],
    ["most", 1, 3250],
  ])("never waits shorter than Retry-After, with the %s jitter", async (_, random, want) => {
    const { patience, waits } = patienceOf({ random });
    await patience.pause(3000, reason);
    expect(waits).toEqual([want]);
  });

  test("gives up when the retries are used up", async () => {
    const { patience, waits } = patienceOf({ maxRetries: 2 });
    await patience.pause(0, reason);
    await patience.pause(0, reason);
    const error = await refusalOf(() => patience.pause(0, reason));
    expect(error.code).toBe("CLIENT_UNAVAILABLE");
    expect(error.message).toBe("still running after 2 retries, try again in 0 s");
    expect(waits).toHaveLength(2);
  });

  test("gives up at once when asked for more time than there is", async () => {
    const { patience, waits } = patienceOf({ patienceMs: 60_000 });
    const refusal = { status: 503, title: undefined, detail: undefined };
    const error = await refusalOf(() => patience.pause(3_600_000, { ...reason, refusal }));
    expect(error.message).toBe("still running after 0 retries, try again in 3600 s");
    expect(error.refusal).toBe(refusal);
    expect(waits).toEqual([]);
  });

  test("counts all waits against the time", async () => {
    const { patience, waits } = patienceOf({ patienceMs: 5000 });
    await patience.pause(2000, reason);
    await patience.pause(2000, reason);
    await expect(patience.pause(2000, reason)).rejects.toThrow("after 2 retries");
    expect(waits).toEqual([2000, 2000]);
  });
});

describe("parseRetryAfter", () => {
  const now = Date.UTC(2026, 0, 1);

  test.each([
    ["seconds", "120", 120_000],
    ["no time", "0", 0],
    ["a date", "Thu, 01 Jan 2026 00:00:05 GMT", 5000],
    ["a date gone by", "Wed, 31 Dec 2025 00:00:00 GMT", 0],
  ])("reads %s", (_, text, want) => {
    expect(parseRetryAfter(text, now)).toBe(want);
  });

  test.each([
    ["nothing", null],
    ["empty text", ""],
    ["a negative number", "-5"],
    ["a fraction", "1.5"],
    ["too many digits", "12345678901"],
    ["another date", "2026-01-01"],
    ["words", "Mon, soon"],
  ])("yields undefined for %s", (_, text) => {
    expect(parseRetryAfter(text, now)).toBeUndefined();
  });
});
