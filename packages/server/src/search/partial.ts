import type { Term } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";

import type { EntryPlace } from "./mention-rows.js";
import { charactersOf, hasAll } from "./rows.js";
import type { SearchIndex } from "./search-index.js";

/** Most entries that one page names. */
const MAX_PARTIAL = 100;

/** Entries that are read at a time, and that are looked at for one page. */
const CHUNK = 32;
const MAX_LOOKED_AT = 4096;

/** Characters of all that is looked at for one page. */
const MAX_CHARACTERS = 8_388_608;

/** An entry that may speak of more than it is found by. */
export interface PartialEntry {
  readonly index: number;
  readonly entryId: string;
}

/** Where to look for what may speak of more than it is found by. */
export interface PartialSought {
  readonly from: number;
  readonly before: number;
  /** What rules an entry out that has not all of it. */
  readonly terms: readonly Term[];
  /** Indexes of entries that are found anyhow. */
  readonly hits: ReadonlySet<number>;
}

/** The first entries that may speak of more than they are found by. */
export interface PartialEntries {
  readonly partial: readonly PartialEntry[];
  /** Index of the first that was not looked at; `null` where all of them were. */
  readonly nextPartial: number | null;
}

/**
 * Yields the entries of a range of indexes that may speak of more than they are found by: the first 100,
 * or fewer where many are looked at and ruled out. What entries have is read where terms are asked for.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function partialWithin(
  index: SearchIndex,
  { from, before, terms, hits }: PartialSought,
): Promise<PartialEntries> {
  const partial: PartialEntry[] = [];
  let [at, lookedAt, characters] = [from, 0, 0];
  while (at < before) {
    const places = await index.mentions.partial({ from: at, before, limit: CHUNK });
    if (places.length === 0) break;
    const sought = terms.length === 0 ? undefined : await soughtAmong(index, places, terms);
    for (const [i, place] of places.entries()) {
      const isFull = partial.length >= MAX_PARTIAL || characters >= MAX_CHARACTERS;
      if (isFull || lookedAt >= MAX_LOOKED_AT) return { partial, nextPartial: place.index };
      lookedAt++;
      const { isSought, length } = sought?.[i] ?? { isSought: true, length: 0 };
      characters += length;
      if (isSought && !hits.has(place.index)) {
        partial.push({ index: place.index, entryId: encodeHex(place.entry) });
      }
      at = place.index + 1;
    }
  }
  return { partial, nextPartial: null };
}

async function soughtAmong(
  { rows }: SearchIndex,
  places: readonly EntryPlace[],
  terms: readonly Term[],
): Promise<readonly { readonly isSought: boolean; readonly length: number }[]> {
  const facts = await rows.facts(places.map(({ index }) => index));
  return facts.map((one) => ({ isSought: hasAll(one, terms), length: charactersOf(one) }));
}
