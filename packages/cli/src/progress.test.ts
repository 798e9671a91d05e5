import { describe, expect, test } from "@jest/globals";

import { Progress } from "./progress.js";
import type { ProgressOptions } from "./progress.js";

interface Shown {
  readonly progress: Progress;
  readonly lines: string[];
  readonly wait: (ms: number) => void;
}

function shown(options: ProgressOptions = {}): Shown {
  const lines: string[] = [];
  let now = 1000;
  const output = { showStatus: (line: string) => lines.push(line) };
  const progress = new Progress(output, { now: () => now, ...options });
  const wait = (ms: number): void => {
    now += ms;
  };
  return { progress, lines, wait };
}

describe("a progress line", () => {
  test("has count, rate and the time that is left", () => {
    const { progress, lines, wait } = shown();
    progress.show(0, 400);
    wait(2000);
    progress.show(100, 400);
    progress.clear();
    expect(lines).toEqual([
      `[${"-".repeat(24)}] 0 / 400, 0 entries/s`,
      `[${"#".repeat(6)}${"-".repeat(18)}] 100 / 400, 50 entries/s, 6 s left`,
      "",
    ]);
  });

  test("is not written more often than it can be read", () => {
    const { progress, lines, wait } = shown();
    for (let done = 0; done < 10; done++) {
      progress.show(done, 10);
      wait(50);
    }
    expect(lines).toHaveLength(5);
  });

  test("does not count what an earlier run did", () => {
    const { progress, lines, wait } = shown({ before: 1000, unit: "rows" });
    wait(1000);
    progress.show(1010, 2000);
    expect(lines[0]).toMatch(/1010 \/ 2000, 10 rows\/s, 1 min 39 s left$/);
  });

  test.each([
    [59, "59 s"],
    [60, "1 min 0 s"],
    [3599, "59 min 59 s"],
    [3600, "1 h 0 min"],
    [90_061, "25 h 1 min"],
  ])("tells %d seconds as %s", (seconds, text) => {
    const { progress, lines, wait } = shown();
    wait(1000);
    progress.show(1, seconds + 1);
    expect(lines[0]).toMatch(new RegExp(`, ${text} left$`));
  });

  test("stays away where it is not wanted", () => {
    const { progress, lines } = shown({ isQuiet: true });
    progress.show(1, 2);
    progress.clear();
    expect(lines).toEqual([]);
  });
});
