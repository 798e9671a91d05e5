import { concatBytes } from "@tallystick/cose";

import { DIGEST_BYTES, NUMBER_BYTES, decodeNumber, encodeNumber, isSame, sha256 } from "./bytes.js";
import { CatalogError, malformed } from "./error.js";

/** An entry in a list. */
export interface ListedEntry {
  /** Index of its leaf. */
  readonly index: number;
  /** 32 bytes. */
  readonly entry: Uint8Array;
}

/** What a list comes to: how many entries, and the end of the hash chain over them. */
export interface ListState {
  readonly count: number;
  readonly digest: Uint8Array;
}

/** The list without entries. */
export const EMPTY_LIST: ListState = Object.freeze({
  count: 0,
  digest: new Uint8Array(DIGEST_BYTES),
});

/** Bytes of an entry in a list that is written down. */
export const LISTED_BYTES: number = NUMBER_BYTES + DIGEST_BYTES;
const LINK = Uint8Array.of(2);

/** Yields the list with one entry more, whose index is above all that are in it. */
export function extendList({ count, digest }: ListState, listed: ListedEntry): ListState {
  const { index, entry } = requireEntry(listed);
  return { count: count + 1, digest: sha256(LINK, digest, encodeNumber(index), entry) };
}

/**
 * Yields the entries once they are all of a list, in their order: as many as it counts, and chained to
 * its digest.
 *
 * @throws {@link CatalogError} `CATALOG_LIST_DIFFERS`
 */
export function verifyList(
  entries: readonly ListedEntry[],
  { count, digest }: ListState,
): readonly ListedEntry[] {
  if (entries.length !== count) {
    throw differs(`it has ${entries.length} entries, and the index counts ${count}`);
  }
  let state = EMPTY_LIST;
  let before = -1;
  for (const listed of entries) {
    if (listed.index <= before) throw differs(`entry ${listed.index} comes behind ${before}`);
    before = listed.index;
    state = extendList(state, listed);
  }
  if (!isSame(state.digest, digest)) throw differs("its entries are others than the index has");
  return entries;
}

/** Yields entries as one byte string, 40 bytes each: the index, big-endian, and the entry. */
export function encodeEntries(entries: readonly ListedEntry[]): Uint8Array {
  return concatBytes(entries.map(encodeListed));
}

/**
 * Yields the entries that {@link encodeEntries} has written.
 *
 * @throws {@link CatalogError} `CATALOG_MALFORMED`
 */
export function decodeEntries(bytes: Uint8Array): readonly ListedEntry[] {
  if (bytes.length % LISTED_BYTES !== 0) throw malformed("the list ends within an entry");
  return Array.from({ length: bytes.length / LISTED_BYTES }, (_, i) => {
    const at = i * LISTED_BYTES;
    const index = decodeNumber(bytes, at);
    if (Number.isNaN(index)) throw malformed("the list has an index beyond 2^53 - 1");
    return { index, entry: bytes.slice(at + NUMBER_BYTES, at + LISTED_BYTES) };
  });
}

function encodeListed(listed: ListedEntry): Uint8Array {
  const { index, entry } = requireEntry(listed);
  return concatBytes([encodeNumber(index), entry]);
}

function requireEntry(listed: ListedEntry): ListedEntry {
  const { length } = listed.entry;
  if (length !== DIGEST_BYTES) throw new TypeError(`entry of ${length} bytes`);
  return listed;
}

function differs(how: string): CatalogError {
  return new CatalogError("CATALOG_LIST_DIFFERS", `the list is not the one of the index: ${how}`);
}
