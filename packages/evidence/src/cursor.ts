import { malformed } from "./error.js";

/** Reads little-endian numbers and bytes one after the other, and nothing behind the end. */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  get offset(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Yields the byte at a distance from here without moving; `undefined` behind the end. */
  peek(distance = 0): number | undefined {
    return this.#bytes[this.#at + distance];
  }

  /** @throws {@link EvidenceError} `EVIDENCE_MALFORMED` where fewer are left */
  take(length: number, name: string): Uint8Array {
    if (length > this.left) {
      throw malformed(`${this.#what}: ${name} of ${length} bytes, ${this.left} are left`);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Yields an unsigned number of up to six bytes. */
  number(length: number, name: string): number {
    return this.take(length, name).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** Yields the unsigned number of up to six bytes at a distance from here without moving. */
  peekNumber(distance: number, length: number, name: string): number {
    const copy = new Cursor(this.#bytes.subarray(this.#at), this.#what);
    copy.take(distance, name);
    return copy.number(length, name);
  }

  /** Checks that nothing follows. */
  end(): void {
    if (this.left > 0) throw malformed(`${this.#what}: ${this.left} bytes stand behind the end`);
  }
}
