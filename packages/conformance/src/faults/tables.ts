import { readFile } from "node:fs/promises";

import { ONE_THREAD } from "./injection.js";
import type { Course } from "./injection.js";
import type { OracleProcess } from "./oracle-process.js";
import { stop } from "./site.js";
import type { Ground, Site } from "./site.js";
import { FILE_CALLS, parseTrace, pathsOf, tracing } from "./strace.js";
import type { Injection, SystemCall } from "./strace.js";

/** Fills the write buffer of LevelDB, 8 MiB, twice. */
export const TWO_BUFFERS: Course = {
  ...{ count: 190, atOnce: 4, minBytes: 100_000, maxBytes: 100_000 },
};

/** Space for what LevelDB numbers otherwise than in the run that was watched. */
const MORE_FILES = 8;

/** Yields every path that a store young enough writes to, and its anchor. */
export function storePaths(): readonly string[] {
  const numbers = Array.from({ length: 40 }, (_, i) => String(i).padStart(6, "0"));
  const names = numbers.flatMap((number) => [
    ...[`${number}.log`, `${number}.ldb`, `${number}.dbtmp`, `MANIFEST-${number}`],
  ]);
  return ["anchor", ...names.map((name) => `log/${name}`)];
}

/** A call while LevelDB makes tables that can be made to fail. */
export interface TableTarget extends Pick<Injection, "call" | "when" | "paths"> {
  /** What it is for, such as `write table`. */
  readonly part: string;
}

type Part = "table" | "MANIFEST" | "log" | "folder" | "obsolete";

/**
 * Watches a server whose load fills buffers, and yields the calls by which LevelDB makes tables of them,
 * merges tables, and writes down which there are.
 *
 * A call that is counted by thread and place cannot be told from one of the start that has the same
 * number there; it is left out, for the start has tests of its own.
 */
export async function tableTargets(
  ground: Ground,
  oracle: OracleProcess,
): Promise<readonly TableTarget[]> {
  const site = await ground.copy();
  const file = ground.at("tables.trace");
  const calls = FILE_CALLS.filter((name) => name !== "read" && name !== "pread64");
  const serving = await site.serve({ under: tracing(file, calls, 16), env: ONE_THREAD });
  await oracle.ask("load", { ...TWO_BUFFERS, url: serving.url });
  await stop(serving);
  await oracle.ask("forget", null);
  const trace = parseTrace(await readFile(file, "utf8"));
  const { boot, run } = split(trace, site);
  await site.remove();
  const known = new Set(boot.map(({ path }) => path));
  return [...countsOf(run, known)].flatMap(([name, counts]) => {
    const [call = "", part = ""] = name.split(" ");
    const paths = pathsOfPart(part as Part, run, known);
    const isOfPart = (path: string): boolean => paths.includes(path);
    const before = boot.filter((made) => made.call === call && isOfPart(made.path)).length;
    return samplesOf(Math.max(...counts.values()))
      .filter((when) => when > before)
      .map((when) => ({ call, when, paths, part: `${call} ${part}` }));
  });
}

interface Made {
  readonly thread: number;
  readonly call: string;
  /** Relative to the service's folder. */
  readonly path: string;
}

// The line that says where the server listens is the first output of a run.
function split(
  trace: readonly SystemCall[],
  site: Site,
): { readonly boot: readonly Made[]; readonly run: readonly Made[] } {
  const says = trace.findIndex(({ name, args }) => name === "write" && args.startsWith("1<"));
  const made = (calls: readonly SystemCall[]): readonly Made[] =>
    calls.flatMap((call) => {
      const path = pathsOf(call).find((name) => name.startsWith(`${site.path}/log`));
      if (path === undefined) return [];
      return [{ thread: call.thread, call: call.name, path: path.slice(site.path.length + 1) }];
    });
  return { boot: made(trace.slice(0, says)), run: made(trace.slice(says)) };
}

/** How often each thread makes each call on each part. */
function countsOf(
  run: readonly Made[],
  known: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const counts = new Map<string, Map<number, number>>();
  for (const { thread, call, path } of run) {
    const part = partOf({ call, path }, known);
    // Commits write to their log, and have tests of their own; LevelDB opens the next one.
    if (part === undefined || (part === "log" && call !== "openat")) continue;
    const name = `${call} ${part}`;
    const threads = counts.get(name) ?? new Map<number, number>();
    threads.set(thread, (threads.get(thread) ?? 0) + 1);
    counts.set(name, threads);
  }
  return counts;
}

function partOf(
  { call, path }: Pick<Made, "call" | "path">,
  known: ReadonlySet<string>,
): Part | undefined {
  if (path === "log") return "folder";
  if (path.startsWith("log/MANIFEST")) return "MANIFEST";
  if (call === "unlink") return "obsolete";
  if (known.has(path)) return undefined;
  if (path.endsWith(".ldb")) return "table";
  return /^log\/\d+\.log$/.test(path) ? "log" : undefined;
}

function pathsOfPart(
  part: Part,
  run: readonly Made[],
  known: ReadonlySet<string>,
): readonly string[] {
  const own = run.filter((made) => partOf(made, known) === part).map(({ path }) => path);
  if (part !== "table" && part !== "log") return [...new Set(own)];
  const numbers = own.map((path) => Number(/(\d+)\.(?:ldb|log)$/.exec(path)?.[1]));
  const first = Math.min(...numbers);
  const ending = part === "table" ? "ldb" : "log";
  const span = Math.max(...numbers) - first + MORE_FILES;
  return Array.from({ length: span }, (_, i) => {
    const number = String(first + i).padStart(6, "0");
    return `log/${number}.${ending}`;
  }).filter((path) => !known.has(path));
}

/** All of a few; of many the first two, the last two, and some between. */
function samplesOf(count: number): readonly number[] {
  if (count <= 8) return Array.from({ length: count }, (_, i) => i + 1);
  const share = (part: number): number => Math.floor(part * count);
  return [1, 2, share(0.25), share(0.5), share(0.75), count - 1, count];
}
