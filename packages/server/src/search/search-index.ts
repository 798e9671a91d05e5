import {
  EMPTY_LIST,
  decodeHead,
  extendList,
  isCommitted,
  isHeadStatement,
  termKey,
  termsOf,
} from "@tallystick/catalog";
import type { IndexedLog, Term } from "@tallystick/catalog";
import { mentionsIn } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import { decodeStated } from "@tallystick/log";
import type { LogReplay, Row, Store } from "@tallystick/log";
import { decodeChainLink } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import {
  SearchRows,
  checkpointRow,
  condemnedRow,
  damaged,
  entryRow,
  keyRow,
  listedRow,
  memberRow,
  stateRow,
} from "./rows.js";
import type { CommittedHead, EntryFacts, IndexState, KeyState } from "./rows.js";
import { MentionRows, mentionKeysOf, mentionRows } from "./mention-rows.js";
import type { MentionKeys } from "./mention-rows.js";
import type { RecentStatements } from "./recent.js";

/** Entries in a bundle of a replay. */
const BUNDLE = 256;

/** Bytes of rows after which a write is made before its bundle ends. */
const BATCH_BYTES = 8_388_608;

/** Entries, and bytes of their statements, whose terms are looked up in one read. */
const LOOKUP_ENTRIES = 64;
const LOOKUP_BYTES = 1_048_576;

/** What a search index is opened over. */
export interface SearchIndexOptions {
  /** Open; holds nothing but the index, and is closed with it. */
  readonly store: Store;
  /** The log, whose heads are looked out for. */
  readonly log: IndexedLog;
  /** Where statements may be at hand; the others are read from the log. */
  readonly recent?: RecentStatements;
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
  /** What it speaks of, where that is known. */
  readonly mentions?: MentionKeys | undefined;
}

/** Size and time of a checkpoint. */
export interface CheckpointTime {
  readonly size: number;
  readonly time: number;
}

/** Whether to go on, asked after each bundle with how many entries are indexed. */
export type GoesOn = (size: number) => boolean | Promise<boolean>;

/** What an index comes to. */
export type Extent = Pick<IndexState, "size" | "members">;

/**
 * What statements are found by, derived from a log and from nothing else: it can be thrown away and
 * made anew. It follows the log behind its rounds and says up to which size it has got.
 *
 * A bundle of entries is indexed in one write, with the state: after a crash it goes on where it was.
 * In memory is no more than one bundle of rows, of 8 MiB and those of one entry at most, the terms of
 * 64 entries, and one statement.
 */
export class SearchIndex {
  readonly rows: SearchRows;
  readonly mentions: MentionRows;
  readonly log: IndexedLog;
  readonly #store: Store;
  readonly #recent: RecentStatements | undefined;
  // Owned by #take: what is written.
  #state: IndexState | undefined;

  private constructor(options: SearchIndexOptions, state: IndexState | undefined) {
    const { store, log, recent } = options;
    this.#store = store;
    this.#recent = recent;
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
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async catchUp(replay: LogReplay, goesOn: GoesOn = () => true): Promise<void> {
    await this.takeAll(sourceOf(replay, this.#recent), goesOn);
  }

  /** Does as {@link SearchIndex.catchUp}, with a log from elsewhere; throws what that throws, too. */
  async takeAll(source: IndexSource, goesOn: GoesOn = () => true): Promise<void> {
    while (this.size < source.size) {
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
    const batch = new Batch(this.rows, this.#state, this.log);
    let index = this.size;
    for await (const { statement, mentions } of source.entries(bundle, this.size)) {
      await batch.add(index, decoded(statement), mentions);
      index++;
      if (batch.bytes > BATCH_BYTES) break;
    }
    await batch.lookUp();
    for await (const { size, time } of source.times(bundle, this.size)) {
      if (size <= index) batch.addCheckpoint(size, time);
    }
    const state = batch.state;
    if (state === undefined || state.size <= this.size) throw damaged("its size");
    await this.#store.write(batch.end());
    this.#state = state;
  }
}

/** An entry whose terms are still to be looked up. */
interface Added {
  readonly index: number;
  readonly entry: Uint8Array;
  readonly terms: readonly {
    readonly key: Uint8Array;
    readonly name: string;
    readonly kind: Term["kind"];
  }[];
}

function sourceOf(replay: LogReplay, recent: RecentStatements | undefined): IndexSource {
  return {
    size: replay.size,
    entries: async function* (bundle, from) {
      let index = from;
      for (const entry of await replay.digests(bundle, from)) {
        yield recent?.take(entry) ?? (await replay.read(entry, index));
        index++;
      }
    },
    times: async function* (bundle, above) {
      for await (const record of replay.checkpoints(bundle, above)) {
        const { size, time } = decodeStated(decodeChainLink(record).checkpoint);
        yield { size, time };
      }
    },
  };
}

function decoded(statement: Uint8Array | SignedStatement): SignedStatement {
  if (!(statement instanceof Uint8Array)) return statement;
  // What is logged was admitted, whatever the policy says about subjects today.
  return SignedStatement.decode(statement, { isSubjectOptional: true });
}

/** The rows of one write. */
class Batch {
  readonly #rows: SearchRows;
  readonly #log: IndexedLog;
  readonly #written: Row[] = [];
  readonly #terms = new Map<string, { readonly key: Uint8Array; readonly state: KeyState }>();
  // Owned by add and lookUp: entries whose terms are not looked up yet.
  readonly #added: Added[] = [];
  // Owned by lookUp: what is stored of the terms that it lists.
  readonly #known = new Map<string, KeyState | undefined>();
  // Owned by add and lookUp.
  #state: IndexState | undefined;
  #bytes = 0;
  #addedBytes = 0;

  constructor(rows: SearchRows, state: IndexState | undefined, log: IndexedLog) {
    this.#rows = rows;
    this.#state = state;
    this.#log = log;
  }

  get state(): IndexState | undefined {
    return this.#state;
  }

  /** Bytes of what its entries are shown with, and found by in their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  async add(index: number, statement: SignedStatement, mentions?: MentionKeys): Promise<void> {
    const { entry } = statement;
    const terms = termsOf(statement);
    const row = entryRow(index, factsIn(entry, terms));
    this.#bytes += row.value.length;
    this.#written.push(row);
    for (const mention of mentionRows(index, mentions ?? mentionKeysOf(mentionsIn(statement)))) {
      this.#bytes += mention.key.length + mention.value.length;
      this.#written.push(mention);
    }
    this.#added.push({
      ...{ index, entry },
      terms: terms.map((term) => {
        const key = termKey(term);
        return { key, name: encodeHex(key), kind: term.kind };
      }),
    });
    this.#addedBytes += statement.normalised.length;
    const first = this.#state?.first ?? entry;
    const head = headIn(statement, index, this.#log) ?? this.#state?.head;
    const { members } = this.#state ?? { members: 0 };
    this.#state = { size: index + 1, members, first, last: entry, head };
    const isEnough = this.#added.length >= LOOKUP_ENTRIES || this.#addedBytes > LOOKUP_BYTES;
    if (isEnough) await this.lookUp();
  }

  /** Lays the entries that were added behind the lists of their terms, which it reads at once. */
  async lookUp(): Promise<void> {
    const terms = new Map(this.#added.flatMap((one) => one.terms.map((term) => [term.name, term])));
    const unread = [...terms.values()].filter(({ name }) => !this.#terms.has(name));
    const states = await this.#rows.keys(unread.map(({ key }) => key));
    unread.forEach(({ name }, i) => {
      this.#known.set(name, states[i]);
    });
    for (const added of this.#added.splice(0)) this.#list(added);
    this.#known.clear();
    this.#addedBytes = 0;
  }

  #list({ index, entry, terms }: Added): void {
    let { members } = this.#state ?? { members: 0 };
    for (const { key, name, kind } of terms) {
      const before = this.#terms.get(name)?.state ?? this.#known.get(name);
      const list = extendList(before?.list ?? EMPTY_LIST, { index, entry });
      this.#terms.set(name, { key, state: { list, index } });
      this.#written.push(listedRow(key, index, { entry, list }));
      if (list.count > 1 || !isCommitted(kind)) continue;
      this.#written.push(memberRow(key));
      members++;
    }
    if (this.#state !== undefined) this.#state = { ...this.#state, members };
  }

  addCheckpoint(size: number, time: number): void {
    this.#written.push(checkpointRow(size, time));
  }

  end(): readonly Row[] {
    const keys = [...this.#terms.values()].map(({ key, state }) => keyRow(key, state));
    const state = this.#state === undefined ? [] : [stateRow(this.#state)];
    return [...this.#written, ...keys, ...state];
  }
}

function factsIn(entry: Uint8Array, terms: readonly Term[]): EntryFacts {
  const valueOf = (kind: Term["kind"]): string | undefined =>
    terms.find((term) => term.kind === kind)?.value;
  return {
    ...{ entry, issuer: valueOf("issuer") ?? "", payload: valueOf("payload") ?? "" },
    ...{ subject: valueOf("subject"), contentType: valueOf("contentType") },
  };
}

function headIn(
  statement: SignedStatement,
  index: number,
  log: IndexedLog,
): CommittedHead | undefined {
  if (!isHeadStatement(statement, log) || statement.payload === null) return undefined;
  try {
    const { size, root } = decodeHead(statement.payload);
    return size <= index ? { entry: statement.entry, index, size, root } : undefined;
  } catch {
    // That it is none is for auditors to say; it proves nothing to anybody.
    return undefined;
  }
}
