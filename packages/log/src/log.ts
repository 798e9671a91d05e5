import { type PublicKey, encodeHex, type Signer } from "@tallystick/cose";
import {
  encodeBundle,
  HASH_BYTES,
  sha256,
  TILE_WIDTH,
  type TileId,
  tileWidth,
} from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";

import { LogError, toLogError } from "./error.js";
import { Guard } from "./guard.js";
import { isEqual, META_KEY, sealRow } from "./layout.js";
import { Pool, type Submission } from "./pool.js";
import { Prover } from "./prover.js";
import { Reader } from "./reader.js";
import { encodeMeta, type Meta, type Placement } from "./record.js";
import { isEmpty, recover } from "./recover.js";
import { Recount } from "./recount.js";
import type { SequencedEntry } from "./sequenced.js";
import { Sequencer } from "./sequencer.js";
import type { Store } from "./store.js";
import { Published, type View } from "./view.js";
import { Writer } from "./writer.js";

const LOG_ID_BYTES = 16;
const FIRST_EPOCH = 1;
const DEFAULT_POOL = { maxEntries: 8192, maxBytes: 64 * 1024 * 1024 };

/** What a log is opened with. */
export interface LogOptions {
  /** Open; the log takes it over, and closes it when it closes or fails to open. */
  readonly store: Store;
  readonly issuer: string;
  readonly origin: string;
  /** Signs receipts and nothing else. */
  readonly signer: Signer;
  /** Seconds since the epoch, an integer. */
  readonly now: () => number;
  /** What may wait for the next round; 8192 entries and 64 MiB of bodies unless given. */
  readonly pool?: { readonly maxEntries?: number; readonly maxBytes?: number };
  /** Called once if the log stops for good; the process should then end and open it again. */
  readonly onFatal?: (error: LogError) => void;
}

/** An entry to log. Bytes are copied. */
export interface AppendRequest {
  /** 32 bytes, SHA-256 of the body. */
  readonly entry: Uint8Array;
  readonly body: Uint8Array;
  /** Kept with the entry and returned by {@link Log.lookup}; opaque, and not under the tree. */
  readonly collateral: Uint8Array;
  /** Sequenced in a round of its own; the newest one is what preconditions are held against. */
  readonly control?: boolean;
  /** The newest control entry that the caller has admitted this one under. */
  readonly precondition?: Uint8Array;
}

interface Parts {
  readonly store: Store;
  readonly key: PublicKey;
  readonly published: Published;
  readonly sequencer: Sequencer;
  readonly reader: Reader;
}

/**
 * An append-only log: opaque 32-byte entries with their bodies, under a Merkle tree whose every
 * published root is signed, durable and kept.
 */
export class Log {
  readonly #store: Store;
  readonly #published: Published;
  readonly #sequencer: Sequencer;
  readonly #reader: Reader;
  readonly #prover: Prover;
  // Owned by close.
  #closed: Promise<void> | undefined;

  private constructor({ store, key, published, sequencer, reader }: Parts) {
    this.#store = store;
    this.#published = published;
    this.#sequencer = sequencer;
    this.#reader = reader;
    this.#prover = new Prover(reader, key);
  }

  /**
   * Creates a log in an empty store with its first entry, a control entry at index 0.
   *
   * `logId` is 16 random bytes.
   *
   * @throws {@link LogError} `LOG_EXISTS`, `LOG_UNAVAILABLE`; TypeError for a malformed request
   */
  static create(options: LogOptions, genesis: AppendRequest, logId: Uint8Array): Promise<Log> {
    return owning(options.store, async () => {
      const { store, issuer, origin, signer, now } = options;
      if (logId.length !== LOG_ID_BYTES) {
        throw new TypeError(`log id of ${logId.length} bytes, want ${LOG_ID_BYTES}`);
      }
      const submission = { ...submissionOf(genesis), isControl: true };
      if (!(await isEmpty(store))) throw new LogError("LOG_EXISTS", "the store is not empty");
      const meta: Meta = { issuer, origin, logId, kid: signer.publicKey.thumbprint() };
      const guard = Guard.of({ meta, epoch: FIRST_EPOCH, signer, last: undefined });
      const chain = { digest: new Uint8Array(HASH_BYTES), size: 0 };
      const state = { view: undefined, recount: Recount.seed(0, []), chain };
      const writer = new Writer({ store, guard, epoch: FIRST_EPOCH, now: clockOf(now), state });
      const first = { id: encodeHex(submission.entry), submission };
      const view = await writer.integrate([first], [sealRow(META_KEY, encodeMeta(meta))]);
      return Log.#assemble(options, writer, view);
    });
  }

  /**
   * Opens the log that a store holds, once it passes every check at boot.
   *
   * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_SCHEMA_UNSUPPORTED`, `LOG_KEY_MISMATCH`,
   * `LOG_CLOCK_BACKWARD`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  static open(options: LogOptions): Promise<Log> {
    return owning(options.store, async () => {
      const { store, issuer, origin, signer } = options;
      const now = clockOf(options.now);
      const expected = { issuer, origin, key: signer.publicKey, now: now() };
      const { meta, epoch, state } = await recover(store, expected);
      const last = state.view.signed.checkpoint;
      const guard = Guard.of({ meta, epoch, signer, last });
      return Log.#assemble(options, new Writer({ store, guard, epoch, now, state }), state.view);
    });
  }

  static #assemble(options: LogOptions, writer: Writer, view: View): Log {
    const { store, signer, onFatal = () => undefined } = options;
    const reader = new Reader(store);
    const published = new Published(view);
    const pool = new Pool({ ...DEFAULT_POOL, ...options.pool });
    const sequencer = new Sequencer({ pool, reader, writer, published, onFatal });
    return new Log({ store, key: signer.publicKey, published, sequencer, reader });
  }

  /**
   * Logs an entry and resolves once a durable, published checkpoint covers it. An entry that is
   * there already keeps its index, whatever the precondition. One that is on its way is joined: all
   * who submit it share the outcome of the first, a failed precondition of the first included.
   *
   * @throws {@link LogError} `LOG_FULL`, `LOG_CLOSING`, `LOG_PRECONDITION_FAILED`,
   * `LOG_UNAVAILABLE`; TypeError for a malformed request
   */
  async append(request: AppendRequest): Promise<SequencedEntry> {
    const submission = submissionOf(request);
    return this.#sequencer.append(encodeHex(submission.entry), submission);
  }

  /** Yields the newest published checkpoint, from memory. */
  head(): SignedCheckpoint {
    return this.#published.view.signed;
  }

  /** Yields the newest published control entry, from memory. */
  control(): { readonly index: number; readonly entry: Uint8Array } {
    const { index, entry } = this.#published.view.control;
    return { index, entry: entry.slice() };
  }

  /**
   * Yields where a published entry stands, `undefined` if there is none.
   *
   * @throws {@link LogError} `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async lookup(entry: Uint8Array): Promise<Placement | undefined> {
    const [placement] = await this.#reader.placements(this.#published.view, [entry]);
    return placement;
  }

  /** Yields whether the entry is on its way into the log. */
  isPending(entry: Uint8Array): boolean {
    return this.#sequencer.isPending(encodeHex(entry));
  }

  /**
   * Yields the body of a published entry; it hashes to the entry.
   *
   * @throws {@link LogError} `LOG_ENTRY_NOT_FOUND`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  body(entry: Uint8Array): Promise<Uint8Array> {
    return this.#reader.body(this.#published.view, entry);
  }

  /**
   * Yields the entry at an index of the published tree.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async entryAt(index: number): Promise<Uint8Array> {
    const { view } = this.#published;
    requireCovered(
      Number.isSafeInteger(index) && index >= 0 && index < view.size,
      `index ${index}`,
    );
    const entries = await this.#reader.bundle(view, Math.floor(index / TILE_WIDTH));
    const entry = entries[index % TILE_WIDTH];
    if (entry === undefined) throw new LogError("LOG_CORRUPT", `bundle ends before ${index}`);
    return entry.slice();
  }

  /**
   * Yields the kept checkpoint of a size.
   *
   * @throws {@link LogError} `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  checkpointAt(size: number): Promise<SignedCheckpoint> {
    return this.#prover.checkpoint(this.#published.view, size);
  }

  /**
   * Yields a receipt of inclusion for an entry under the kept checkpoint of a size, the newest one
   * unless given. Receipts for one entry and size are the same bytes every time.
   *
   * @throws {@link LogError} `LOG_ENTRY_NOT_FOUND`, `LOG_SIZE_UNKNOWN`, `LOG_RECEIPT_UNAVAILABLE`,
   * `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  inclusionReceipt(entry: Uint8Array, size?: number): Promise<Uint8Array> {
    const { view } = this.#published;
    return this.#prover.inclusionReceipt(view, entry, size ?? view.size);
  }

  /**
   * Yields a receipt of consistency between two kept checkpoints.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`,
   * `LOG_UNAVAILABLE`
   */
  consistencyReceipt(oldSize: number, newSize: number): Promise<Uint8Array> {
    return this.#prover.consistencyReceipt(this.#published.view, oldSize, newSize);
  }

  /**
   * Yields the concatenated hashes of a tile (W14), as far as the published tree covers it.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async tile({ level, index, width }: TileId): Promise<Uint8Array> {
    const { view } = this.#published;
    const name = `tile ${level}/${index} of width ${width}`;
    requireCovered(isWidth(width) && width <= widthOf({ level, index }, view.size), name);
    return (await this.#reader.tile(view, { level, index })).encode(width);
  }

  /**
   * Yields an entry bundle (W17), as far as the published tree covers it.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async bundle(index: number, width: number): Promise<Uint8Array> {
    const { view } = this.#published;
    const name = `bundle ${index} of width ${width}`;
    requireCovered(isWidth(width) && width <= widthOf({ level: 0, index }, view.size), name);
    return encodeBundle((await this.#reader.bundle(view, index)).slice(0, width));
  }

  /** Answers what is pending, then closes the store; later appends are refused. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#sequencer.close();
    await closeStore(this.#store);
  }
}

/** Opens a log over a store, and lets go of the store if that fails. */
async function owning(store: Store, open: () => Promise<Log>): Promise<Log> {
  try {
    return await open();
  } catch (error) {
    await closeStore(store);
    if (error instanceof TypeError) throw error;
    throw toLogError(error, "LOG_UNAVAILABLE", "the log could not be opened");
  }
}

async function closeStore(store: Store): Promise<void> {
  try {
    await store.close();
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "close failed");
  }
}

function submissionOf(request: AppendRequest): Submission {
  const { entry, body, collateral, control = false, precondition } = request;
  if (entry.length !== HASH_BYTES) {
    throw new TypeError(`entry of ${entry.length} bytes, want ${HASH_BYTES}`);
  }
  const copy = body.slice();
  if (!isEqual(sha256(copy), entry)) throw new TypeError("the body does not hash to the entry");
  return {
    entry: entry.slice(),
    body: copy,
    collateral: collateral.slice(),
    isControl: control,
    precondition: precondition?.slice(),
  };
}

function clockOf(now: () => number): () => number {
  return () => {
    const time = now();
    if (!Number.isSafeInteger(time) || time < 0) throw new TypeError(`clock reads ${time}`);
    return time;
  };
}

function isWidth(width: number): boolean {
  return Number.isSafeInteger(width) && width >= 1 && width <= TILE_WIDTH;
}

function widthOf({ level, index }: Omit<TileId, "width">, size: number): number {
  const isPosition = [level, index].every((number) => Number.isSafeInteger(number) && number >= 0);
  return isPosition && level < 64 ? tileWidth(level, index, size) : 0;
}

function requireCovered(isCovered: boolean, what: string): void {
  if (!isCovered) throw new LogError("LOG_RANGE_INVALID", `${what} is not in the published tree`);
}
