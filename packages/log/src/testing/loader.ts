import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";

import { type Signer, signSign1 } from "@tallystick/cose";
import { HASH_BYTES, sha256 } from "@tallystick/merkle";
import { chainDigest, encodeChainLink, SignedCheckpoint } from "@tallystick/receipt";

import { AnchorFile } from "../anchor.js";
import { encodeAnchorRecord } from "../anchor-record.js";
import { readTail } from "../anchor-tail.js";
import type { Edge } from "../edge.js";
import { checkpointKey, concat, encodeNumber, HEAD_KEY, openRow, sealRow } from "../layout.js";
import { LevelStore } from "../level.js";
import { encodeHead } from "../record.js";
import { recover, type Recovered } from "../recover.js";
import { type AppendRequest, submissionOf } from "../request.js";
import { buildRound, type Round, rowsOf } from "../round.js";
import type { Row } from "../store.js";
import type { ChainEnd } from "../writer.js";
import { RowSorter } from "./row-sorter.js";

const ANCHOR_BUFFER_BYTES = 1024 * 1024;
const RECENT_ENTRIES = 65_536;

/** What {@link loadEntries} needs. */
export interface LoadOptions {
  /** Directory of the store. It holds a log, if only its first entry, and nobody has it open. */
  readonly log: string;
  /** File of its anchor, which ends where the log does. */
  readonly anchor: string;
  readonly issuer: string;
  readonly origin: string;
  /** Signs the checkpoints: the log's receipt key. */
  readonly signer: Signer;
  /** How many to append. */
  readonly entries: number;
  /** Yields what to append, in order; no two are the same, and none is logged already. */
  readonly requestOf: (n: number) => Promise<AppendRequest>;
  /** How many share a checkpoint; 1024, the most that the writer takes in one round, unless given. */
  readonly entriesPerRound?: number;
  /** Time of the next checkpoint, in seconds since the epoch; not before the one before it. */
  readonly now: () => number;
  /** Where to sort the rows, which takes as much room as the log; beside the store unless given. */
  readonly scratch?: string;
  readonly onProgress?: (entries: number) => void;
  /** How many are written round by round; 65,536, more than the store's buffers hold, unless given. */
  readonly recent?: number;
}

/**
 * Appends many entries to a closed log, for measurements at sizes that registration takes hours to
 * reach. Every row and every anchor record is, byte for byte, what the writer makes of the same
 * requests in the same rounds; only the second computation of the root, the signing guard and the
 * sync of each round are left out. Bounded in memory.
 *
 * The newest entries are written round by round, as the writer does it: what was logged last
 * lies together in a store, and opening a log reads just that. The rest is sorted first.
 *
 * What a load that fails leaves behind is to be thrown away.
 */
export async function loadEntries(options: LoadOptions): Promise<void> {
  const { log, anchor, entries, entriesPerRound = 1024, requestOf, onProgress } = options;
  const { recent = RECENT_ENTRIES } = options;
  const store = await LevelStore.open(log);
  const sorter = await RowSorter.make(options.scratch ?? dirname(log));
  const records = await Records.open(anchor);
  try {
    const growth = new Growth(await recoverWriter(store, options), { ...options, records });
    let isSorted = false;
    for (let at = 0; at < entries; at += entriesPerRound) {
      const length = Math.min(entriesPerRound, entries - at);
      const requests = Array.from({ length }, (_, i) => requestOf(at + i));
      const rows = await growth.append(await Promise.all(requests));
      if (at + length <= entries - recent) for (const row of rows) sorter.add(row);
      else {
        if (!isSorted) await sorter.writeTo(store);
        isSorted = true;
        await store.write(rows);
      }
      onProgress?.(at + length);
    }
    await records.end();
  } finally {
    sorter.remove();
    await records.close();
    await store.close();
  }
}

async function recoverWriter(store: LevelStore, options: LoadOptions): Promise<Recovered> {
  const { issuer, origin, signer, now } = options;
  const anchor = await AnchorFile.open(options.anchor);
  try {
    const expected = { issuer, origin, key: signer.publicKey, now: now() };
    const recovered = await recover({ store, anchor }, expected);
    if (recovered.standing.kind === "reader") throw new Error(recovered.standing.reason);
    if (recovered.unanchored !== undefined) throw new Error("the anchor lacks a checkpoint");
    return recovered;
  } finally {
    await anchor.close();
  }
}

type GrowthOptions = Pick<LoadOptions, "issuer" | "origin" | "signer" | "now"> & {
  readonly records: Records;
};

/** Makes rows as the writer does, round after round. */
class Growth {
  readonly #options: GrowthOptions;
  readonly #epoch: number;
  readonly #control: number;
  // Owned by append.
  #edge: Edge;
  #chain: ChainEnd;
  #signed: SignedCheckpoint;

  constructor({ epoch, state }: Recovered, options: GrowthOptions) {
    this.#options = options;
    this.#epoch = epoch;
    this.#control = state.view.control.index;
    this.#edge = state.view.edge;
    this.#chain = state.chain;
    this.#signed = state.view.signed;
  }

  /** Yields the rows of one round, the head among them. */
  async append(requests: readonly AppendRequest[]): Promise<readonly Row[]> {
    const { records } = this.#options;
    const round = buildRound(this.#edge, requests.map(submissionOf));
    const signed = await this.#sign(round);
    const { size, root } = signed.checkpoint;
    const checkpoint = signed.encode();
    const { digest: previousDigest, size: previousSize } = this.#chain;
    const record = encodeChainLink({ checkpoint, previousDigest, previousSize });
    const link = sealRow(checkpointKey(size), record);
    await records.add({ size, root, checkpoint });
    this.#edge = round.after;
    this.#chain = { digest: chainDigest(openRow(link)), size };
    this.#signed = signed;
    const head = encodeHead({ epoch: this.#epoch, control: this.#control, checkpoint });
    return [...rowsOf(round), link, sealRow(HEAD_KEY, head)];
  }

  #sign({ after, root }: Round): Promise<SignedCheckpoint> {
    const { issuer, origin, signer, now } = this.#options;
    const time = Math.max(now(), this.#signed.checkpoint.time);
    return SignedCheckpoint.sign({ issuer, origin, size: after.size, root, time }, signer);
  }
}

/** Anchor records behind those of a file, synced once at the end. */
class Records {
  readonly #file: FileHandle;
  // Owned by add.
  #end: number;
  #digest: Uint8Array;
  #waiting: Uint8Array[] = [];
  #bytes = 0;

  private constructor(file: FileHandle, end: number, digest: Uint8Array) {
    this.#file = file;
    this.#end = end;
    this.#digest = digest;
  }

  static async open(path: string): Promise<Records> {
    const file = await open(path, "r+");
    const { end, last } = await readTail(file, (await file.stat()).size);
    return new Records(file, end, last?.digest ?? new Uint8Array(HASH_BYTES));
  }

  async add(record: Parameters<typeof encodeAnchorRecord>[0]): Promise<void> {
    const bytes = encodeAnchorRecord(record, this.#digest);
    this.#digest = sha256(bytes);
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes >= ANCHOR_BUFFER_BYTES) await this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #flush(): Promise<void> {
    const bytes = concat(...this.#waiting);
    [this.#waiting, this.#bytes] = [[], 0];
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#end);
      done += bytesWritten;
      this.#end += bytesWritten;
    }
  }
}

/** What {@link syntheticRequests} makes. */
export interface SyntheticOptions {
  /** Length of a body, or of what is signed where there is a signer; eight at least. */
  readonly bytes: number;
  readonly collateral: Uint8Array;
  /** Makes each body a COSE_Sign1; without it a body is no statement. */
  readonly signer?: Signer | undefined;
}

/** Yields the makers of distinct requests whose bodies cannot be compressed, the same on every call. */
export function syntheticRequests(
  options: SyntheticOptions,
): (n: number) => Promise<AppendRequest> {
  const { bytes, collateral, signer } = options;
  const noise = noiseOf(2 * bytes + NOISE_STEP * NOISE_PLACES);
  const bodyOf = (n: number): Uint8Array => {
    const start = NOISE_STEP * (n % NOISE_PLACES);
    const body = noise.slice(start, start + bytes);
    body.set(encodeNumber(n));
    return body;
  };
  if (signer === undefined) return (n) => Promise.resolve(requestOf(bodyOf(n), collateral));
  return async (n) => {
    const content = { protectedHeader: new Map(), payload: bodyOf(n) };
    return requestOf(await signSign1(content, signer), collateral);
  };
}

// Bodies are cut from one long noise at different places, so that LevelDB finds no two alike in a block.
const NOISE_STEP = 61;
const NOISE_PLACES = 1009;

function noiseOf(length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let last = sha256(new Uint8Array());
  for (let at = 0; at < length; at += HASH_BYTES) {
    last = sha256(last);
    parts.push(last);
  }
  return concat(...parts);
}

function requestOf(body: Uint8Array, collateral: Uint8Array): AppendRequest {
  return { entry: sha256(body), body, collateral };
}
