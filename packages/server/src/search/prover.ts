import {
  EMPTY_LIST,
  EMPTY_PART,
  LISTED_BYTES,
  encodeEntries,
  extendList,
  isCommitted,
  joinParts,
  partOf,
  pathIn,
  termKey,
} from "@tallystick/catalog";
import type { CommittedKind, Leaf, ListState, MapPath, Part, Term } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";

import { ServerError } from "../error.js";
import { damaged } from "./damage.js";
import { listedRange, membersBetween } from "./row-keys.js";
import type { CommittedHead, SearchRows } from "./rows.js";
import type { Extent, SearchIndex } from "./search-index.js";

/** Bits of a key by which keys are put into buckets; a bucket's leaves are in memory together. */
const BUCKET_BITS = 12;
const BUCKETS = 2 ** BUCKET_BITS;

/** Keys that are read at a time. */
const CHUNK = 256;

const NONE = new Uint8Array();

/** Most proofs under way: one that is made, and others that wait for it. */
export const MAX_UNDERWAY = 17;

/** Most entries in a list that is proven. */
export const MAX_PROVEN = 65_536;

/** Most bytes of a proof: its list, and room for the head with its receipt, and for the path. */
export const MAX_PROOF_BYTES: number = LISTED_BYTES * MAX_PROVEN + 262_144;

/** The parts of a tree down to its buckets, by depth. */
type Levels = readonly (readonly Part[])[];

/** All entries of a term up to a head, and the way that shows it. */
export interface Proven {
  readonly kind: CommittedKind;
  readonly value: string;
  readonly head: CommittedHead;
  readonly path: MapPath;
  /** As `encodeEntries` writes them. */
  readonly entries: Uint8Array;
}

/**
 * Makes roots and proofs of the verifiable index out of what the search index stores. Memory: 4,096
 * digests, the leaves of one bucket, and one list of 2.5 MiB at most: proofs are made one after the
 * other.
 */
export class IndexProver {
  readonly #index: SearchIndex;
  // Owned by #levelsOf: the tree of one size.
  #kept: { readonly size: number; readonly levels: Promise<Levels> } | undefined;

  // Owned by #inTurn.
  #last: Promise<unknown> = Promise.resolve();
  #underway = 0;

  constructor(index: SearchIndex) {
    this.#index = index;
  }

  /**
   * Yields the root of the index at an extent that it has or had. Reads every key once, and holds how
   * many there are against what was counted.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async root({ size, members }: Extent): Promise<Uint8Array> {
    const { levels, count } = await treeOf(this.#index.rows, size);
    // A term whose row is lost would be left out, and the head that does so is signed.
    if (count !== members) throw damaged("the set of its terms");
    return rootOf(levels);
  }

  /**
   * Yields the root of the index at a size that it has or had.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async rootAt(size: number): Promise<Uint8Array> {
    return rootOf(await this.#levelsOf(size));
  }

  /**
   * Yields all entries of a term up to the newest head, and what shows that they are all.
   *
   * @throws {@link ServerError} `SERVER_HEAD_MISSING`, `SERVER_LIST_TOO_LONG`, `SERVER_BUSY`; LogError
   * `LOG_CORRUPT`, `LOG_UNAVAILABLE`; TypeError for a kind that is not committed to
   */
  async prove({ kind, value }: Term): Promise<Proven> {
    if (!isCommitted(kind)) throw new TypeError(`${kind} is not committed to`);
    const { head, rows } = this.#index;
    if (head === undefined) {
      throw new ServerError("SERVER_HEAD_MISSING", "no head of the index is on the log yet");
    }
    const key = termKey({ kind, value });
    const [state] = await rows.terms([{ kind, key }]);
    const list = (state && (await rows.listAt(state, head.size))) ?? EMPTY_LIST;
    if (list.count > MAX_PROVEN) {
      const message = `it has ${list.count} entries, and ${MAX_PROVEN} are proven at most: replay the log, or search it`;
      throw new ServerError("SERVER_LIST_TOO_LONG", message);
    }
    return this.#inTurn(async () => {
      const levels = await this.#levelsOf(head.size);
      if (encodeHex(rootOf(levels)) !== encodeHex(head.root)) throw damaged("its newest root");
      const path = await pathOf(rows, levels, { key, size: head.size });
      const entries =
        state === undefined || list.count === 0 ? NONE : await entriesOf(rows, state.number, list);
      return { kind, value, head, path, entries };
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#underway >= MAX_UNDERWAY) {
      throw new ServerError("SERVER_BUSY", "too many proofs are asked for at once");
    }
    this.#underway++;
    const done = this.#last.then(act).finally(() => this.#underway--);
    this.#last = done.catch(() => undefined);
    return done;
  }

  #levelsOf(size: number): Promise<Levels> {
    if (this.#kept?.size !== size) {
      const levels = treeOf(this.#index.rows, size).then((tree) => tree.levels);
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

async function treeOf(
  rows: SearchRows,
  size: number,
): Promise<{ readonly levels: Levels; readonly count: number }> {
  let count = 0;
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
    count++;
  }
  close();
  const levels: (readonly Part[])[] = [buckets];
  for (let parts: readonly Part[] = buckets; parts.length > 1;) {
    parts = Array.from({ length: parts.length / 2 }, (_, i) =>
      joinParts(parts[2 * i] ?? EMPTY_PART, parts[2 * i + 1] ?? EMPTY_PART),
    );
    levels.unshift(parts);
  }
  return { levels, count };
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
  for await (const key of rows.members(membersBetween(from << shift, before << shift))) {
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
  // A key is a digest over its kind as well, so either kind that is committed to will do here.
  const states = await rows.terms(keys.map((key) => ({ kind: "issuer", key })));
  const leaves: Leaf[] = [];
  for (const [i, key] of keys.entries()) {
    const state = states[i];
    if (state === undefined) throw damaged("a term");
    // A term that came since is left out.
    const list = await rows.listAt(state, size);
    if (list !== undefined) leaves.push({ key, list });
  }
  return leaves;
}

/** Yields the first entries of the list with a number, as many as it counts, once they chain to it. */
async function entriesOf(
  rows: SearchRows,
  number: number,
  { count, digest }: ListState,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(LISTED_BYTES * count);
  let state = EMPTY_LIST;
  let chunk: number[] = [];
  const flush = async (): Promise<void> => {
    const entries = await rows.entries(chunk);
    bytes.set(encodeEntries(entries), LISTED_BYTES * state.count);
    state = entries.reduce(extendList, state);
    chunk = [];
  };
  const range = { ...listedRange(number, 0, Number.MAX_SAFE_INTEGER), limit: count };
  for await (const index of rows.listed(range)) {
    chunk.push(index);
    if (chunk.length === CHUNK) await flush();
  }
  await flush();
  // The keys of a list have no checksum: what stands there is held against the chain.
  const isWhole = state.count === count && encodeHex(state.digest) === encodeHex(digest);
  if (!isWhole) throw damaged("the entries of a list");
  return bytes;
}

function bucketOf(key: Uint8Array): number {
  return (((key[0] ?? 0) << 8) | (key[1] ?? 0)) >> (16 - BUCKET_BITS);
}
