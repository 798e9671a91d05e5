import { BenchProcess } from "./bench-process.js";
import { OracleProcess } from "./oracle-process.js";
import type { Ground } from "./site.js";

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
}

/** Starts a server that nothing happens to, and holds it and its files against what is known. */
export async function recover(path: string, { oracle, bench }: Lane): Promise<Recovery> {
  const started = await bench.start(path);
  if (started.url === undefined) {
    return {
      problems: [`does not start again: ${started.stderr}`],
      resurrected: 0,
    };
  }
  const audit = await oracle.ask("audit", {
    url: started.url,
    standing: "sound",
    all: true,
  });
  await bench.stop();
  const judged = await oracle.ask("judge", await bench.fsck(path));
  return {
    problems: [...audit.problems, ...judged],
    resurrected: audit.resurrected,
  };
}
