import { encodeHex, type PublicKey, type Signer } from "@tallystick/cose";
import { encodeBundle, HASH_BYTES, TILE_WIDTH, type TileId } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";

import type { Anchor } from "./anchor.js";
import { Arrivals } from "./arrivals.js";
import { LogError } from "./error.js";
import { Guard } from "./guard.js";
import { owning, release } from "./held.js";
import { KnownEntries } from "./known-entries.js";
import { type ReceiptKeys, requireSigner } from "./keys.js";
import { FROZEN_KEY, META_KEY, sealRow } from "./layout.js";
import { Pool } from "./pool.js";
import { Prover } from "./prover.js";
import { requireBundle, requireIndex, requireTile } from "./range.js";
import { Reader } from "./reader.js";
import { LogReplay, provenRows } from "./replay.js";
import { type AppendRequest, submissionOf } from "./request.js";
import { encodeFrozen, encodeMeta, type Meta, type Placement } from "./record.js";
import { isEmpty, recover } from "./recover.js";
import { Recount } from "./recount.js";
import type { SequencedEntry } from "./sequenced.js";
import { Sequencer } from "./sequencer.js";
import { settleAnchor } from "./settle.js";
import type { Space } from "./space.js";
import { frozenStanding, type Standing, WRITER } from "./standing.js";
import type { OnStep } from "./step.js";
import type { Store } from "./store.js";
import { type ControlView, Published, type View } from "./view.js";
import { Writer } from "./writer.js";

const LOG_ID_BYTES = 16;
const FIRST_EPOCH = 1;
const MAX_WHY = 1000;
const DEFAULT_POOL = { maxEntries: 8192, maxBytes: 64 * 1024 * 1024 };

export type { AppendRequest } from "./request.js";

/** What a log is opened with. */
export interface LogOptions {
  /** Open; the log takes it over, and closes it when it closes or fails to open. */
  readonly store: Store;
  /** Open, and taken over likewise; {@link missingAnchor} where the file is not there. */
  readonly anchor: Anchor;
  readonly issuer: string;
  readonly origin: string;
  /** Signs receipts and nothing else; the newest control entry names its key. */
  readonly signer: Signer;
  /** The other keys that checkpoints of it were signed with, or may be; none unless given. */
  readonly otherKeys?: readonly PublicKey[];
  /** Seconds since the epoch, an integer. */
  readonly now: () => number;
  /** What may wait for the next round; 8192 entries and 64 MiB of bodies unless given. */
  readonly pool?: { readonly maxEntries?: number; readonly maxBytes?: number };
  /** Below its floor no round begins, and those who wait for one are refused; no limit unless given. */
  readonly space?: Space;
  /** Entries from which on a filter in memory spares looking for new ones; 65,536 unless given. */
  readonly filterFrom?: number;
  /** Opens as a writer although the clock reads earlier than the newest checkpoint. */
  readonly ignoreClock?: boolean;
  /** Told of each step of each commit; for failpoints and step logs. */
  readonly onStep?: OnStep;
  /**
   * Called once if the log stops for good, or if a write at opening fails, which then rejects; the
   * process should end and open it again.
   */
  readonly onFatal?: (error: LogError) => void;
}

interface Parts {
  readonly options: LogOptions;
  readonly published: Published;
  readonly arrivals: Arrivals;
  readonly sequencer: Sequencer;
  readonly reader: Reader;
}

/**
 * An append-only log: opaque 32-byte entries with their bodies, under a Merkle tree whose every
 * published root is signed, durable and kept.
 */
export class Log {
  /** Where entries that are about to come are announced, so that a round takes them with it. */
  readonly arrivals: Arrivals;
  readonly #store: Store;
  readonly #anchor: Anchor;
  readonly #now: () => number;
  readonly #published: Published;
  readonly #sequencer: Sequencer;
  readonly #reader: Reader;
  readonly #prover: Prover;
  // Owned by freeze.
  #frozen: Promise<void> | undefined;
  // Owned by close.
  #closed: Promise<void> | undefined;

  private constructor({ options, published, arrivals, sequencer, reader }: Parts) {
    this.arrivals = arrivals;
    this.#store = options.store;
    this.#anchor = options.anchor;
    this.#now = clockOf(options.now);
    this.#published = published;
    this.#sequencer = sequencer;
    this.#reader = reader;
    this.#prover = new Prover(reader, keysOf(options));
  }

  /**
   * Creates a log in an empty store, with an empty anchor, with its first entry, a control entry at
   * index 0.
   *
   * `logId` is 16 random bytes.
   *
   * @throws {@link LogError} `LOG_EXISTS`, `LOG_KEY_MISMATCH`, `LOG_UNAVAILABLE`; TypeError for a
   * malformed request
   */
  static create(options: LogOptions, genesis: AppendRequest, logId: Uint8Array): Promise<Log> {
    return owning(options, async () => {
      const { store, anchor, issuer, origin, signer, now, onStep } = options;
      if (logId.length !== LOG_ID_BYTES) {
        throw new TypeError(`log id of ${logId.length} bytes, want ${LOG_ID_BYTES}`);
      }
      const submission = submissionOf({ ...genesis, control: true });
      if (!(await isEmpty(store))) throw new LogError("LOG_EXISTS", "the store is not empty");
      if (anchor.state !== "whole" || anchor.newest !== undefined) {
        throw new LogError("LOG_EXISTS", "the anchor is not new and empty");
      }
      const meta: Meta = { issuer, origin, logId, kid: signer.publicKey.thumbprint() };
      const epoch = FIRST_EPOCH;
      const { receiptKeys } = submission;
      const guard = Guard.of({ meta, epoch, signer, last: undefined }, receiptKeys);
      const chain = { digest: new Uint8Array(HASH_BYTES), size: 0 };
      const state = { view: undefined, recount: Recount.seed(0, []), chain };
      const writer = new Writer({ store, anchor, guard, epoch, now: clockOf(now), state, onStep });
      const first = { id: encodeHex(submission.entry), submission };
      const view = await writer.integrate([first], [sealRow(META_KEY, encodeMeta(meta))]);
      return Log.#assemble(options, { view, writer, standing: WRITER });
    });
  }

  /**
   * Opens the log that a store holds, once it passes every check at boot. One that ends before its
   * anchor, is frozen, or is ahead of the clock is opened to be read: see {@link Log.standing}.
   *
   * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_SCHEMA_UNSUPPORTED`, `LOG_KEY_MISMATCH`,
   * `LOG_FORKED`, `LOG_ANCHOR_BEHIND`, `LOG_ANCHOR_MISSING`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  static open(options: LogOptions): Promise<Log> {
    return owning(options, async () => {
      const { store, anchor, issuer, origin, signer, ignoreClock = false, onStep } = options;
      const now = clockOf(options.now);
      const expected = { issuer, origin, key: keysOf(options), now: now(), ignoreClock };
      const recovered = await recover({ store, anchor }, expected);
      const { meta, epoch, state, standing, anchored } = recovered;
      const { view } = state;
      const { receiptKeys } = view.control;
      // An older state, which signs nothing, may be from before a policy named the present key.
      if (anchored.kind === "writer") requireSigner(meta, receiptKeys, signer.publicKey);
      await settleAnchor(recovered, { store, anchor, onStep, onFatal: options.onFatal });
      // Without a guard nothing can be signed, whatever else goes wrong (I8).
      if (standing.kind === "reader") {
        return Log.#assemble(options, { view, writer: undefined, standing });
      }
      const { checkpoint: last } = view.signed;
      const guard = Guard.of({ meta, epoch, signer, last }, receiptKeys);
      const writer = new Writer({ store, anchor, guard, epoch, now, state, onStep });
      return Log.#assemble(options, { view, writer, standing });
    });
  }

  static #assemble(
    options: LogOptions,
    { view, writer, standing }: { view: View; writer: Writer | undefined; standing: Standing },
  ): Log {
    const { store, space, onStep, onFatal = () => undefined } = options;
    const reader = new Reader(store);
    const published = new Published(view);
    const arrivals = new Arrivals();
    const known = new KnownEntries({ reader, from: options.filterFrom });
    const pool = new Pool({ ...DEFAULT_POOL, ...options.pool });
    const sequencer = new Sequencer({
      ...{ pool, reader, known, writer, standing, published },
      ...{ space, arrivals, onStep, onFatal },
    });
    return new Log({ options, published, arrivals, sequencer, reader });
  }

  /** Yields whether entries are taken, and if not, why. */
  standing(): Standing {
    return this.#sequencer.standing;
  }

  /**
   * Closes the log to entries for good, whoever opens it, and resolves once that is durable. Whoever
   * waits for a round that has not begun is refused. What is logged can be read as before. The first
   * reason is kept.
   *
   * `why` is 1 to 1000 characters.
   *
   * @throws {@link LogError} `LOG_CLOSING`, `LOG_UNAVAILABLE`; TypeError
   */
  freeze(why: string): Promise<void> {
    if (why.length < 1 || why.length > MAX_WHY) {
      return Promise.reject(new TypeError(`reason of ${why.length} characters`));
    }
    const standing = this.standing();
    if (standing.kind === "reader" && standing.code === "LOG_FROZEN") {
      return this.#frozen ?? Promise.resolve();
    }
    const frozen = { why, time: this.#now() };
    this.#frozen = this.#sequencer.freeze(frozenStanding(frozen, standing), async () => {
      // In this order: a torn record is taken for that of a lost round unless the row says otherwise.
      await this.#store.write([sealRow(FROZEN_KEY, encodeFrozen(frozen))]);
      await this.#anchor.appendFreeze(frozen);
    });
    return this.#frozen;
  }

  /**
   * Runs an action that no round overlaps: what it reads belongs together, and what it writes is the
   * only write under way. It must not wait for an append. What it throws stops the log for good.
   *
   * @throws {@link LogError} `LOG_CLOSING`, `LOG_UNAVAILABLE`
   */
  between<T>(act: () => Promise<T>): Promise<T> {
    return this.#sequencer.between(act);
  }

  /**
   * Writes a row that is no part of the log, such as the progress of a scrub, between rounds.
   *
   * @throws {@link LogError} `LOG_CLOSING`, `LOG_UNAVAILABLE`
   */
  note(key: Uint8Array, payload: Uint8Array): Promise<void> {
    return this.between(() => this.#store.write([sealRow(key, payload)]));
  }

  /**
   * Logs an entry and resolves once a durable, published checkpoint covers it. An entry that is
   * there already keeps its index, whatever the precondition. One that is on its way is joined: all
   * who submit it share the outcome of the first, a failed precondition of the first included.
   *
   * @throws {@link LogError} `LOG_FULL`, `LOG_CLOSING`, `LOG_PRECONDITION_FAILED`,
   * `LOG_KEY_IN_USE`, `LOG_SPACE_LOW`, `LOG_UNAVAILABLE`, or the code of {@link Log.standing}; TypeError for a malformed
   * request
   */
  async append(request: AppendRequest): Promise<SequencedEntry> {
    const submission = submissionOf(request);
    return this.#sequencer.append(encodeHex(submission.entry), submission);
  }

  /** Yields the newest published checkpoint, from memory. */
  head(): SignedCheckpoint {
    return this.#published.view.signed;
  }

  /** Yields the newest published control entry and the receipt keys that it names, from memory. */
  control(): ControlView {
    const { index, entry, receiptKeys } = this.#published.view.control;
    return { index, entry: entry.slice(), ...(receiptKeys && { receiptKeys }) };
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

  /** Yields how much waits for the next round. */
  queue(): { readonly entries: number; readonly bytes: number } {
    return this.#sequencer.queue;
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
    requireIndex(index, view.size);
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
   * Yields the receipt of an entry under the checkpoint that it was answered with: the bytes of
   * {@link Log.inclusionReceipt}, from what is still in memory.
   *
   * @throws {@link LogError} `LOG_RECEIPT_UNAVAILABLE`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  receiptOf(sequenced: SequencedEntry): Promise<Uint8Array> {
    return this.#prover.receipt(this.#published.view, sequenced);
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
    requireTile({ level, index, width }, view.size);
    return (await this.#reader.tile(view, { level, index })).encode(width);
  }

  /**
   * Yields an entry bundle (W17), as far as the published tree covers it.
   *
   * @throws {@link LogError} `LOG_RANGE_INVALID`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async bundle(index: number, width: number): Promise<Uint8Array> {
    const { view } = this.#published;
    requireBundle({ index, width }, view.size);
    return encodeBundle((await this.#reader.bundle(view, index)).slice(0, width));
  }

  /** Yields the whole log as of the newest published checkpoint, to be read from its beginning. */
  replay(): LogReplay {
    const { view } = this.#published;
    return new LogReplay(provenRows({ reader: this.#reader, prover: this.#prover, view }));
  }

  /** Answers what is pending, then closes store and anchor; later appends are refused. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#sequencer.close();
    await release({ store: this.#store, anchor: this.#anchor });
  }
}

function keysOf({ signer, otherKeys = [] }: LogOptions): ReceiptKeys {
  return [signer.publicKey, ...otherKeys];
}

function clockOf(now: () => number): () => number {
  return () => {
    const time = now();
    if (!Number.isSafeInteger(time) || time < 0) throw new TypeError(`clock reads ${time}`);
    return time;
  };
}
