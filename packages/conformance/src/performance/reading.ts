import { createHash } from "node:crypto";

import { decodeFirst } from "cborg";

import { writeFrames } from "./frames.js";
import { measureExchange } from "./limit.js";
import { putLoad } from "./load.js";
import type { BenchOptions } from "./options.js";
import type { LoadFigures } from "./tally.js";

/** How fast a log is read. */
export interface ReadFigures {
  /** Receipts for entries from all over the log. */
  readonly receipts: LoadFigures;
  readonly receiptBytes: number;
  /** Exchanges in a second of a bare server that answers as many bytes. */
  readonly exchangesPerSecond: number;
  /** Tiles, where the server has any. */
  readonly tiles?: LoadFigures;
  /** Entries in a second, read in bundles as an auditor does. */
  readonly replayedPerSecond: number;
}

/** What is read, and where the lists of paths may lie. */
export interface Readable {
  readonly url: string;
  readonly size: number;
  /** Prefix of the files. */
  readonly at: string;
  readonly options: BenchOptions;
}

const BUNDLE = 256;
const MOST_BUNDLES = 20;
const REPLAYS_AT_ONCE = 4;

/** Measures reads of entries that lie all over the log. */
export async function measureReading(from: Readable): Promise<ReadFigures> {
  const { url, at, options } = from;
  const paths = await receiptPaths(from);
  const load = { url, path: "", atOnce: options.concurrency };
  const timed = { isRepeated: true, forMs: options.seconds * 1000 } as const;
  const files = { receipts: `${at}.receipts`, tiles: `${at}.tiles` };
  writePaths(files.receipts, paths);
  const receipts = await putLoad({ ...load, ...timed, paths: files.receipts });
  const receiptBytes = await lengthOf(`${url}${paths[0] ?? ""}`);
  const { perSecond: exchangesPerSecond } = await measureExchange({
    ...{ answerBytes: receiptBytes, atOnce: options.concurrency, forMs: options.limitMs },
    paths: files.receipts,
  });
  const read = { receipts, receiptBytes, exchangesPerSecond };
  const replayedPerSecond = await replayRate(from);
  const tiles = await tilePaths(from);
  if (tiles.length === 0) return { ...read, replayedPerSecond };
  writePaths(files.tiles, tiles);
  return {
    ...read,
    tiles: await putLoad({ ...load, ...timed, paths: files.tiles }),
    replayedPerSecond,
  };
}

function writePaths(file: string, paths: readonly string[]): void {
  writeFrames(
    file,
    paths.map((path) => new TextEncoder().encode(path)),
  );
}

// Entries are named by the digests of their statements, in an order that has nothing to do with theirs.
async function receiptPaths({ url, size }: Readable): Promise<readonly string[]> {
  const bundles = Math.ceil(size / BUNDLE);
  const step = Math.max(1, Math.floor(bundles / MOST_BUNDLES));
  const paths: string[] = [];
  for (let n = 0; n < bundles; n += step) {
    const answer = await fetch(`${url}/replay/entries/${n}`);
    let rest: Uint8Array = new Uint8Array(await answer.arrayBuffer());
    while (rest.length > 0) {
      const [[statement], after] = decodeFirst(rest) as [readonly [Uint8Array], Uint8Array];
      paths.push(`/entries/${createHash("sha256").update(statement).digest("hex")}`);
      rest = after;
    }
  }
  return paths.sort();
}

// The full tiles at the bottom, as C2SP tlog-tiles names them.
async function tilePaths({ url, size }: Readable): Promise<readonly string[]> {
  const full = Math.floor(size / BUNDLE);
  const { ok } = await fetch(`${url}/tile/0/000`);
  if (!ok) return [];
  const count = Math.min(full, MOST_BUNDLES * BUNDLE);
  return Array.from(
    { length: count },
    (_, i) => `/tile/0/${tileNumber(Math.floor((i * full) / count))}`,
  );
}

/** Formats the number of a tile: groups of three digits, all but the last after an `x`. */
export function tileNumber(n: number): string {
  const last = String(n % 1000).padStart(3, "0");
  return n < 1000 ? last : `${tileNumber(Math.floor(n / 1000)).replace(/(\d{3})$/, "x$1")}/${last}`;
}

async function lengthOf(url: string): Promise<number> {
  return (await (await fetch(url)).arrayBuffer()).byteLength;
}

// Every answer but the last is of full bundles, so entries are counted by bundles.
async function replayRate({ url, size, options }: Readable): Promise<number> {
  const bundles = Math.max(1, Math.floor(size / BUNDLE));
  const began = performance.now();
  const endsAt = began + options.seconds * 1000;
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endsAt) {
      await lengthOf(`${url}/replay/entries/${next++ % bundles}`);
      done++;
    }
  };
  await Promise.all(Array.from({ length: REPLAYS_AT_ONCE }, lane));
  const entries = done * Math.min(BUNDLE, size);
  return (entries * 1000) / (performance.now() - began);
}
