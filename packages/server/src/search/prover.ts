import { EMPTY_PART, isCommitted, joinParts, partOf, pathIn, termKey } from "@tallystick/catalog";
import type { CommittedKind, Leaf, ListedEntry, MapPath, Part, Term } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";

import { ServerError } from "../error.js";
import { damaged, listedRange, membersBetween } from "./rows.js";
import type { CommittedHead, SearchRows } from "./rows.js";
import type { SearchIndex } from "./search-index.js";

/** Bits of a key by which keys are put into buckets; a bucket's leaves are in memory together. */
const BUCKET_BITS = 12;
const BUCKETS = 2 ** BUCKET_BITS;

/** Keys that are read at a time. */
const CHUNK = 256;

/** Most entries in a list that is proven. */
export const MAX_PROVEN = 65_536;

/** The parts of a tree down to its buckets, by depth. */
type Levels = readonly (readonly Part[])[];

/** All entries of a term up to a head, and the way that shows it. */
export interface Proven {
  readonly kind: CommittedKind;
  readonly value: string;
  readonly head: CommittedHead;
  readonly path: MapPath;
  readonly entries: readonly ListedEntry[];
}

/**
 * Makes roots and proofs of the verifiable index out of what the search index stores. Memory: 4,096
 * digests, and the leaves of one bucket.
 */
export class IndexProver {
  readonly #index: SearchIndex;
  // Owned by #levelsOf: the tree of one size.
  #kept: { readonly size: number; readonly levels: Promise<Levels> } | undefined;

  constructor(index: SearchIndex) {
    this.#index = index;
  }

  /**
   * Yields the root of the index over the first `size` entries, which have to be in it. Reads every
   * key once.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async root(size: number): Promise<Uint8Array> {
    return rootOf(await levelsOf(this.#index.rows, size));
  }

  /**
   * Yields all entries of a term up to the newest head, and what shows that they are all.
   *
   * @throws {@link ServerError} `SERVER_HEAD_MISSING`, `SERVER_LIST_TOO_LONG`; LogError `LOG_CORRUPT`,
   * `LOG_UNAVAILABLE`; TypeError for a kind that is not committed to
   */
  async prove({ kind, value }: Term): Promise<Proven> {
    if (!isCommitted(kind)) throw new TypeError(`${kind} is not committed to`);
    const { head, rows } = this.#index;
    if (head === undefined) {
      throw new ServerError("SERVER_HEAD_MISSING", "no head of the index is on the log yet");
    }
    const key = termKey({ kind, value });
    const entries = await entriesOf(rows, key, head.size);
    const levels = await this.#levelsOf(head.size);
    if (encodeHex(rootOf(levels)) !== encodeHex(head.root)) throw damaged("its newest root");
    return {
      kind,
      value,
      head,
      path: await pathOf(rows, levels, { key, size: head.size }),
      entries,
    };
  }

  #levelsOf(size: number): Promise<Levels> {
    if (this.#kept?.size !== size) {
      const levels = levelsOf(this.#index.rows, size);
      this.#kept = { size, levels };
      levels.catch(() => {
        this.#kept = undefined;
      });
    }
    return this.#kept.levels;
  }
}

function rootOf(levels: Levels): Uint8Array {
  return levels[0]?.[0]?.digest ?? EMPTY_PART.digest;
}

async function levelsOf(rows: SearchRows, size: number): Promise<Levels> {
  const buckets: Part[] = Array.from({ length: BUCKETS }, () => EMPTY_PART);
  let [bucket, leaves]: [number, Leaf[]] = [0, []];
  const close = (): void => {
    buckets[bucket] = partOf(leaves, BUCKET_BITS);
    leaves = [];
  };
  for await (const leaf of leavesIn(rows, { from: 0, before: BUCKETS, size })) {
    const next = bucketOf(leaf.key);
    if (next !== bucket) close();
    bucket = next;
    leaves.push(leaf);
  }
  close();
  const levels: (readonly Part[])[] = [buckets];
  for (let parts: readonly Part[] = buckets; parts.length > 1;) {
    parts = Array.from({ length: parts.length / 2 }, (_, i) =>
      joinParts(parts[2 * i] ?? EMPTY_PART, parts[2 * i + 1] ?? EMPTY_PART),
    );
    levels.unshift(parts);
  }
  return levels;
}

async function pathOf(
  rows: SearchRows,
  levels: Levels,
  { key, size }: { readonly key: Uint8Array; readonly size: number },
): Promise<MapPath> {
  const bucket = bucketOf(key);
  const siblings: Uint8Array[] = [];
  for (let depth = 0; depth < BUCKET_BITS; depth++) {
    const at = bucket >> (BUCKET_BITS - depth);
    const part = levels[depth]?.[at] ?? EMPTY_PART;
    if (part.weight < 2) return { siblings, end: part.leaf };
    const beside = (bucket >> (BUCKET_BITS - depth - 1)) ^ 1;
    siblings.push((levels[depth + 1]?.[beside] ?? EMPTY_PART).digest);
  }
  const leaves: Leaf[] = [];
  const range = { from: bucket, before: bucket + 1, size };
  for await (const leaf of leavesIn(rows, range)) leaves.push(leaf);
  const below = pathIn(leaves, key, BUCKET_BITS);
  return { siblings: [...siblings, ...below.siblings], end: below.end };
}

interface BucketRange {
  readonly from: number;
  readonly before: number;
  readonly size: number;
}

/** Yields the leaves of buckets in the order of their keys, as they were at a size. */
async function* leavesIn(
  rows: SearchRows,
  { from, before, size }: BucketRange,
): AsyncGenerator<Leaf, void, undefined> {
  const shift = 16 - BUCKET_BITS;
  let chunk: Uint8Array[] = [];
  for await (const key of rows.terms(membersBetween(from << shift, before << shift))) {
    chunk.push(key);
    if (chunk.length < CHUNK) continue;
    yield* await leavesOf(rows, chunk, size);
    chunk = [];
  }
  yield* await leavesOf(rows, chunk, size);
}

async function leavesOf(
  rows: SearchRows,
  keys: readonly Uint8Array[],
  size: number,
): Promise<readonly Leaf[]> {
  const states = await rows.keys(keys);
  const leaves: Leaf[] = [];
  for (const [i, key] of keys.entries()) {
    const state = states[i];
    if (state === undefined) throw damaged("a term");
    // What grew since is looked up as it was; a term that came since is left out.
    const list = state.index < size ? state.list : await listAt(rows, key, size);
    if (list !== undefined) leaves.push({ key, list });
  }
  return leaves;
}

async function listAt(
  rows: SearchRows,
  key: Uint8Array,
  size: number,
): Promise<Leaf["list"] | undefined> {
  const newest = { ...listedRange(key, 0, size), isReversed: true, limit: 1 };
  for await (const index of rows.listed(newest)) {
    const [row] = await rows.listedRows(key, [index]);
    return row?.list;
  }
  return undefined;
}

async function entriesOf(
  rows: SearchRows,
  key: Uint8Array,
  size: number,
): Promise<readonly ListedEntry[]> {
  const indexes: number[] = [];
  const range = { ...listedRange(key, 0, size), limit: MAX_PROVEN + 1 };
  for await (const index of rows.listed(range)) indexes.push(index);
  if (indexes.length > MAX_PROVEN) {
    const message = `it has more than ${MAX_PROVEN} entries: replay the log, or search it`;
    throw new ServerError("SERVER_LIST_TOO_LONG", message);
  }
  const entries: ListedEntry[] = [];
  for (let at = 0; at < indexes.length; at += CHUNK) {
    const chunk = indexes.slice(at, at + CHUNK);
    const found = await rows.listedRows(key, chunk);
    chunk.forEach((index, i) => {
      const row = found[i];
      if (row !== undefined) entries.push({ index, entry: row.entry });
    });
  }
  return entries;
}

function bucketOf(key: Uint8Array): number {
  return (((key[0] ?? 0) << 8) | (key[1] ?? 0)) >> (16 - BUCKET_BITS);
}
