import { ClientError } from "@tallystick/client";

/** Longest item: a statement of 16 MiB, and its collateral. */
const MAX_ITEM_BYTES = 33_554_432;

/** Cuts a CBOR sequence (RFC 8742) into its items, which are byte strings or arrays of them. */
export class SequenceReader {
  // Owned by take: what no whole item has come of yet.
  #pieces: Uint8Array[] = [];
  #length = 0;
  // How many bytes there must be before it is worth another look.
  #wanted = 1;

  /** Whether nothing is left over. */
  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /**
   * Yields the items that are whole once the piece is there.
   *
   * @throws ClientError `CLIENT_PROTOCOL`
   */
  *take(piece: Uint8Array): Iterable<Uint8Array> {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length < this.#wanted) return;
    const bytes = new Uint8Array(Buffer.concat(this.#pieces));
    let at = 0;
    for (;;) {
      const end = endOfItem(bytes, at);
      if (end > at + MAX_ITEM_BYTES) {
        throw new ClientError("CLIENT_PROTOCOL", "an item of the answer is too long");
      }
      this.#wanted = end - at;
      if (end > bytes.length) break;
      yield bytes.subarray(at, end);
      at = end;
      if (at === bytes.length) {
        this.#wanted = 1;
        break;
      }
    }
    this.#pieces = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#length = bytes.length - at;
  }
}

/** Yields where an item ends, or beyond the bytes at hand, where it is known to reach. */
function endOfItem(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let items = 1; items > 0; items--) {
    const first = bytes[at];
    if (first === undefined) return at + 1;
    const major = first >> 5;
    const width = [1, 2, 4, 8][(first & 31) - 24] ?? 0;
    // The heads behind these are reserved, or of indefinite length.
    if ((major !== 2 && major !== 4) || (first & 31) > 27) {
      throw new ClientError("CLIENT_PROTOCOL", "the answer is not of the form of a replay");
    }
    if (bytes.length < at + 1 + width) return at + 1 + width;
    let count = width === 0 ? first & 31 : 0;
    for (const byte of bytes.subarray(at + 1, at + 1 + width)) count = count * 256 + byte;
    at += 1 + width;
    if (major === 2) at += count;
    else items += Math.min(count, 2);
    if (at > bytes.length) return at;
  }
  return at;
}
