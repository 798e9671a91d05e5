import { readFile } from "node:fs/promises";

import type { LoadOptions } from "./load.js";
import type { OracleProcess } from "./oracle-process.js";
import { kill, stop } from "./site.js";
import type { Ground, Site } from "./site.js";
import { FILE_CALLS, injecting, parseTrace, pathsOf, tracing } from "./strace.js";
import type { Injection, SystemCall } from "./strace.js";

/** What a server is put under. */
export type Course = Omit<LoadOptions, "url">;

/** Each statement is a commit of its own. */
const FEW_COMMITS: Course = { count: 3, atOnce: 1, maxBytes: 3000 };

/** One thread for all file calls, so that the same run makes the same calls in the same order. */
export const ONE_THREAD: Readonly<Record<string, string>> = {
  UV_THREADPOOL_SIZE: "1",
};

/** A call that can be made to fail: the `when`th of its name within one thread. */
export interface Target {
  readonly call: string;
  readonly when: number;
  /** Whether it is made before the server accepts requests. */
  readonly phase: "boot" | "commit";
  /** What it touches in the run without faults, relative to the service's folder. */
  readonly path: string;
}

/**
 * Whether a call is one that LevelDB reads its write-ahead log by when it opens. It takes a log that
 * it cannot read for one that is not there, and removes it: the store then falls behind its anchor.
 */
export function readsLog({ call, path, phase }: Target): boolean {
  const isRead = call === "openat" || call === "read";
  return phase === "boot" && isRead && /^log\/\d+\.log$/.test(path);
}

/** What a server does to its files, from its start through a few commits. */
export interface Plan {
  readonly targets: readonly Target[];
  /** Files and folders touched, relative to the service's. */
  readonly paths: readonly string[];
}

/** What became of a run with a fault in it. */
export interface Ordeal {
  /** What the fault hit, such as `fdatasync 000009.log`; empty if it was never reached. */
  readonly hits: readonly string[];
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly isOverdue: boolean;
  readonly isStarted: boolean;
  readonly acknowledged: number;
  readonly stderr: string;
  readonly problems: readonly string[];
}

/** Watches a run without faults and yields what could fail in it. */
export async function planOf(ground: Ground, oracle: OracleProcess): Promise<Plan> {
  const site = await ground.copy();
  const file = ground.at("plan.trace");
  const serving = await site.serve({
    under: tracing(file, FILE_CALLS),
    env: ONE_THREAD,
  });
  await oracle.ask("load", { ...FEW_COMMITS, url: serving.url });
  await kill(serving);
  await oracle.ask("forget", null);
  // The search index is derived: a call of its own that fails ends nothing, and need not.
  const calls = parseTrace(await readFile(file, "utf8")).filter(
    (call) => !pathsOf(call).some((path) => path.startsWith(site.at("index"))),
  );
  return { targets: targetsOf(calls, site), paths: touched(calls, site) };
}

function targetsOf(calls: readonly SystemCall[], site: Site): readonly Target[] {
  const counts = new Map<string, number>();
  const targets = new Map<string, Target>();
  let phase: Target["phase"] = "boot";
  for (const call of calls) {
    const path = pathsOf(call).find((name) => name.startsWith(`${site.path}/`));
    // The line that says where the server listens is the only output of a run.
    if (path === undefined && call.name === "write" && call.args.startsWith("1<")) phase = "commit";
    if (path === undefined) continue;
    const thread = `${call.thread} ${call.name}`;
    const when = (counts.get(thread) ?? 0) + 1;
    counts.set(thread, when);
    const name = `${call.name} ${when}`;
    const target = { call: call.name, when, phase, path: path.slice(site.path.length + 1) };
    if (!targets.has(name)) targets.set(name, target);
  }
  return [...targets.values()];
}

function touched(calls: readonly SystemCall[], site: Site): readonly string[] {
  const paths = calls.flatMap(pathsOf).filter((path) => path.startsWith(`${site.path}/`));
  return [...new Set(paths)].map((path) => path.slice(site.path.length + 1));
}

/** Runs a server with one call failing, under a few commits unless another load is given. */
export async function inject(
  site: Site,
  oracle: OracleProcess,
  { load: course = FEW_COMMITS, ...injection }: Injection & { readonly load?: Course },
): Promise<Ordeal> {
  const file = `${site.path}.trace`;
  const { as } = injection;
  const absolute = injection.paths.map((path) => site.at(path));
  const under = injecting(file, { ...injection, paths: absolute });
  const start = await site.start({ under, env: ONE_THREAD });
  const load =
    start.url === undefined
      ? { acknowledged: 0, problems: [] }
      : await oracle.ask("load", { ...course, url: start.url });
  const outcome = start.url === undefined ? start.outcome : await stop(start);
  const hits = parseTrace(await readFile(file, "utf8")).filter(
    ({ isInjected, result }) => isInjected || (as === "KILL" && result === -1),
  );
  return {
    hits: hits.map((hit) => nameOf(hit, site)),
    exit: outcome.code,
    signal: outcome.signal,
    isOverdue: outcome.isOverdue,
    isStarted: start.url !== undefined,
    acknowledged: load.acknowledged,
    stderr: outcome.stderr,
    problems: load.problems,
  };
}

function nameOf(call: SystemCall, site: Site): string {
  const [path = ""] = pathsOf(call);
  return `${call.name} ${path.slice(site.path.length + 1)}`;
}
