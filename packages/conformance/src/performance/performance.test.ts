import { describe, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { encodeCbor } from "@tallystick/cose";

import { statusesIn } from "./batch-wire.js";
import { goalsOf } from "./goals.js";
import type { Results } from "./goals.js";
import { meanLimit } from "./limit.js";
import { parseBenchOptions } from "./options.js";
import { tileNumber } from "./reading.js";
import { formatRows } from "./report.js";
import { slopeOf } from "./soak.js";
import { callTimes } from "./syncs.js";
import { figuresOf, median, quantile } from "./tally.js";

/** Most of it is the start of processes, on a machine that may be busy with others. */
const QUICK_LIMIT_MS = 600_000;

describe("npm run bench", () => {
  test(
    "--quick measures a real service, of which every answer counts",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "tally-bench-test-"));
      try {
        const results = await runQuick(folder);
        const [single] = results.registrations;
        expect(single?.name).toBe("es256-1k");
        expect(single?.statuses).toEqual({ 201: single?.done });
        expect(single?.done).toBeGreaterThan(0);
        expect(single?.cpuUs).toBeGreaterThan(0);
        expect(single?.cpuShare).toBeGreaterThan(0);
        expect(single?.storage.rows["s"]).toBeGreaterThan(1024 * (single?.done ?? 0));
        expect(single?.storage.compacted).toBeGreaterThan(1024 * (single?.done ?? 0));
        const { verifiesPerSecond: v, exchangesPerSecond: h } = single?.limit ?? {};
        expect(single?.limit.perSecond).toBeCloseTo(1 / (1 / (v ?? 0) + 1 / (h ?? 0)), 6);
        for (const name of ["es256-report", "es256-bill"]) {
          const read = results.registrations.find((figures) => figures.name === name);
          expect(read?.done).toBeGreaterThan(0);
          // Rules that ask for content refuse what is none.
          expect(read?.statuses).toEqual({ 201: read?.done });
        }
        const [size] = results.sizes;
        expect(Object.keys(size?.reading.receipts.statuses ?? {})).toEqual(["200"]);
        expect(size?.reading.replayedPerSecond).toBeGreaterThan(0);
        expect(size?.restart.afterKillMs).toBeGreaterThan(0);
        expect(results.offline?.perSecond).toBeGreaterThan(0);
        expect(results.content?.perSecond).toBeGreaterThan(0);
        expect(results.content?.plainPerSecond).toBeGreaterThan(0);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    QUICK_LIMIT_MS,
  );
});

/** Runs it as a user does, and yields what it wrote; it leaves nothing else behind. */
async function runQuick(folder: string): Promise<Results> {
  const json = join(folder, "bench.json");
  const main = join(import.meta.dirname, "main.js");
  const args = [main, "--quick", "--dir", folder, "--json", json];
  const env = { ...process.env, NODE_OPTIONS: "" };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`exit ${String(code)}\n${said}`);
  expect(said).toMatch(/^one by one, of L +[0-9.]+ +>= 0\.6 +(?:met|missed)$/m);
  return JSON.parse(readFileSync(json, "utf8")) as Results;
}

describe("the options", () => {
  test.each([
    ["nothing above 0", ["--seconds", "0"], /--seconds: want a number above 0/],
    ["no number", ["--sizes", "10,x"], /--sizes: want a number above 0, not "x"/],
    ["an unknown one", ["--fast"], /--fast/],
  ])("refuse %s", (_name, args, message) => {
    expect(() => parseBenchOptions(args)).toThrow(message);
  });

  test("--large goes on to ten million", () => {
    expect(parseBenchOptions([]).sizes).toEqual([10_000, 1_000_000]);
    expect(parseBenchOptions(["--large"]).sizes).toEqual([10_000, 1_000_000, 10_000_000]);
    expect(parseBenchOptions(["--quick"]).sizes).toEqual([]);
  });
});

describe("figures", () => {
  test("are of all processes together", () => {
    const one = {
      statuses: { 201: 2 },
      done: 2,
      latenciesMs: [1, 3],
      beganAtMs: 0,
      endedAtMs: 900,
    };
    const two = {
      ...{ statuses: { 201: 1, 503: 1 }, done: 1, latenciesMs: [2] },
      ...{ beganAtMs: 100, endedAtMs: 1000, refusal: "full" },
    };
    expect(figuresOf([one, two])).toEqual({
      ...{ done: 3, perSecond: 3, seconds: 1, p50Ms: 2, p99Ms: 3, p999Ms: 3 },
      ...{ statuses: { 201: 3, 503: 1 }, refusal: "full" },
    });
  });

  test("quantiles are of the nearest rank", () => {
    const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    expect([0.01, 0.5, 0.99, 0.999].map((q) => quantile(hundred, q))).toEqual([1, 50, 99, 100]);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([])).toBe(0);
  });

  test("a limit between two measures is made of their means", () => {
    const limit = (v: number, h: number): ReturnType<typeof meanLimit> => ({
      ...{ verifiesPerSecond: v, exchangesPerSecond: h, perSecond: 0, cpuUs: v },
    });
    expect(meanLimit([limit(100, 300), limit(300, 100)])).toEqual({
      ...{ verifiesPerSecond: 200, exchangesPerSecond: 200, perSecond: 100, cpuUs: 200 },
    });
  });

  test("the slope is that of the nearest line", () => {
    const samples = [0, 1, 2, 3].map((minutes) => ({ minutes, mib: 100 + 5 * minutes }));
    expect(slopeOf(samples)).toBeCloseTo(5);
    expect(slopeOf(samples.slice(0, 1))).toBe(0);
    expect(slopeOf([])).toBe(0);
  });

  test("statuses of a batch are the second members of its results", () => {
    const results = [
      [new Uint8Array(32), 201, new Uint8Array(5)],
      [null, 400, new Map()],
    ];
    const sequence = Buffer.concat(results.map((result) => encodeCbor(result)));
    expect(statusesIn(sequence)).toEqual([201, 400]);
  });

  test("syncs are counted where they begin", () => {
    const trace = [
      "7 1790000000.250000 fdatasync(20 <unfinished ...>",
      "8 1790000000.260000 fsync(21) = 0",
      "7 1790000000.300000 <... fdatasync resumed>) = 0",
      "7 1790000001.000000 +++ exited with 0 +++",
    ].join("\n");
    expect(callTimes(trace)).toEqual([1790000000.25, 1790000000.26]);
  });

  test.each([
    [0, "000"],
    [999, "999"],
    [1000, "x001/000"],
    [1_234_067, "x001/x234/067"],
  ])("tile %d is called %s", (n, name) => {
    expect(tileNumber(n)).toBe(name);
  });

  test("rows stand in columns", () => {
    const rows = [
      { name: "a", n: 1 },
      { name: "long", n: 100 },
    ];
    expect(formatRows(rows)).toBe(["name    n", "a       1", "long  100"].join("\n"));
  });
});

describe("goals", () => {
  const flat = { minutes: 10, registrations: 1, samples: [], peakMib: 100 };

  test.each([
    ["flat memory", { slopeMibPerMinute: 0.2 }, "met"],
    ["growing memory", { slopeMibPerMinute: 3 }, "missed"],
  ])("%s", (_name, { slopeMibPerMinute }, verdict) => {
    const soak = { ...flat, slopeMibPerMinute };
    const goal = goalsOf({ registrations: [], sizes: [], soak }).at(-1);
    expect([goal?.measured, goal?.verdict]).toEqual([slopeMibPerMinute, verdict]);
  });

  test("what is not measured is neither met nor missed", () => {
    const verdicts = goalsOf({ registrations: [], sizes: [] }).map(({ verdict }) => verdict);
    expect(new Set(verdicts)).toEqual(new Set(["not measured"]));
  });

  test("sizes are compared with the smallest", () => {
    const reading = {} as Results["sizes"][number]["reading"];
    const restart = { afterStopMs: 500, afterKillMs: 1500, bareMs: 50 };
    const at = {
      perSecond: 1000,
      cpuUs: 300,
      writtenBytes: 9000,
      p99Ms: 9,
      ofLimit: 0.5,
      peakMib: 1,
      reading,
      restart,
    };
    const sizes = [
      { ...at, size: 10 },
      { ...at, size: 1000, cpuUs: 600, ofLimit: 0.46 },
    ];
    const goals = goalsOf({ registrations: [], sizes });
    expect(goals.filter(({ verdict }) => verdict !== "not measured")).toEqual([
      {
        goal: "share of L at 1000 entries, of that at 10",
        ...{ measured: 0.92, wanted: ">= 0.9", verdict: "met" },
      },
      {
        goal: "CPU per registration at 1000 entries, of that at 10",
        ...{ measured: 2, wanted: "< 1.1", verdict: "missed" },
      },
      {
        goal: "restart at 1000 entries in ms",
        ...{ measured: 1500, wanted: "< 1000", verdict: "missed" },
      },
    ]);
  });
});
