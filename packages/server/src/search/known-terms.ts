import type { Term, TermKind } from "@tallystick/catalog";

import type { KeyState } from "./rows.js";

/** A term that is stored, its key, its value as a CBOR text, and what its list comes to. */
export interface KnownTerm {
  readonly key: Uint8Array;
  readonly text: Uint8Array;
  readonly state: KeyState;
}

/** Terms of each generation; there are two. */
const MAX_TERMS = 4096;

/** Longer values are looked up each time, so that what is kept is a few mebibytes at most. */
const MAX_VALUE_LENGTH = 256;

/** Kinds whose terms come again and again; the digest of a payload is seldom there twice. */
const KEPT: ReadonlySet<TermKind> = new Set<TermKind>(["issuer", "subject", "contentType"]);

/** Terms by kind and value. */
export class TermMap<T> {
  // Owned by set and clear; a text of both would be a longer way to the same.
  readonly #byKind = new Map<TermKind, Map<string, T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get({ kind, value }: Term): T | undefined {
    return this.#byKind.get(kind)?.get(value);
  }

  set({ kind, value }: Term, found: T): void {
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
  // Owned by find, keep and forget. What is not used while one generation fills up goes with the next.
  #young = new TermMap<KnownTerm>();
  #old = new TermMap<KnownTerm>();

  find(term: Term): KnownTerm | undefined {
    return this.#young.get(term) ?? this.#old.get(term);
  }

  /** Keeps what has been written of a term. */
  keep(term: Term, known: KnownTerm): void {
    if (!KEPT.has(term.kind) || term.value.length > MAX_VALUE_LENGTH) return;
    if (this.#young.size >= MAX_TERMS) {
      this.#old = this.#young;
      this.#young = new TermMap();
    }
    this.#young.set(term, known);
  }

  /** Forgets all, for nobody knows what is stored. */
  forget(): void {
    this.#young = new TermMap();
    this.#old = new TermMap();
  }
}
