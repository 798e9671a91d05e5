import {
  EMPTY_LIST,
  decodeHead,
  extendList,
  headerTermsOf,
  isCommitted,
  isHeadStatement,
  payloadDigestOf,
  termKey,
} from "@tallystick/catalog";
import type { HeaderTerm, IndexedLog, ListState, ListedEntry } from "@tallystick/catalog";
import { spliceText } from "@tallystick/cose";
import { RowBlock } from "@tallystick/log";
import type { Row } from "@tallystick/log";
import type { SignedStatement } from "@tallystick/statement";

import { TermMap } from "./known-terms.js";
import type { KnownTerm, KnownTerms } from "./known-terms.js";
import { mentionRows } from "./mention-rows.js";
import type { MentionKeys } from "./mention-rows.js";
import type { ListedKind } from "./row-keys.js";
import { RowMaker, stateRow } from "./row-maker.js";
import type { EncodedFacts } from "./row-maker.js";
import type { CommittedHead, IndexState, SearchRows, TermState } from "./rows.js";

/** Entries, and bytes of their statements, whose terms are looked up in one read. */
const LOOKUP_ENTRIES = 256;
const LOOKUP_BYTES = 1_048_576;

/** What a batch is made over. */
export interface BatchParts {
  readonly rows: SearchRows;
  readonly known: KnownTerms;
  readonly log: IndexedLog;
}

/** A term of the batch, and what its list comes to with what is added so far. */
interface BatchTerm extends HeaderTerm, Pick<KnownTerm, "key" | "text"> {
  // Owned by lookUp and #list; `undefined` without entries.
  state: TermState | undefined;
}

/** An entry whose terms are still to be looked up. */
interface Added {
  readonly index: number;
  readonly entry: Uint8Array;
  readonly terms: readonly BatchTerm[];
}

/** The rows of one write: those of each entry, and one for each term and the state in the end. */
export class Batch {
  readonly #parts: BatchParts;
  readonly #block = new RowBlock();
  readonly #make = new RowMaker(this.#block);
  readonly #written: Row[] = [];
  readonly #terms: BatchTerm[] = [];
  readonly #byValue = new TermMap<BatchTerm>();
  // Owned by add and lookUp: entries whose terms are not looked up yet, and those terms.
  readonly #added: Added[] = [];
  readonly #unread: BatchTerm[] = [];
  // Owned by add and lookUp.
  #state: IndexState | undefined;
  #bytes = 0;
  #addedBytes = 0;

  constructor(parts: BatchParts, state: IndexState | undefined) {
    this.#parts = parts;
    this.#state = state;
  }

  get state(): IndexState | undefined {
    return this.#state;
  }

  /** Bytes of what its entries are shown with, and found by in their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether so much has been added that {@link Batch.lookUp} is due. */
  get isLookUpDue(): boolean {
    return this.#added.length >= LOOKUP_ENTRIES || this.#addedBytes > LOOKUP_BYTES;
  }

  /** How many rows it has so far. */
  get rows(): number {
    return this.#written.length;
  }

  /** Adds the next entry, and what it speaks of. */
  add(index: number, statement: SignedStatement, mentions: MentionKeys): void {
    const { entry } = statement;
    const terms = headerTermsOf(statement).map((term) => this.#termOf(term));
    const payload = payloadDigestOf(statement);
    const row = this.#make.entry(index, { ...textsOf(terms), entry, payload });
    this.#bytes += row.value.length;
    this.#written.push(row, this.#make.payload(payload, index));
    for (const mention of mentionRows(this.#block, { index, entry }, mentions)) {
      this.#bytes += mention.key.length + mention.value.length;
      this.#written.push(mention);
    }
    this.#added.push({ index, entry, terms });
    this.#addedBytes += statement.normalised.length;
    const first = this.#state?.first ?? entry;
    const head = headIn(statement, index, this.#parts.log) ?? this.#state?.head;
    const { terms: numbered, members } = this.#state ?? { terms: 0, members: 0 };
    this.#state = { size: index + 1, terms: numbered, members, first, last: entry, head };
  }

  /** Lays the entries that were added behind the lists of their terms, which it reads at once. */
  async lookUp(): Promise<void> {
    const unread = this.#unread.splice(0);
    if (unread.length > 0) {
      const states = await this.#parts.rows.terms(unread);
      for (const [i, term] of unread.entries()) {
        term.state = states[i];
      }
    }
    for (const added of this.#added.splice(0)) this.#list(added);
    this.#addedBytes = 0;
  }

  addCheckpoint(size: number, time: number): void {
    this.#written.push(this.#make.checkpoint(size, time));
  }

  /** Yields the rows, all of whose entries are looked up. */
  end(): readonly Row[] {
    for (const term of this.#terms) {
      if (term.state !== undefined) this.#written.push(this.#make.term(term, term.state));
    }
    if (this.#state !== undefined) this.#written.push(stateRow(this.#state));
    return this.#written;
  }

  /** Takes note that the rows are stored. */
  written(): void {
    for (const { kind, value, key, text, state } of this.#terms) {
      if (state !== undefined) this.#parts.known.keep({ kind, value }, { key, text, state });
    }
  }

  #termOf(term: HeaderTerm): BatchTerm {
    const there = this.#byValue.get(term);
    if (there !== undefined) return there;
    const known = this.#parts.known.find(term);
    const made = {
      ...term,
      key: known?.key ?? termKey(term),
      text: known?.text ?? spliceText(term.value),
      state: known?.state,
    };
    this.#byValue.set(term, made);
    this.#terms.push(made);
    if (known === undefined) this.#unread.push(made);
    return made;
  }

  #list({ index, entry, terms }: Added): void {
    let { terms: numbered, members } = this.#state ?? { terms: 0, members: 0 };
    for (const term of terms) {
      if (term.state === undefined && isCommitted(term.kind)) members++;
      const { number, list: before } = term.state ?? { number: numbered++, list: EMPTY_LIST };
      const list = extended(term.kind, before, { index, entry });
      term.state = { number, list, index };
      this.#written.push(this.#make.listed(number, index, list));
    }
    if (this.#state !== undefined) this.#state = { ...this.#state, terms: numbered, members };
  }
}

/** Yields a list with one entry more, which is hashed where the list is committed to. */
function extended(kind: ListedKind, list: ListState, listed: ListedEntry): ListState {
  if (isCommitted(kind)) return extendList(list, listed);
  return { count: list.count + 1, digest: list.digest };
}

function textsOf(terms: readonly BatchTerm[]): Omit<EncodedFacts, "entry" | "payload"> {
  const textOf = (wanted: ListedKind): Uint8Array | undefined =>
    terms.find(({ kind }) => kind === wanted)?.text;
  const [issuer, subject] = [textOf("issuer"), textOf("subject")];
  return { issuer, subject, contentType: textOf("contentType") };
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
