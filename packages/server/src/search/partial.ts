import { encodeHex } from "@tallystick/cose";

import type { EntryFacts } from "./rows.js";
import type { SearchIndex } from "./search-index.js";

/** Most entries that one page names: it ends before the next one. */
const MAX_PARTIAL = 100;

/** An entry that may speak of more than it is found by. */
export interface PartialEntry {
  readonly index: number;
  readonly entryId: string;
}

/** The entries of a range that may speak of more than they are found by. */
export interface PartialEntries {
  readonly entries: readonly (PartialEntry & { readonly facts: EntryFacts })[];
  /** Index of the first that is not among them, for there are too many; `null` where all of them are. */
  readonly end: number | null;
}

/**
 * Yields the entries of a range of indexes that may speak of more than they are found by, the first 100
 * of them.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function partialWithin(
  { rows, mentions }: SearchIndex,
  range: { readonly from: number; readonly before: number },
): Promise<PartialEntries> {
  const found = await mentions.partial({ ...range, limit: MAX_PARTIAL + 1 });
  const indexes = found.slice(0, MAX_PARTIAL);
  const facts = await rows.facts(indexes);
  const entries = facts.map((one, i) => {
    const index = indexes[i] ?? 0;
    return { index, entryId: encodeHex(one.entry), facts: one };
  });
  return { entries, end: found[MAX_PARTIAL] ?? null };
}
