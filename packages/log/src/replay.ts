import { decodeBundle, rootFromNodes, rootNodes, TILE_WIDTH } from "@tallystick/merkle";
import { chainDigest, type ChainLink, type Checkpoint } from "@tallystick/receipt";

import { LogError, toLogError } from "./error.js";
import {
  bodyKey,
  bundleKey,
  checkpointKey,
  controlKey,
  digestKey,
  formatKey,
  HEAD_KEY,
  isEqual,
  numberOfKey,
} from "./layout.js";
import type { RowSource } from "./pinned.js";
import type { Prover } from "./prover.js";
import { bundleWidth, requireIndex } from "./range.js";
import { Reader, requireBody } from "./reader.js";
import { decodeChainLink, decodeControl, decodeHead, decodePlacement } from "./record.js";
import { decodeStated } from "./stated.js";
import type { KeyRange, Store } from "./store.js";
import type { View } from "./view.js";

/** An entry with all that its admission was decided by. */
export interface ReplayEntry {
  /** The body: the normalised statement. */
  readonly statement: Uint8Array;
  readonly collateral: Uint8Array;
}

/** A control entry, with where it stands. */
export interface ReplayControl extends ReplayEntry {
  readonly index: number;
  readonly entry: Uint8Array;
}

/** Where a replay ends. */
export interface ReplayHead {
  readonly size: number;
  /** The chain record of its checkpoint. */
  readonly record: Uint8Array;
}

/** The rows that a replay is made of, as of one size. */
export interface ReplayRows {
  readonly size: number;
  payloads(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  keys: RowSource["keys"];
  /** Yields the entries of a bundle that the size reaches, maybe more of them than it covers. */
  bundle(index: number): Promise<readonly Uint8Array[]>;
  /** Refuses a checkpoint of another tree. */
  requireRoot(checkpoint: Checkpoint): Promise<void>;
  /** Refuses a link that is not to the signed checkpoint of its size. */
  requireSigned(size: number, link: ChainLink): Promise<void>;
}

/**
 * A log from its first entry to one checkpoint, in bundles of 256 entries, for whoever recomputes it.
 * What is appended meanwhile does not show.
 */
export class LogReplay {
  readonly #rows: ReplayRows;

  constructor(rows: ReplayRows) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Yields whether all 256 entries of a bundle are there, so that it never changes again. */
  isFull(bundle: number): boolean {
    return this.size >= (bundle + 1) * TILE_WIDTH;
  }

  /**
   * Yields where the replay ends.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async newest(): Promise<ReplayHead> {
    return { size: this.size, record: await this.checkpoint(this.size) };
  }

  /**
   * Yields the chain record of the kept checkpoint of a size.
   *
   * @throws {@link LogError} `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async checkpoint(size: number): Promise<Uint8Array> {
    const isSize = Number.isSafeInteger(size) && size >= 1 && size <= this.size;
    const [record] = isSize ? await this.#rows.payloads([checkpointKey(size)]) : [];
    if (record === undefined) {
      throw new LogError("LOG_SIZE_UNKNOWN", `no checkpoint of size ${size}`);
    }
    await this.#rows.requireSigned(size, decodeChainLink(record));
    return record.slice();
  }

  /**
   * Yields the entry at an index.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async entryAt(index: number): Promise<Uint8Array> {
    requireIndex(index, this.size);
    const bundle = Math.floor(index / TILE_WIDTH);
    const entry = (await this.#rows.bundle(bundle))[index % TILE_WIDTH];
    if (entry !== undefined) return entry.slice();
    throw new LogError("LOG_CORRUPT", `${formatKey(bundleKey(bundle))} lacks entries`);
  }

  /**
   * Yields the entries of a bundle in their order, one after the other, each body hashed (I5): those
   * from an index on, all unless given. At most one body is held at a time, and none is read before.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async *entries(bundle: number, from = 0): AsyncGenerator<ReplayEntry, void, undefined> {
    let index = Math.max(from, bundle * TILE_WIDTH);
    for (const entry of await this.digests(bundle, from)) yield await this.read(entry, index++);
  }

  /**
   * Yields the digests of the entries of a bundle in their order: those from an index on, all unless
   * given.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async digests(bundle: number, from = 0): Promise<readonly Uint8Array[]> {
    const width = bundleWidth(bundle, this.size);
    const entries = await this.#rows.bundle(bundle);
    if (entries.length < width) {
      throw new LogError("LOG_CORRUPT", `${formatKey(bundleKey(bundle))} lacks entries`);
    }
    return entries.slice(Math.max(0, from - bundle * TILE_WIDTH), width);
  }

  /**
   * Yields the chain records of the kept checkpoints whose newest entry is in a bundle, oldest first:
   * those of the sizes 256·n + 1 to 256·n + 256, above a size where one is given. There may be none.
   *
   * Each belongs to this tree and follows the one before it; the signatures are for the reader to
   * verify.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async *checkpoints(bundle: number, above = 0): AsyncGenerator<Uint8Array, void, undefined> {
    const first = bundle * TILE_WIDTH;
    const last = first + bundleWidth(bundle, this.size);
    let before: { readonly size: number; readonly record: Uint8Array } | undefined;
    const range = {
      from: checkpointKey(Math.max(first, above) + 1),
      before: checkpointKey(last + 1),
    };
    for (const size of above < last ? await this.#numbers(range) : []) {
      const record = await this.#record(size, before);
      yield record;
      before = { size, record };
    }
  }

  /**
   * Yields the control entries from an index on, oldest first, each at its place in the tree and chained
   * to the one before.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async *controls(from = 0): AsyncGenerator<ReplayControl, void, undefined> {
    const range = { from: controlKey(from), before: controlKey(this.size) };
    let before: number | undefined;
    for (const index of await this.#numbers(range)) {
      const key = controlKey(index);
      const [payload] = await this.#rows.payloads([key]);
      if (payload === undefined) throw new LogError("LOG_CORRUPT", `${formatKey(key)} is missing`);
      const { entry, previousIndex } = decodeControl(payload);
      const bundle = await this.#rows.bundle(Math.floor(index / TILE_WIDTH));
      const logged = bundle[index % TILE_WIDTH];
      if (logged === undefined || !isEqual(logged, entry)) {
        throw new LogError("LOG_CORRUPT", `${formatKey(key)} is not the entry logged there`);
      }
      if (before !== undefined && previousIndex !== before) {
        throw new LogError("LOG_CORRUPT", `${formatKey(key)} does not follow ${before}`);
      }
      yield { index, entry, ...(await this.read(entry, index)) };
      before = index;
    }
  }

  /**
   * Yields the entry of a digest of {@link LogReplay.digests}, which stands at an index; its body is
   * hashed (I5).
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async read(entry: Uint8Array, index: number): Promise<ReplayEntry> {
    const key = digestKey(entry);
    const [placed, body] = await this.#rows.payloads([key, bodyKey(index)]);
    if (placed === undefined) throw new LogError("LOG_CORRUPT", `${formatKey(key)} is missing`);
    const placement = decodePlacement(placed);
    if (placement.index !== index) {
      throw new LogError("LOG_CORRUPT", `entry ${index} is indexed as ${placement.index}`);
    }
    const statement = requireBody(body, { entry, index });
    return { statement, collateral: placement.collateral };
  }

  async #numbers(range: KeyRange): Promise<readonly number[]> {
    const numbers: number[] = [];
    try {
      for await (const key of this.#rows.keys(range)) numbers.push(numberOfKey(key));
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
    return numbers;
  }

  async #record(
    size: number,
    before: { readonly size: number; readonly record: Uint8Array } | undefined,
  ): Promise<Uint8Array> {
    const key = checkpointKey(size);
    const [payload] = await this.#rows.payloads([key]);
    if (payload === undefined) throw new LogError("LOG_CORRUPT", `${formatKey(key)} is missing`);
    const link = decodeChainLink(payload);
    const stated = statedIn(link, formatKey(key));
    if (stated.size !== size) {
      throw new LogError("LOG_CORRUPT", `${formatKey(key)} states the size ${stated.size}`);
    }
    await this.#rows.requireRoot(stated);
    if (before !== undefined) requireFollows(link, before, formatKey(key));
    return payload.slice();
  }
}

/**
 * Yields a replay of what a store holds, without the checks at boot and without a key: for a reader
 * who trusts nothing and recomputes everything, of a log that nobody writes meanwhile. It ends at the
 * checkpoint that the head names. The store stays open.
 *
 * Rows are held against their checksums, and bodies against their entries; the tree is not.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND` without a head, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function replayLog(store: Store): Promise<LogReplay> {
  const reader = new Reader(store);
  const [payload] = await reader.payloads([HEAD_KEY]);
  if (payload === undefined) throw new LogError("LOG_NOT_FOUND", "the store has no head");
  const { size } = statedIn(decodeHead(payload), "head");
  return new LogReplay({
    size,
    payloads: (keys) => reader.payloads(keys),
    keys: (range) => store.keys(range),
    bundle: async (index) => {
      const [bundle] = await reader.payloads([bundleKey(index)]);
      return entriesIn(bundle, formatKey(bundleKey(index)));
    },
    requireRoot: () => Promise.resolve(),
    requireSigned: () => Promise.resolve(),
  });
}

interface Proving {
  readonly reader: Reader;
  readonly prover: Prover;
  readonly view: View;
}

/** Yields the rows of a view, held against its signed root before they are handed on (I5). */
export function provenRows({ reader, prover, view }: Proving): ReplayRows {
  return {
    size: view.size,
    payloads: (keys) => reader.payloads(keys),
    keys: (range) => reader.keys(range),
    bundle: (index) => reader.bundle(view, index),
    requireRoot: async ({ size, root }) => {
      const hashes = await reader.nodes(view, rootNodes(size));
      if (isEqual(root, rootFromNodes(size, hashes))) return;
      throw new LogError("LOG_CORRUPT", `${formatKey(checkpointKey(size))} is not of this tree`);
    },
    requireSigned: async (size, { checkpoint }) => {
      const signed = await prover.checkpoint(view, size);
      if (isEqual(signed.encode(), checkpoint)) return;
      throw new LogError("LOG_CORRUPT", `${formatKey(checkpointKey(size))} is another checkpoint`);
    },
  };
}

function entriesIn(payload: Uint8Array | undefined, name: string): readonly Uint8Array[] {
  if (payload === undefined) throw new LogError("LOG_CORRUPT", `${name} is missing`);
  try {
    return decodeBundle(payload);
  } catch (error) {
    throw toLogError(error, "LOG_CORRUPT", name);
  }
}

function statedIn({ checkpoint }: Pick<ChainLink, "checkpoint">, name: string): Checkpoint {
  try {
    return decodeStated(checkpoint);
  } catch (error) {
    throw toLogError(error, "LOG_CORRUPT", name);
  }
}

function requireFollows(
  { previousDigest, previousSize }: ChainLink,
  before: { readonly size: number; readonly record: Uint8Array },
  name: string,
): void {
  if (previousSize === before.size && isEqual(previousDigest, chainDigest(before.record))) return;
  throw new LogError("LOG_CORRUPT", `${name} does not follow ${before.size}`);
}
