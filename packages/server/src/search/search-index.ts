import type { IndexedLog } from "@tallystick/catalog";
import type { Content } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import { decodeStated } from "@tallystick/log";
import type { LogReplay, Row, Store } from "@tallystick/log";
import { decodeChainLink } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import { ServerError } from "../error.js";
import { Batch } from "./batch.js";
import { KnownTerms } from "./known-terms.js";
import { damaged } from "./damage.js";
import { condemnedRow } from "./row-maker.js";
import { SearchRows } from "./rows.js";
import type { CommittedHead, IndexState } from "./rows.js";
import { MentionRows } from "./mention-rows.js";
import type { MentionKeys } from "./mention-rows.js";
import { PayloadReader } from "./payload-reader.js";
import type { RecentCheckpoints } from "./recent-checkpoints.js";
import type { RecentStatements } from "./recent.js";

/** Entries in a bundle of a replay. */
const BUNDLE = 256;

/** Bytes of rows after which a write is made before its bundle ends. */
const BATCH_BYTES = 8_388_608;

/** Rows after which a write is made, too: a store takes those of one write in one turn of the thread. */
const BATCH_ROWS = 8192;

/** What a search index is opened over. */
export interface SearchIndexOptions {
  /** Open; holds nothing but the index, and is closed with it. */
  readonly store: Store;
  /** The log, whose heads are looked out for. */
  readonly log: IndexedLog;
  /** Where statements may be at hand; the others are read from the log. */
  readonly recent?: RecentStatements;
  /** Where checkpoints may be at hand, as statements are. */
  readonly checkpoints?: RecentCheckpoints;
  /** Reads the payloads; by one that has the thread for itself unless given. */
  readonly reader?: PayloadReader;
}

/** A log that an index is made of, in bundles of 256 entries. */
export interface IndexSource {
  readonly size: number;
  /** Yields the normalised statements of a bundle in their order, those from an index on. */
  entries(bundle: number, from: number): AsyncIterable<IndexedStatement>;
  /** Yields the checkpoints whose newest entry is in a bundle, smallest first, those above a size. */
  times(bundle: number, above: number): AsyncIterable<CheckpointTime> | Iterable<CheckpointTime>;
}

/** A statement that is indexed. */
export interface IndexedStatement {
  readonly statement: Uint8Array | SignedStatement;
  /** Its payload, where that has been read. */
  readonly content?: Content | undefined;
}

/** Size and time of a checkpoint. */
export interface CheckpointTime {
  readonly size: number;
  readonly time: number;
}

/** Whether to go on, asked after each bundle with how many entries are indexed. */
export type GoesOn = (size: number) => boolean | Promise<boolean>;

/** What is at hand of the log that an index follows. */
type Near = Record<"recent", RecentStatements | undefined> &
  Record<"checkpoints", RecentCheckpoints | undefined>;

/** What an index comes to. */
export type Extent = Pick<IndexState, "size" | "members">;

/**
 * What statements are found by, derived from a log and from nothing else: it can be thrown away and
 * made anew. It follows the log behind its rounds and says up to which size it has got.
 *
 * A bundle of entries is indexed in one write, with the state: after a crash it goes on where it was.
 * One write has 8 MiB or 8,192 rows of mentions at most, or those of one entry with more of them. In
 * memory is no more than one write, and what one more entry speaks of, with their
 * terms, the terms that were in use lately, and one statement.
 */
export class SearchIndex {
  readonly rows: SearchRows;
  readonly mentions: MentionRows;
  readonly log: IndexedLog;
  readonly #store: Store;
  readonly #near: Near;
  readonly #reader: PayloadReader;
  // Owned by #take: what is written.
  #state: IndexState | undefined;
  readonly #known = new KnownTerms();
  // Owned by #take: what an entry speaks of that was read, and goes into the next write.
  #carried: { readonly entry: Uint8Array; readonly mentions: MentionKeys } | undefined;
  // Owned by #write: why nobody knows what is written.
  #unknown: unknown;

  private constructor(options: SearchIndexOptions, state: IndexState | undefined) {
    const { store, log, recent, checkpoints, reader = new PayloadReader() } = options;
    this.#store = store;
    this.#near = { recent, checkpoints };
    this.#reader = reader;
    this.log = log;
    this.rows = new SearchRows(store);
    this.mentions = new MentionRows(store);
    this.#state = state;
  }

  /**
   * Opens an index, at the size that it had, or empty in an empty store.
   *
   * @throws LogError `LOG_CORRUPT` where it is damaged, or has rows and no state of this format: it is
   * to be made anew; `LOG_UNAVAILABLE`
   */
  static async open(options: SearchIndexOptions): Promise<SearchIndex> {
    const rows = new SearchRows(options.store);
    const state = await rows.state();
    // Rows of another format, or of nobody knows which log, would stay among the new ones.
    if (state === undefined && !(await rows.isEmpty())) throw damaged("its state");
    return new SearchIndex(options, state);
  }

  /** How many entries of the log are in it. */
  get size(): number {
    return this.#state?.size ?? 0;
  }

  /** How many entries are in it, and how many committed terms they have: both of one moment. */
  get extent(): Extent {
    const { size, members } = this.#state ?? { size: 0, members: 0 };
    return { size, members };
  }

  /** The newest head of the verifiable index among them. */
  get head(): CommittedHead | undefined {
    return this.#state?.head;
  }

  /**
   * Yields whether the index was made of this log, which may have grown since.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async isOf(replay: LogReplay): Promise<boolean> {
    const state = this.#state;
    if (state === undefined) return true;
    if (state.size > replay.size) return false;
    const [first, last] = [await replay.entryAt(0), await replay.entryAt(state.size - 1)];
    return encodeHex(first) === encodeHex(state.first) && encodeHex(last) === encodeHex(state.last);
  }

  /**
   * Indexes what a log has and the index has not. Never called while an earlier call is under way.
   * After each bundle it goes on only as long as `goesOn` says so.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`; {@link ServerError} `SERVER_SEARCH_UNAVAILABLE`
   * after a write that failed: it is to be opened anew
   */
  async catchUp(replay: LogReplay, goesOn: GoesOn = () => true): Promise<void> {
    await this.takeAll(sourceOf(replay, this.#near), goesOn);
  }

  /** Does as {@link SearchIndex.catchUp}, with a log from elsewhere; throws what that throws, too. */
  async takeAll(source: IndexSource, goesOn: GoesOn = () => true): Promise<void> {
    while (this.size < source.size) {
      // I7: it may have been written, or not.
      if (this.#unknown !== undefined) {
        const message = "nobody knows whether its last write was stored, open it anew";
        throw new ServerError("SERVER_SEARCH_UNAVAILABLE", message, { cause: this.#unknown });
      }
      await this.#take(source, Math.floor(this.size / BUNDLE));
      if (!(await goesOn(this.size))) return;
    }
  }

  /** Has whoever opens it next make it anew. Never called while it catches up. */
  condemn(): Promise<void> {
    return this.#store.write([condemnedRow()]);
  }

  /** Closes the store. */
  close(): Promise<void> {
    return this.#store.close();
  }

  async #take(source: IndexSource, bundle: number): Promise<void> {
    const { rows, log } = this;
    const batch = new Batch({ rows, log, known: this.#known }, this.#state);
    let index = this.size;
    for await (const { statement, content } of source.entries(bundle, this.size)) {
      const signed = decoded(statement);
      const mentions = this.#carriedOf(signed) ?? (await this.#reader.keysOf(signed, content));
      const count = mentions.keys.length;
      if (index > this.size && batch.rows + count > BATCH_ROWS) {
        this.#carried = { entry: signed.entry, mentions };
        break;
      }
      const at = index++;
      this.#reader.seal(count, () => {
        batch.add(at, signed, mentions);
      });
      if (batch.isLookUpDue) await batch.lookUp();
      const isFull = batch.bytes > BATCH_BYTES || batch.rows > BATCH_ROWS;
      if (isFull || this.#reader.isEnded) break;
    }
    await batch.lookUp();
    for await (const { size, time } of source.times(bundle, this.size)) {
      if (size <= index) batch.addCheckpoint(size, time);
    }
    const state = batch.state;
    if (state === undefined || state.size <= this.size) throw damaged("its size");
    await this.#write(batch.end());
    batch.written();
    this.#state = state;
    this.#near.checkpoints?.forget(state.size);
  }

  #carriedOf({ entry }: SignedStatement): MentionKeys | undefined {
    const carried = this.#carried;
    this.#carried = undefined;
    return carried !== undefined && encodeHex(carried.entry) === encodeHex(entry)
      ? carried.mentions
      : undefined;
  }

  async #write(rows: readonly Row[]): Promise<void> {
    try {
      await this.#store.write(rows);
    } catch (error) {
      this.#unknown = error ?? new Error("a write failed");
      throw error;
    }
  }
}

function sourceOf(replay: LogReplay, { recent, checkpoints }: Near): IndexSource {
  return {
    size: replay.size,
    entries: async function* (bundle, from) {
      let index = from;
      for (const entry of await replay.digests(bundle, from)) {
        yield recent?.take(entry) ?? (await replay.read(entry, index));
        index++;
      }
    },
    times: (bundle, above) => {
      const upTo = Math.min((bundle + 1) * BUNDLE, replay.size);
      return checkpoints?.within({ above, upTo }) ?? timesIn(replay, bundle, above);
    },
  };
}

async function* timesIn(
  replay: LogReplay,
  bundle: number,
  above: number,
): AsyncGenerator<CheckpointTime, void, undefined> {
  for await (const record of replay.checkpoints(bundle, above)) {
    const { size, time } = decodeStated(decodeChainLink(record).checkpoint);
    yield { size, time };
  }
}

function decoded(statement: Uint8Array | SignedStatement): SignedStatement {
  if (!(statement instanceof Uint8Array)) return statement;
  // What is logged was admitted, whatever the policy says about subjects today.
  return SignedStatement.decode(statement, { isSubjectOptional: true });
}
