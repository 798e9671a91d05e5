import { encodeNumber } from "@tallystick/catalog";
import type { ListState } from "@tallystick/catalog";
import { encodeCbor, spliceBytes } from "@tallystick/cose";
import { sealRow } from "@tallystick/log";
import type { Row, RowBlock } from "@tallystick/log";

import { encodeOrdinal } from "./ordinal.js";
import { ROW, payloadPart, termLetter } from "./row-keys.js";
import type { ListedTerm } from "./row-keys.js";
import { CHAIN_EVERY, FACTS_HEAD, SEARCH_FORMAT } from "./rows.js";
import type { IndexState, TermState } from "./rows.js";

const NULL = encodeCbor(null);

/** What an entry is shown with, to be written: the entry, texts in CBOR, and the digest of the payload. */
export interface EncodedFacts {
  readonly entry: Uint8Array;
  readonly issuer: Uint8Array | undefined;
  readonly subject: Uint8Array | undefined;
  readonly contentType: Uint8Array | undefined;
  readonly payload: Uint8Array;
}

/** Makes the row of the state. */
export function stateRow({ size, terms, members, first, last, head }: IndexState): Row {
  const kept = head === undefined ? null : [head.entry, head.index, head.size, head.root];
  const parts = [SEARCH_FORMAT, size, terms, members, first, last, kept];
  return sealRow(ROW.state, encodeCbor(parts));
}

/** Makes the row that stands in the place of a state: whoever opens the index finds it damaged. */
export function condemnedRow(): Row {
  return sealRow(ROW.state, encodeCbor(["condemned"]));
}

/** Makes the rows of an index that are written together. */
export class RowMaker {
  readonly #block: RowBlock;

  constructor(block: RowBlock) {
    this.#block = block;
  }

  /** Makes the row of a checkpoint: its time. */
  checkpoint(size: number, time: number): Row {
    return this.#block.seal([ROW.checkpoint, encodeOrdinal(size)], [encodeNumber(time)]);
  }

  /** Makes the row of the facts of an entry. */
  entry(index: number, facts: EncodedFacts): Row {
    const { entry, issuer = NULL, subject = NULL, contentType = NULL, payload } = facts;
    const parts = [FACTS_HEAD, entry, issuer, subject, contentType, spliceBytes(payload)];
    return this.#block.seal([ROW.entry, encodeOrdinal(index)], parts);
  }

  /** Makes the row by which an entry is found by its payload. */
  payload(digest: Uint8Array, index: number): Row {
    return this.#block.bare([ROW.payload, payloadPart(digest), encodeOrdinal(index)]);
  }

  /** Makes the row of what the list of a term comes to. */
  term({ kind, key }: ListedTerm, { number, list, index }: TermState): Row {
    const numbers = [encodeOrdinal(number), encodeOrdinal(list.count), encodeOrdinal(index)];
    return this.#block.seal([termLetter(kind), key], [...numbers, list.digest]);
  }

  /** Makes the row of an entry in the list with a number; every eighth one has what the list came to. */
  listed(number: number, index: number, { count, digest }: ListState): Row {
    const key = [ROW.listed, encodeOrdinal(number), encodeOrdinal(index)];
    if (count % CHAIN_EVERY !== 0) return this.#block.bare(key);
    return this.#block.seal(key, [encodeOrdinal(count), digest]);
  }
}
