import { ClientError } from "./error.js";

const MAJOR = { bytes: 2, array: 4 } as const;

/**
 * Reads a CBOR sequence (RFC 8742) of byte strings, or of pairs of them, as it comes in: never more
 * than one item and one chunk at a time. Heads are in their shortest form, lengths definite.
 */
export class SequenceReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #maxBytes: number;
  // Owned by #fill: what of the chunk read last is not used yet.
  #rest: Uint8Array = new Uint8Array();

  /** `maxBytes` bounds one byte string. */
  constructor(chunks: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#maxBytes = maxBytes;
  }

  /** Yields whether the sequence ends here, between two items. */
  async isAtEnd(): Promise<boolean> {
    return !(await this.#fill());
  }

  /** @throws {@link ClientError} `CLIENT_PROTOCOL` */
  async byteString(): Promise<Uint8Array> {
    const length = await this.#head(MAJOR.bytes);
    if (length > this.#maxBytes) {
      throw malformed(`a byte string is longer than ${this.#maxBytes} bytes`);
    }
    return this.#take(length);
  }

  /** Yields the byte strings of an array of two. @throws {@link ClientError} `CLIENT_PROTOCOL` */
  async pair(): Promise<readonly [Uint8Array, Uint8Array]> {
    if ((await this.#head(MAJOR.array)) !== 2) throw malformed("no array of two");
    return [await this.byteString(), await this.byteString()];
  }

  /** Lets go of what is still to come. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #head(major: number): Promise<number> {
    const [initial = 0] = await this.#take(1);
    const info = initial & 0x1f;
    if (initial >> 5 !== major || info > 26) throw malformed("an item is of another kind");
    if (info < 24) return info;
    const bytes = await this.#take(2 ** (info - 24));
    const value = bytes.reduce((number, byte) => number * 256 + byte, 0);
    const least = info === 24 ? 24 : 2 ** (4 * 2 ** (info - 24));
    if (value < least) throw malformed("a length is not in its shortest form");
    return value;
  }

  async #take(length: number): Promise<Uint8Array> {
    const taken = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (!(await this.#fill())) throw malformed("it ends inside an item");
      const part = this.#rest.subarray(0, length - at);
      taken.set(part, at);
      at += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return taken;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#rest = next.value;
    }
    return true;
  }
}

function malformed(message: string): ClientError {
  return new ClientError("CLIENT_PROTOCOL", `CBOR sequence: ${message}`);
}
