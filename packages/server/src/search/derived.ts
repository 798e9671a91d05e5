import { encodeCompleteness } from "@tallystick/catalog";
import type { Term } from "@tallystick/catalog";

import { IndexProver } from "./prover.js";
import { searchPage } from "./query.js";
import type { SearchPage, SearchQuery } from "./query.js";
import type { CommittedHead } from "./rows.js";
import { SearchIndex } from "./search-index.js";
import type { GoesOn, IndexSource, SearchIndexOptions } from "./search-index.js";

/** What a service has committed to, and what it should have. */
export interface Commitment {
  readonly head: CommittedHead;
  /** Root of the index over the entries that the head covers, as it was made here. */
  readonly root: Uint8Array;
}

/** The search index of a log that somebody else runs, made out of what can be read of it. */
export class DerivedSearch {
  readonly #index: SearchIndex;
  readonly #prover: IndexProver;

  private constructor(index: SearchIndex) {
    this.#index = index;
    this.#prover = new IndexProver(index);
  }

  /**
   * Makes the index in an empty store, which is closed where that fails. After each bundle it goes on only
   * as long as `goesOn` says so; whoever stops it has the index of a part.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`; what reading the log throws
   */
  static async make(
    options: SearchIndexOptions,
    source: IndexSource,
    goesOn?: GoesOn,
  ): Promise<DerivedSearch> {
    try {
      const index = await SearchIndex.open(options);
      await index.takeAll(source, goesOn);
      return new DerivedSearch(index);
    } catch (error) {
      await options.store.close();
      throw error;
    }
  }

  /**
   * Yields a page of what the index has.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  page(query: SearchQuery): Promise<SearchPage> {
    return searchPage(this.#index, query);
  }

  /**
   * Yields the newest head that the service has put on its log, with the root that the index had there;
   * `undefined` before the first.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async commitment(): Promise<Commitment | undefined> {
    const { head } = this.#index;
    return head && { head, root: await this.#prover.rootAt(head.size) };
  }

  /**
   * Yields all entries of a term up to the newest head that the service has put on its log, as a
   * completeness proof; `headOf` yields its statement with a receipt.
   *
   * @throws {@link ServerError} `SERVER_HEAD_MISSING`, `SERVER_LIST_TOO_LONG`; LogError `LOG_CORRUPT`
   * where the head commits to another index; what `headOf` throws
   */
  async completeness(
    term: Term,
    headOf: (head: CommittedHead) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const { kind, value, head, path, entries } = await this.#prover.prove(term);
    return encodeCompleteness({ kind, value, head: await headOf(head), path, entries });
  }

  /** Closes the store. */
  close(): Promise<void> {
    return this.#index.close();
  }
}
