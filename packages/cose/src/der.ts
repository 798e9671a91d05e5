import { CoseError } from "./error.js";
import { encodeHex } from "./hex.js";

/** DER tags that keys are made of (X.690 §8). */
export const DER = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
} as const;

/**
 * A strict reader over DER (X.690 §10), so that a key file gets one verdict on every platform:
 * definite, shortest lengths; non-negative integers in shortest form; no spare bits; no bytes
 * after the end. Elements are views into the input.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Yields whether the next element has this tag; false at the end. */
  isNext(tag: number): boolean {
    return this.#bytes[this.#offset] === tag;
  }

  /**
   * Yields the content of the next element.
   *
   * @throws {@link CoseError} `COSE_KEY_MALFORMED` on another tag, a length that is not DER, or a
   * truncated element
   */
  read(tag: number): Uint8Array {
    const got = this.#bytes[this.#offset];
    if (got !== tag) throw malformed(`tag ${got ?? "none"}, want ${tag}`);
    this.#offset++;
    const length = this.#readLength();
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw malformed("truncated element");
    this.#offset = start + length;
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Yields a reader over the next element, a SEQUENCE. */
  readSequence(): DerReader {
    return new DerReader(this.read(DER.sequence));
  }

  /** Yields the magnitude of a non-negative INTEGER without leading zeros; zero is empty. */
  readInteger(): Uint8Array {
    const content = this.read(DER.integer);
    const [first, second] = content;
    if (first === undefined || first >= 0x80) throw malformed("integer is empty or negative");
    if (first !== 0) return content;
    if (second !== undefined && second < 0x80) throw malformed("integer has leading zeros");
    return content.subarray(1);
  }

  /** Yields the content of an OBJECT IDENTIFIER in hex. */
  readOid(): string {
    return encodeHex(this.read(DER.oid));
  }

  /** Yields the bytes of a BIT STRING, whose length must be a whole number of bytes. */
  readBitString(tag: number = DER.bitString): Uint8Array {
    const content = this.read(tag);
    if (content[0] !== 0) throw malformed("bit string is empty or has spare bits");
    return content.subarray(1);
  }

  /** Checks that nothing follows. */
  end(): void {
    if (this.#offset !== this.#bytes.length) throw malformed("bytes after the end");
  }

  #readLength(): number {
    const first = this.#bytes[this.#offset++];
    if (first === undefined) throw malformed("truncated length");
    if (first < 0x80) return first;
    const count = first - 0x80;
    // Three bytes hold any key this library takes; 0x80 alone is an indefinite length.
    if (count < 1 || count > 3) throw malformed("indefinite or oversized length");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (this.#bytes[this.#offset++] ?? 0);
    const least = count === 1 ? 0x80 : 256 ** (count - 1);
    if (length < least) throw malformed("length is not in shortest form");
    return length;
  }
}

function malformed(why: string): CoseError {
  return new CoseError("COSE_KEY_MALFORMED", `DER: ${why}`);
}
