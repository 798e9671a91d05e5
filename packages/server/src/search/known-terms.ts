import type { HeaderTerm } from "@tallystick/catalog";

import type { ListedKind } from "./row-keys.js";
import type { TermState } from "./rows.js";

/** A term that is stored, its key, its value as a CBOR text, and what its list comes to. */
export interface KnownTerm {
  readonly key: Uint8Array;
  readonly text: Uint8Array;
  readonly state: TermState;
}

/** Terms, and bytes of memory, about, of each generation; there are two. */
const MAX_TERMS = 4096;
const MAX_BYTES = 2_097_152;

/** What a term takes up, about, besides its value and its text. */
const OBJECT_BYTES = 256;

/** Longer values are looked up each time, so that a few of them do not push out all others. */
const MAX_VALUE_LENGTH = 256;

/** Terms by kind and value. */
export class TermMap<T> {
  // Owned by set and clear; a text of both would be a longer way to the same.
  readonly #byKind = new Map<ListedKind, Map<string, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ kind, value }: HeaderTerm): T | undefined {
    return this.#byKind.get(kind)?.get(value);
  }

  set({ kind, value }: HeaderTerm, found: T): void {
    const values = this.#byKind.get(kind) ?? new Map<string, T>();
    this.#byKind.set(kind, values);
    this.#size -= values.size;
    values.set(value, found);
    this.#size += values.size;
  }
}

/**
 * What the lists of terms come to that were in use lately, so that they are not read again for each
 * batch. As it is stored: what was not written, or may not have been, is not in it.
 */
export class KnownTerms {
  // Owned by find and keep. What is not used while one generation fills up goes with the next.
  #young = new TermMap<KnownTerm>();
  #old = new TermMap<KnownTerm>();
  // Owned by keep: of each generation.
  #youngBytes = 0;
  #oldBytes = 0;

  /** Bytes of memory, about, that it takes up: 4 MiB and one term at most. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  find(term: HeaderTerm): KnownTerm | undefined {
    return this.#young.get(term) ?? this.#old.get(term);
  }

  /** Keeps what has been written of a term. */
  keep(term: HeaderTerm, known: KnownTerm): void {
    if (term.value.length > MAX_VALUE_LENGTH) return;
    if (this.#young.size >= MAX_TERMS || this.#youngBytes >= MAX_BYTES) {
      [this.#old, this.#oldBytes] = [this.#young, this.#youngBytes];
      [this.#young, this.#youngBytes] = [new TermMap(), 0];
    }
    if (this.#young.get(term) === undefined) {
      this.#youngBytes += OBJECT_BYTES + 2 * term.value.length + known.text.length;
    }
    this.#young.set(term, known);
  }
}
