import { Accumulator } from "./accumulator.js";
import { CoseError } from "./error.js";
import { INDEFINITE, MAJOR } from "./head.js";
import { DEFAULT_CBOR_LIMITS } from "./limits.js";

/** What bounds a sequence. */
export interface SequenceLimits {
  /** Longest item; 16 MiB by default. */
  readonly maxItemBytes?: number;
}

/**
 * Cuts a CBOR sequence (RFC 8742) into its items as the bytes come, holding at most one item that is
 * not whole. Looks at lengths alone: what an item is, is for others to say.
 */
export class SequenceSplitter {
  readonly #maxBytes: number;
  // Owned by take: what no whole item has come of yet, and how many bytes it takes to get further.
  readonly #held = new Accumulator();
  #wanted = 1;
  // Owned by take and #advance: how far the item is known, and how many items stand there still.
  #at = 0;
  #left = 1;

  constructor({ maxItemBytes = DEFAULT_CBOR_LIMITS.maxBytes }: SequenceLimits = {}) {
    this.#maxBytes = maxItemBytes;
  }

  /**
   * Yields the items that are whole once the piece is there, as views.
   *
   * @throws {@link CoseError} `COSE_CBOR_MALFORMED`, `COSE_CBOR_INDEFINITE`, `COSE_CBOR_LIMIT`
   */
  *take(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    this.#held.add(piece);
    for (;;) {
      const bytes = this.#held.bytes();
      if (bytes.length < this.#wanted) return;
      this.#wanted = this.#advance(bytes);
      if (this.#wanted > bytes.length) return;
      const end = this.#at;
      this.#at = 0;
      this.#left = 1;
      this.#wanted = 1;
      // Also where this is the last time that anybody asks for more.
      this.#held.drop(end);
      yield bytes.subarray(0, end);
    }
  }

  /**
   * Ends the sequence.
   *
   * @throws {@link CoseError} `COSE_CBOR_MALFORMED` in the middle of an item
   */
  finish(): void {
    if (this.#held.length === 0) return;
    throw new CoseError("COSE_CBOR_MALFORMED", "the sequence ends within an item");
  }

  /** Looks for the end of the item, and yields how many bytes there must be to get that far. */
  #advance(bytes: Uint8Array): number {
    while (this.#left > 0) {
      const { major, argument, end } = headAt(bytes, this.#at);
      if (end > bytes.length) return this.#within(end);
      this.#at = end;
      this.#left--;
      if (major === MAJOR.bytes || major === MAJOR.text) this.#at += argument;
      else if (major === MAJOR.array) this.#left += argument;
      else if (major === MAJOR.map) this.#left += 2 * argument;
      else if (major === MAJOR.tag) this.#left++;
      // Every item that stands there still takes one byte at least.
      this.#within(this.#at + this.#left);
    }
    return this.#at;
  }

  #within(length: number): number {
    if (length <= this.#maxBytes) return length;
    throw new CoseError("COSE_CBOR_LIMIT", `an item is over ${this.#maxBytes} bytes`);
  }
}

interface Head {
  readonly major: number;
  readonly argument: number;
  readonly end: number;
}

/** Reads a head (RFC 8949 §3), whose `end` is behind the bytes where it is not whole. */
function headAt(bytes: Uint8Array, at: number): Head {
  const first = bytes[at];
  if (first === undefined) return { major: 0, argument: 0, end: at + 1 };
  const info = first & 31;
  const major = first >> 5;
  if (info < 24) return { major, argument: info, end: at + 1 };
  if (info === INDEFINITE) {
    throw new CoseError("COSE_CBOR_INDEFINITE", "an item is of indefinite length");
  }
  if (info > 27) throw new CoseError("COSE_CBOR_MALFORMED", "the head of an item is reserved");
  const end = at + 1 + 2 ** (info - 24);
  let argument = 0;
  for (const byte of bytes.subarray(at + 1, end)) argument = argument * 256 + byte;
  return { major, argument, end };
}
