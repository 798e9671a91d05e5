import { decodeBundle, TILE_WIDTH } from "@tallystick/merkle";

import { bundleKey } from "./layout.js";
import type { Survey } from "./survey.js";

// 2 MiB of entries kept at hand while index rows, which come in random order, are looked up.
const MAX_BUNDLES = 256;

/** Entries by index, a few bundles of them kept. */
export class EntryLookup {
  readonly #survey: Survey;
  // Owned by at.
  readonly #bundles = new Map<number, readonly Uint8Array[]>();

  constructor(survey: Survey) {
    this.#survey = survey;
  }

  /** Yields the entry at an index, `undefined` where the bundle has none. */
  async at(index: number): Promise<Uint8Array | undefined> {
    const bundle = Math.floor(index / TILE_WIDTH);
    const entries = this.#bundles.get(bundle) ?? (await this.#read(bundle));
    return entries[index % TILE_WIDTH];
  }

  async #read(bundle: number): Promise<readonly Uint8Array[]> {
    const key = bundleKey(bundle);
    const [payload] = await this.#survey.require([key]);
    const entries = (payload && this.#survey.decode(key, payload, decodeBundle)) ?? [];
    if (this.#bundles.size >= MAX_BUNDLES) this.#bundles.clear();
    this.#bundles.set(bundle, entries);
    return entries;
  }
}
