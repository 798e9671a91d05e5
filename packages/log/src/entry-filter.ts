// A Bloom filter needs no hash here: entries are SHA-256 digests, and each of their eight words names a
// bit. At 16 bits an entry one in 1,700 that is not there is taken for one that may be, in each segment.
const WORDS = 8;
const WORD_BYTES = 4;
const BITS_PER_ENTRY = 16;
const BITS_PER_WORD = 32;

const FIRST_SEGMENT = 2 ** 17;
const LARGEST_SEGMENT = 2 ** 22;

/** Entries that a filter takes: 128 MiB of bits. */
export const MAX_FILTERED: number = 2 ** 26;

/**
 * Tells entries that were never added from those that may have been, in two bytes for each. It grows by
 * segments, each twice as large as the one before up to 8 MiB.
 */
export class EntryFilter {
  // Owned by add. Lengths are powers of two.
  readonly #segments: Uint32Array[] = [];
  #room = 0;
  #count = 0;

  /** How many entries were added. */
  get count(): number {
    return this.#count;
  }

  /** Whether it takes no more. */
  get isFull(): boolean {
    return this.#count >= MAX_FILTERED;
  }

  /**
   * Adds an entry of 32 bytes.
   *
   * @throws RangeError where it {@link EntryFilter.isFull}
   */
  add(entry: Uint8Array): void {
    if (this.isFull) throw new RangeError(`more than ${MAX_FILTERED} entries`);
    if (this.#room === 0) this.#grow();
    const segment = this.#segments.at(-1) ?? EMPTY;
    for (let word = 0; word < WORDS; word++) {
      const at = wordAt(entry, word);
      const place = placeIn(segment, at);
      segment[place] = (segment[place] ?? 0) | (1 << (at % BITS_PER_WORD));
    }
    this.#room--;
    this.#count++;
  }

  /** Yields `false` of an entry that was not added, and `true` of one that was, or may have been. */
  mayHave(entry: Uint8Array): boolean {
    return this.#segments.some((segment) => isIn(segment, entry));
  }

  #grow(): void {
    const entries = Math.min(FIRST_SEGMENT * 2 ** this.#segments.length, LARGEST_SEGMENT);
    this.#segments.push(new Uint32Array((entries * BITS_PER_ENTRY) / BITS_PER_WORD));
    this.#room = entries;
  }
}

const EMPTY = new Uint32Array();

function isIn(segment: Uint32Array, entry: Uint8Array): boolean {
  for (let word = 0; word < WORDS; word++) {
    const at = wordAt(entry, word);
    const bit = 1 << (at % BITS_PER_WORD);
    if (((segment[placeIn(segment, at)] ?? 0) & bit) === 0) return false;
  }
  return true;
}

/** Yields which number of a segment has the bit that a word names. */
function placeIn({ length }: Uint32Array, word: number): number {
  return Math.floor(word / BITS_PER_WORD) % length;
}

// A DataView would have a short array leave V8's heap, which takes longer than all of this.
function wordAt(entry: Uint8Array, word: number): number {
  const at = word * WORD_BYTES;
  const high = (entry[at] ?? 0) * 256 + (entry[at + 1] ?? 0);
  return high * 65_536 + (entry[at + 2] ?? 0) * 256 + (entry[at + 3] ?? 0);
}
