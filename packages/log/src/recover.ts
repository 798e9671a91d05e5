import type { PublicKey } from "@tallystick/cose";
import { decodeBundle, leafHash, MerkleError, sha256, TILE_WIDTH } from "@tallystick/merkle";
import { ReceiptError, SignedCheckpoint } from "@tallystick/receipt";

import { Edge, edgeTiles } from "./edge.js";
import { LogError, toLogError } from "./error.js";
import { requireKey } from "./guard.js";
import {
  ALL_KEYS,
  bodyKey,
  bundleKey,
  checkpointKey,
  concat,
  controlKey,
  digestKey,
  formatKey,
  HEAD_KEY,
  isEqual,
  KIND,
  type Kind,
  META_KEY,
  openRow,
  rangeFrom,
  tileKey,
} from "./layout.js";
import { Recount } from "./recount.js";
import {
  chainDigest,
  decodeChainLink,
  decodeControl,
  decodeHead,
  decodeMeta,
  decodePlacement,
  type Head,
  type Meta,
} from "./record.js";
import type { Store } from "./store.js";
import { splitHashes } from "./tile.js";
import { View } from "./view.js";
import type { ChainEnd, WriterState } from "./writer.js";

/** Who the caller believes the log to be, and when it is. */
export interface Expectation {
  readonly issuer: string;
  readonly origin: string;
  readonly key: PublicKey;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** A log that passed every check at boot. */
export interface Recovered {
  readonly meta: Meta;
  readonly epoch: number;
  readonly state: WriterState & { readonly view: View };
}

// Bodies of the last bundle are read this many at a time; each may be as large as the caller allows.
const BODIES_AT_ONCE = 32;

/**
 * Yields the state that the store holds, or refuses; it never repairs. Costs the same whatever the
 * size of the log.
 *
 * The anchor file is compared with the head between the second and the third step, and the walk
 * back over the reach of the write-ahead log follows the last.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_SCHEMA_UNSUPPORTED`, `LOG_KEY_MISMATCH`,
 * `LOG_CLOCK_BACKWARD`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function recover(store: Store, expected: Expectation): Promise<Recovered> {
  const rows = new Rows(store);
  const meta = await recoverMeta(rows, expected);
  const { head, signed } = await recoverHead(rows, meta, expected);
  const { size } = signed.checkpoint;
  const { edge, last } = await recoverEdge(rows, size);
  const recount = recountEdge(edge);
  requireRoot(signed, edge.root());
  requireRoot(signed, recount.root(edge.bundle.map(leafHash)));
  await checkLastBundle(rows, size, last);
  const chain = await recoverChain(rows, signed);
  const control = await recoverControl(rows, head.control, size);
  await rows.requireNone(KIND.bundle, bundleKey(Math.ceil(size / TILE_WIDTH)));
  return {
    meta,
    epoch: head.epoch,
    state: { view: new View({ signed, edge, control }), recount, chain },
  };
}

/** Yields whether the store holds any row at all. */
export async function isEmpty(store: Store): Promise<boolean> {
  try {
    for await (const key of store.keys({ ...ALL_KEYS, limit: 1 })) return key.length < 0;
    return true;
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
  }
}

/** Reads rows that must be there. */
class Rows {
  readonly store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  async find(key: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      const value = await this.store.get(key);
      return value === undefined ? undefined : openRow({ key, value });
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }

  async require(key: Uint8Array): Promise<Uint8Array> {
    const payload = await this.find(key);
    if (payload === undefined) throw corrupt(`${formatKey(key)} is missing`);
    return payload;
  }

  async requireMany(keys: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    try {
      const values = await this.store.getMany(keys);
      return keys.map((key, i) => {
        const value = values[i];
        if (value === undefined) throw corrupt(`${formatKey(key)} is missing`);
        return openRow({ key, value });
      });
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }

  /** A row beyond the head shows that the head is older than what was once written (I8). */
  async requireNone(kind: Kind, from: Uint8Array): Promise<void> {
    try {
      for await (const key of this.store.keys({ ...rangeFrom(kind, from), limit: 1 })) {
        throw corrupt(`${formatKey(key)} lies beyond the head`);
      }
    } catch (error) {
      throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
    }
  }
}

async function recoverMeta(rows: Rows, { issuer, origin, key }: Expectation): Promise<Meta> {
  const payload = await rows.find(META_KEY);
  if (payload === undefined) {
    if (await isEmpty(rows.store)) throw new LogError("LOG_NOT_FOUND", "the store is empty");
    throw corrupt("meta is missing");
  }
  const meta = decodeMeta(payload);
  if (meta.issuer !== issuer || meta.origin !== origin) {
    throw new LogError("LOG_KEY_MISMATCH", "the log has another issuer or origin");
  }
  requireKey(meta, key);
  return meta;
}

async function recoverHead(
  rows: Rows,
  meta: Meta,
  { key, now }: Expectation,
): Promise<{ readonly head: Head; readonly signed: SignedCheckpoint }> {
  const head = decodeHead(await rows.require(HEAD_KEY));
  const signed = await verifyCheckpoint(head.checkpoint, key);
  const { issuer, origin, time } = signed.checkpoint;
  if (issuer !== meta.issuer || origin !== meta.origin) throw corrupt("head is of another log");
  if (now < time) {
    // I6: a checkpoint must not be older than the one before it.
    throw new LogError("LOG_CLOCK_BACKWARD", `the clock reads ${now}, the head says ${time}`);
  }
  return { head, signed };
}

async function verifyCheckpoint(encoded: Uint8Array, key: PublicKey): Promise<SignedCheckpoint> {
  try {
    return await SignedCheckpoint.verify(encoded, key);
  } catch (error) {
    if (!(error instanceof ReceiptError)) throw error;
    throw new LogError("LOG_CORRUPT", `head: ${error.message}`, { cause: error });
  }
}

interface RecoveredEdge {
  readonly edge: Edge;
  /** Entries of the last bundle, partial or full. */
  readonly last: readonly Uint8Array[];
}

async function recoverEdge(rows: Rows, size: number): Promise<RecoveredEdge> {
  const lastIndex = Math.floor((size - 1) / TILE_WIDTH);
  const partial = edgeTiles(size);
  const leaves = { level: 0, index: lastIndex };
  const [bundlePayload, leavesPayload, ...tilePayloads] = await rows.requireMany([
    bundleKey(lastIndex),
    tileKey(leaves),
    ...partial.map(tileKey),
  ]);
  const last = decodeEntries(bundlePayload);
  const lastWidth = ((size - 1) % TILE_WIDTH) + 1;
  if (last.length !== lastWidth) {
    throw corrupt(`last bundle of width ${last.length}, want ${lastWidth}`);
  }
  if (leavesPayload === undefined || !isEqual(leavesPayload, concat(...last.map(leafHash)))) {
    throw corrupt("the last bundle does not hash to its tile");
  }
  const tiles: (readonly Uint8Array[])[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / TILE_WIDTH)) tiles.push([]);
  partial.forEach(({ level, width }, i) => {
    const hashes = splitHashes(tilePayloads[i] ?? new Uint8Array());
    if (hashes.length !== width)
      throw corrupt(`edge tile of width ${hashes.length}, want ${width}`);
    tiles[level] = hashes;
  });
  const bundle = lastWidth === TILE_WIDTH ? [] : last;
  return { edge: Edge.from({ size, bundle, tiles }), last };
}

function decodeEntries(payload: Uint8Array | undefined): readonly Uint8Array[] {
  try {
    return decodeBundle(payload ?? new Uint8Array());
  } catch (error) {
    if (!(error instanceof MerkleError)) throw error;
    throw new LogError("LOG_CORRUPT", `last bundle: ${error.message}`, { cause: error });
  }
}

// What covers the full bundles stands in the tiles above the leaves, which are the same at both sizes.
function recountEdge({ size, tiles }: Edge): Recount {
  const bundles = Math.floor(size / TILE_WIDTH);
  const covered = Edge.from({ size: bundles * TILE_WIDTH, bundle: [], tiles });
  return Recount.seed(bundles, covered.nodes().hashes());
}

// D7: what is stored has to hash to the last signed root.
function requireRoot(signed: SignedCheckpoint, root: Uint8Array): void {
  if (!isEqual(root, signed.checkpoint.root)) {
    throw corrupt("the right edge does not hash to the signed root");
  }
}

async function checkLastBundle(
  rows: Rows,
  size: number,
  last: readonly Uint8Array[],
): Promise<void> {
  const first = size - last.length;
  const placements = await rows.requireMany(last.map(digestKey));
  placements.forEach((payload, i) => {
    const { index } = decodePlacement(payload);
    if (index !== first + i) throw corrupt(`entry ${first + i} is indexed as ${index}`);
  });
  for (let at = 0; at < last.length; at += BODIES_AT_ONCE) {
    const entries = last.slice(at, at + BODIES_AT_ONCE);
    const bodies = await rows.requireMany(entries.map(bodyKey));
    entries.forEach((entry, i) => {
      const body = bodies[i];
      if (body !== undefined && isEqual(sha256(body), entry)) return;
      throw corrupt(`${formatKey(bodyKey(entry))} does not hash to its entry`);
    });
  }
}

async function recoverChain(rows: Rows, signed: SignedCheckpoint): Promise<ChainEnd> {
  const { size } = signed.checkpoint;
  const payload = await rows.require(checkpointKey(size));
  const link = decodeChainLink(payload);
  if (!isEqual(link.checkpoint, signed.encode())) {
    throw corrupt("the newest kept checkpoint is not that of the head");
  }
  if (link.previousSize > 0) {
    const previous = await rows.require(checkpointKey(link.previousSize));
    if (!isEqual(chainDigest(previous), link.previousDigest)) {
      throw corrupt(`checkpoint ${link.previousSize} is not the one that ${size} follows`);
    }
  }
  await rows.requireNone(KIND.checkpoint, checkpointKey(size + 1));
  return { digest: chainDigest(payload), size };
}

async function recoverControl(rows: Rows, index: number, size: number): Promise<View["control"]> {
  if (index >= size) throw corrupt(`control entry ${index} in a log of size ${size}`);
  const { entry } = decodeControl(await rows.require(controlKey(index)));
  const placement = decodePlacement(await rows.require(digestKey(entry)));
  if (placement.index !== index) throw corrupt(`control entry ${index} is at ${placement.index}`);
  const bundle = decodeEntries(await rows.require(bundleKey(Math.floor(index / TILE_WIDTH))));
  const logged = bundle[index % TILE_WIDTH];
  if (logged === undefined || !isEqual(logged, entry)) {
    throw corrupt(`control entry ${index} is not the one logged there`);
  }
  await rows.requireNone(KIND.control, controlKey(index + 1));
  return { index, entry };
}

function corrupt(what: string): LogError {
  return new LogError("LOG_CORRUPT", `at boot: ${what}`);
}
