import { BenchProcess } from "./bench-process.js";
import { OracleProcess } from "./oracle-process.js";
import type { FsckReport, Ground } from "./site.js";

/** As many at a time as two cores carry. */
const LANES = 2;

/** What a case is examined with; used by one case at a time. */
export interface Lane {
  readonly oracle: OracleProcess;
  readonly bench: BenchProcess;
}

/** Does something with each item, a few at a time, each lane with an oracle and a bench of its own. */
export async function inLanes<T>(
  ground: Ground,
  items: readonly T[],
  act: (item: T, lane: Lane) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lanes = Array.from({ length: LANES }, async (_, number) => {
    const lane = {
      oracle: await OracleProcess.start(ground, number),
      bench: new BenchProcess(),
    };
    try {
      for (const item of queue) {
        await act(item, lane);
        await lane.oracle.ask("forget", null);
      }
    } finally {
      await lane.oracle.end();
      await lane.bench.end();
    }
  });
  await Promise.all(lanes);
}

/** Does something with each item, a few at a time, each with a bench that it has for itself. */
export async function onBenches<T>(
  items: readonly T[],
  act: (item: T, bench: BenchProcess, number: number) => Promise<void>,
): Promise<void> {
  const queue = items.entries();
  const lanes = Array.from({ length: LANES }, async () => {
    const bench = new BenchProcess();
    try {
      for (const [number, item] of queue) await act(item, bench, number);
    } finally {
      await bench.end();
    }
  });
  await Promise.all(lanes);
}

/** What a server that nothing happens to makes of what is left. */
export interface Recovery {
  readonly problems: readonly string[];
  /** Statements that nobody had acknowledged, and were there all the same. */
  readonly resurrected: number;
  /** Whether it serves what it has, read-only, and says that the store has lost something. */
  readonly isBehind: boolean;
}

/**
 * Starts a server that nothing happens to, and holds it and its files against what is known. Only
 * with `mayBeBehind` may it be read-only.
 */
export async function recover(
  path: string,
  { oracle, bench }: Lane,
  { mayBeBehind = false }: { readonly mayBeBehind?: boolean } = {},
): Promise<Recovery> {
  const started = await bench.start(path);
  if (started.url === undefined) {
    const problems = [`does not start again: ${started.stderr}`];
    return { problems, resurrected: 0, isBehind: false };
  }
  const standing = mayBeBehind ? "stated" : "sound";
  const audit = await oracle.ask("audit", { url: started.url, standing, all: true });
  await bench.stop();
  const report = await bench.fsck(path);
  const isBehind = audit.standing === "behind";
  const judged = isBehind ? missedBy(report) : await oracle.ask("judge", report);
  const said = isBehind && !audit.status.includes("LOG_BEHIND_ANCHOR") ? [audit.status] : [];
  const problems = [...audit.problems, ...judged, ...said];
  return { problems, resurrected: audit.resurrected, isBehind };
}

// A store that has lost something must not pass.
function missedBy({ exit }: FsckReport): readonly string[] {
  return exit === 1 || exit === 2 ? [] : [`fsck: exit ${String(exit)}, the store is behind`];
}
