import { availableParallelism, tmpdir } from "node:os";
import { parseArgs } from "node:util";

/** What a bench is asked for. */
export interface BenchOptions {
  /** Names of the parts to run; all of them where it is empty. */
  readonly only: readonly string[];
  /** Whether the run is to show that everything works, and no more. */
  readonly isQuick: boolean;
  /** How long each load lasts. */
  readonly seconds: number;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Statements in one request to the batch endpoint. */
  readonly perBatch: number;
  /** Tree sizes that registration is compared at, ascending. */
  readonly sizes: readonly number[];
  /** Turns that the sizes take, and restarts of each. */
  readonly rounds: number;
  /** Signatures verified, and exchanges made, for one measure of the limit, in milliseconds. */
  readonly limitMs: number;
  /** Minutes of the soak; 0 for none. */
  readonly soakMinutes: number;
  /** Where the JSON goes. */
  readonly json?: string;
  /** Where the fresh data directories are made. */
  readonly parent: string;
  /** Options for `tally serve`. */
  readonly serve: readonly string[];
  /** The program that appends entries to a closed log fast. */
  readonly loader?: string;
  /** Processes that verify side by side, for V and for what is verified offline. */
  readonly cores: number;
}

/** How to call it. */
export const USAGE = `npm run bench -- [options]

  --only NAME        run this part alone; may be given several times (--list names them)
  --list             name the parts
  --seconds N        how long each load lasts (5)
  --concurrency N    requests under way at once (64)
  --per-batch N      statements in a request to the batch endpoint (1000)
  --large            compare tree sizes up to 10^7, not 10^6
  --sizes N,N        compare these tree sizes
  --quick            see that everything works; the figures mean nothing
  --soak MINUTES     put load on the service that long and show its memory; nothing else
  --json FILE        write everything measured there
  --dir DIR          make the data directories there (the system's temporary directory)
  --serve="OPTIONS"  options for tally serve
  --loader FILE      the program that fills a log (packages/log/dist/testing/loader-main.js)`;

const FULL = { seconds: 5, rounds: 3, limitMs: 2000, perBatch: 1000 };
const QUICK = { seconds: 0.3, rounds: 1, limitMs: 100, perBatch: 50 };

/**
 * Reads the command line.
 *
 * @throws TypeError for options that there are not, or that mean nothing
 */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", multiple: true, default: [] },
      seconds: { type: "string" },
      concurrency: { type: "string", default: "64" },
      "per-batch": { type: "string" },
      sizes: { type: "string" },
      large: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      soak: { type: "string", default: "0" },
      json: { type: "string" },
      dir: { type: "string", default: tmpdir() },
      serve: { type: "string", default: "" },
      loader: { type: "string" },
    },
  });
  const basis = values.quick ? QUICK : FULL;
  const { only, json, loader, large, quick } = values;
  const usual = quick ? "" : large ? "10000,1000000,10000000" : "10000,1000000";
  const sizes = (values.sizes ?? usual).split(",").filter((size) => size !== "");
  return {
    only,
    isQuick: quick,
    seconds: numberOf("--seconds", values.seconds ?? String(basis.seconds)),
    concurrency: numberOf("--concurrency", values.concurrency),
    perBatch: numberOf("--per-batch", values["per-batch"] ?? String(basis.perBatch)),
    sizes: sizes.map((size) => numberOf("--sizes", size)),
    rounds: basis.rounds,
    limitMs: basis.limitMs,
    soakMinutes: values.soak === "0" ? 0 : numberOf("--soak", values.soak),
    ...(json !== undefined && { json }),
    parent: values.dir,
    serve: values.serve.split(" ").filter((option) => option !== ""),
    ...(loader !== undefined && { loader }),
    cores: quick ? 1 : availableParallelism(),
  };
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (text !== "" && Number.isFinite(number) && number > 0) return number;
  throw new TypeError(`${option}: want a number above 0, not "${text}"`);
}
