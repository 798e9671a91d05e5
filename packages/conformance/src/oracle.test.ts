import { describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Comparison } from "./cosekit.js";

const program = fileURLToPath(new URL("./cosekit.js", import.meta.url));

describe("cose-kit as an oracle, in a process of its own", () => {
  test("agrees on every message, good and bad, in both directions", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    const comparisons = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Comparison);
    const good = comparisons.filter(({ name }) => /good|signed by/.test(name));
    expect(good.filter(({ ours, theirs }) => !ours || !theirs)).toEqual([]);
    const bad = comparisons.filter((comparison) => !good.includes(comparison));
    expect(bad.filter(({ ours, theirs }) => ours || theirs)).toEqual([]);
    expect([good.length, bad.length]).toEqual([14, 56]);
  });
});
