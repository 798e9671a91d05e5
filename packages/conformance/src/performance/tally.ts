/** Latencies and outcomes of a load, small enough to be sent from a process to another. */
export interface Tally {
  /** Answers by status, in a batch those of its items; 0 is a connection that broke. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How many of them are 200 or 201. */
  readonly done: number;
  /** Of the requests that went well, in milliseconds, in no order. */
  readonly latenciesMs: readonly number[];
  /** Clock of the machine at the first request and at the last answer, in milliseconds. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  /** The body of the first answer that is no 2xx. */
  readonly refusal?: string;
}

/** What a load came to. */
export interface LoadFigures {
  readonly done: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** The body of an answer that is no 2xx, where there is any. */
  readonly refusal?: string;
}

/** Adds up what several processes report of one load. */
export function figuresOf(tallies: readonly Tally[]): LoadFigures {
  const latencies = Float64Array.from(tallies.flatMap(({ latenciesMs }) => latenciesMs)).sort();
  const began = Math.min(...tallies.map(({ beganAtMs }) => beganAtMs));
  const ended = Math.max(...tallies.map(({ endedAtMs }) => endedAtMs));
  const done = tallies.reduce((sum, tally) => sum + tally.done, 0);
  const seconds = (ended - began) / 1000;
  const refusal = tallies.find((tally) => tally.refusal !== undefined)?.refusal;
  const statuses: Record<string, number> = {};
  for (const tally of tallies) {
    for (const [status, count] of Object.entries(tally.statuses)) {
      statuses[status] = (statuses[status] ?? 0) + count;
    }
  }
  return {
    done,
    perSecond: done / seconds,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    p999Ms: quantile(latencies, 0.999),
    statuses,
    seconds,
    ...(refusal !== undefined && { refusal }),
  };
}

/** Yields a quantile of sorted numbers, by the nearest rank; 0 of none. */
export function quantile(sorted: Float64Array, q: number): number {
  const rank = Math.max(1, Math.ceil(q * sorted.length));
  return sorted[rank - 1] ?? 0;
}

/** Yields the middle one of some numbers; 0 of none. */
export function median(numbers: readonly number[]): number {
  return quantile(Float64Array.from(numbers).sort(), 0.5);
}
