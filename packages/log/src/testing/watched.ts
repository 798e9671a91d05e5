import type { AnchorRecord } from "../anchor.js";
import type { LogError } from "../error.js";
import type { Log } from "../log.js";
import { MemoryAnchor, MemoryStore } from "../memory.js";
import type { Placement } from "../record.js";
import type { LogProblem } from "../report.js";
import { Scrub, type ScrubOptions } from "../scrub.js";
import { appendAll, createLog, key, NOON } from "./bench.js";

/** A log that is open, with what it is kept in. */
export interface Bench {
  readonly store: MemoryStore;
  readonly anchor: MemoryAnchor;
  readonly log: Log;
}

/** Yields a log of the genesis entry and `entries` more. */
export async function bench(entries = 700): Promise<Bench> {
  const store = new MemoryStore();
  const anchor = new MemoryAnchor();
  const log = await createLog(store, { anchor });
  await appendAll(log, 0, 300);
  await appendAll(log, 300, entries);
  return { store, anchor, log };
}

/** Yields the records of an anchor, oldest first. */
export async function recordsOf(anchor: MemoryAnchor): Promise<readonly AnchorRecord[]> {
  const records: AnchorRecord[] = [];
  for await (const record of anchor.records()) records.push(record);
  return records;
}

/** A scrub, and what it told. */
export interface Watched {
  readonly scrub: Scrub;
  readonly problems: LogProblem[];
  readonly failures: LogError[];
  readonly waits: number[];
  /** Resolves when a cycle has come to its pause, or the scrub to its end. */
  readonly cycle: () => Promise<void>;
}

/** Milliseconds between two cycles. */
export const PAUSE = 60_000;

/** A scrub whose waits cost no time and whose pause lasts until the next cycle is asked for. */
export function watch({ store, anchor, log }: Bench, options: Partial<ScrubOptions> = {}): Watched {
  const [problems, failures, waits]: [LogProblem[], LogError[], number[]] = [[], [], []];
  let paused: () => void = () => undefined;
  let resume: () => void = () => undefined;
  const scrub = new Scrub({
    store,
    anchor,
    log,
    key,
    entriesPerSecond: 5000,
    now: () => NOON,
    onProblem: (found) => {
      problems.push(...found);
      paused();
    },
    onFailure: (error) => failures.push(error),
    wait: (ms, signal) => {
      if (ms < PAUSE) {
        waits.push(ms);
        return Promise.resolve();
      }
      paused();
      return new Promise((resolve) => {
        resume = resolve;
        signal.addEventListener("abort", () => {
          resolve();
        });
      });
    },
    ...options,
  });
  const cycle = (): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      paused = resolve;
    });
    scrub.start();
    resume();
    return done;
  };
  return { scrub, problems, failures, waits, cycle };
}

/** Yields the index row of an entry without collateral. */
export function placed(index: number): Placement {
  return { index, collateral: new Uint8Array() };
}

/** Yields what one cycle over these rows finds. */
export async function problemsOf(at: Bench): Promise<readonly LogProblem[]> {
  const { scrub, problems, cycle } = watch(at);
  await cycle();
  await scrub.stop();
  return problems;
}
