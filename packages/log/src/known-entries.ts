import { setTimeout as wait } from "node:timers/promises";

import { TILE_WIDTH } from "@tallystick/merkle";

import { EntryFilter } from "./entry-filter.js";
import { bundleKey } from "./layout.js";
import { decodeFullBundle, type Reader } from "./reader.js";
import type { View } from "./view.js";

/** Below it rows by digest are few enough to be looked up, each time. */
const FILTERED_FROM = 65_536;

// Bundles in one read, and how many times as long as they took the process has for all else.
const BUNDLES_AT_ONCE = 32;
const REST = 1;

/** What {@link KnownEntries} needs. */
export interface KnownOptions {
  readonly reader: Pick<Reader, "payloads">;
  /** Size from which on there is a filter; 65,536 unless given. */
  readonly from: number | undefined;
}

/**
 * Remembers which entries are logged, roughly, so that one that is not need not be looked up: LevelDB
 * takes every row that it had to look for in two of its files for a reason to merge them, and with
 * digests, which fall anywhere, merges all of them over and over (docs/decisions.md).
 *
 * The filter is filled from the bundles, in the background, once there is something to look up. Until it
 * is whole, and where a bundle cannot be read, every entry may be logged: the store is asked, as it is
 * about every one that the filter does not rule out.
 */
export class KnownEntries {
  readonly #reader: Pick<Reader, "payloads">;
  readonly #from: number;
  readonly #abort = new AbortController();
  // Owned by add and #fill: undefined before the first round, and for good where it cannot be whole.
  #filter: EntryFilter | undefined;
  #isWhole = false;
  #filling: Promise<void> | undefined;

  constructor({ reader, from = FILTERED_FROM }: KnownOptions) {
    this.#reader = reader;
    this.#from = from;
  }

  /** Yields `false` only of an entry that is not logged. */
  mayHave(entry: Uint8Array): boolean {
    return !this.#isWhole || this.#filter?.mayHave(entry) !== false;
  }

  /** Takes in what a round has logged, before another one asks; `view` is the tree after it. */
  add(entries: readonly Uint8Array[], view: View): void {
    if (this.#filling === undefined) this.#begin(view);
    else for (const entry of entries) this.#put(entry);
  }

  /** Ends after the read under way; to be awaited before the store is closed. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#filling;
  }

  #begin({ size, edge }: View): void {
    if (size < this.#from || this.#abort.signal.aborted) return;
    this.#filter = new EntryFilter();
    for (const entry of edge.bundle) this.#put(entry);
    this.#filling = this.#fill(Math.floor(size / TILE_WIDTH)).catch(() => {
      // What cannot be read is found by the scrub, and told by it.
      this.#giveUp();
    });
  }

  async #fill(bundles: number): Promise<void> {
    for (let first = 0; first < bundles; first += BUNDLES_AT_ONCE) {
      const length = Math.min(BUNDLES_AT_ONCE, bundles - first);
      const keys = Array.from({ length }, (_, i) => bundleKey(first + i));
      const payloads = await this.#reader.payloads(keys);
      const began = performance.now();
      keys.forEach((key, i) => {
        for (const entry of decodeFullBundle(key, payloads[i])) this.#put(entry);
      });
      const { signal } = this.#abort;
      await wait(REST * (performance.now() - began), undefined, { signal, ref: false });
      if (this.#filter === undefined) return;
    }
    this.#isWhole = this.#filter !== undefined;
  }

  #put(entry: Uint8Array): void {
    if (this.#filter?.isFull === true) this.#giveUp();
    this.#filter?.add(entry);
  }

  #giveUp(): void {
    this.#filter = undefined;
    this.#isWhole = false;
  }
}
