import { CoseError } from "./error.js";
import { isShortestFloat, readFloat } from "./float.js";
import { type Head, INDEFINITE, isShortest, MAJOR, negate, readHead } from "./head.js";
import type { CborLimits } from "./limits.js";
import { decodeUtf8 } from "./utf8.js";
import type { CborMap, CborValue } from "./value.js";

/**
 * Entries of one map. Integer keys hash without a seed in V8, so an attacker can choose keys that
 * all collide: at 32768 they hold a `Map` up for a second, at 1024 for a millisecond.
 */
const MAX_MAP_ENTRIES = 1024;

/** The simple values that have a meaning, by number (RFC 8949 §3.3). */
const SIMPLE: ReadonlyMap<number, CborValue> = new Map([
  [20, false],
  [21, true],
  [22, null],
  [23, undefined],
]);

const BYTE_ORDER_MARK = "\ufeff";

/**
 * Reads one CBOR item in the strict form this project accepts (D5), in one pass: what decides that
 * an item is sound is what gives its value, so the two cannot differ.
 *
 * Byte strings are copied; nothing that is read shares memory with the input.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #limits: CborLimits;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array, limits: CborLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  /**
   * Yields the one item that the bytes are.
   *
   * @throws {@link CoseError} the codes of {@link checkCbor}
   */
  read(): CborValue {
    this.#claim(1);
    const value = this.#item(0);
    const left = this.#bytes.length - this.#at;
    if (left > 0) {
      throw new CoseError("COSE_CBOR_MALFORMED", `${left} bytes behind the item`);
    }
    return value;
  }

  // Every item takes one byte or more, so a count beyond what is left is refused unread.
  #claim(items: number | bigint): number {
    const left = this.#bytes.length - this.#at;
    if (items > left) {
      throw new CoseError("COSE_CBOR_MALFORMED", `${items.toString()} items in ${left} bytes`);
    }
    const claimed = Number(items);
    this.#items += claimed;
    if (this.#items > this.#limits.maxItems) {
      throw new CoseError("COSE_CBOR_LIMIT", `over ${this.#limits.maxItems} items`);
    }
    return claimed;
  }

  #head(): Head {
    const head = readHead(this.#bytes, this.#at);
    if (head.info === INDEFINITE) {
      // A break that ends nothing is no item at all.
      if (head.major === MAJOR.simple) {
        throw new CoseError("COSE_CBOR_MALFORMED", "break outside of an indefinite-length item");
      }
      throw new CoseError("COSE_CBOR_INDEFINITE", `indefinite length at offset ${this.#at}`);
    }
    if (head.major !== MAJOR.simple && !isShortest(head)) {
      throw new CoseError("COSE_CBOR_NOT_SHORTEST", `head not shortest at offset ${this.#at}`);
    }
    this.#at = head.end;
    return head;
  }

  #string(length: number | bigint): Uint8Array {
    const left = this.#bytes.length - this.#at;
    if (length > left) {
      throw new CoseError("COSE_CBOR_MALFORMED", `string of ${length.toString()} bytes in ${left}`);
    }
    const start = this.#at;
    this.#at += Number(length);
    return this.#bytes.subarray(start, this.#at);
  }

  #text(length: number | bigint): string {
    const text = decodeUtf8(this.#string(length));
    // Many decoders drop the mark, cbor-x from longer texts, which would make two keys one.
    if (text.startsWith(BYTE_ORDER_MARK)) {
      throw new CoseError("COSE_CBOR_UNSUPPORTED", "text that starts with a byte order mark");
    }
    return text;
  }

  #item(depth: number): CborValue {
    const head = this.#head();
    switch (head.major) {
      case MAJOR.unsigned:
        return head.argument;
      case MAJOR.negative:
        return negate(head.argument);
      case MAJOR.bytes:
        // Not slice(), which of a Buffer is a view.
        return new Uint8Array(this.#string(head.argument));
      case MAJOR.text:
        return this.#text(head.argument);
      case MAJOR.array:
        return this.#array(head.argument, depth + 1);
      case MAJOR.map:
        return this.#map(head.argument, depth + 1);
      case MAJOR.tag:
        throw new CoseError("COSE_CBOR_UNSUPPORTED", `tag ${head.argument.toString()} not allowed`);
      default:
        return simpleOf(head);
    }
  }

  #enter(depth: number): void {
    if (depth > this.#limits.maxDepth) {
      throw new CoseError("COSE_CBOR_LIMIT", `nested over ${this.#limits.maxDepth} deep`);
    }
  }

  #array(length: number | bigint, depth: number): readonly CborValue[] {
    this.#enter(depth);
    const elements = this.#claim(length);
    const array: CborValue[] = [];
    for (let i = 0; i < elements; i++) array.push(this.#item(depth));
    return array;
  }

  #map(length: number | bigint, depth: number): CborMap {
    this.#enter(depth);
    const entries = this.#claim(typeof length === "bigint" ? length * 2n : length * 2) / 2;
    if (entries > MAX_MAP_ENTRIES) {
      throw new CoseError("COSE_CBOR_LIMIT", `map of ${entries} entries, limit ${MAX_MAP_ENTRIES}`);
    }
    // Heads are shortest here, so equal keys have equal bytes and equal bytes are equal keys.
    const map = new Map<number | bigint | string, CborValue>();
    for (let i = 0; i < entries; i++) {
      const key = this.#key();
      // D5: no duplicate keys.
      if (map.has(key)) {
        throw new CoseError("COSE_CBOR_DUPLICATE_KEY", `duplicate map key at entry ${i}`);
      }
      map.set(key, this.#item(depth));
    }
    return map;
  }

  #key(): number | bigint | string {
    const head = this.#head();
    switch (head.major) {
      case MAJOR.unsigned:
        return head.argument;
      case MAJOR.negative:
        return negate(head.argument);
      case MAJOR.text:
        return this.#text(head.argument);
      default:
        throw new CoseError(
          "COSE_CBOR_UNSUPPORTED",
          `map key of major type ${head.major}, want an integer or text`,
        );
    }
  }
}

function simpleOf(head: Head): CborValue {
  if (head.info < 24) {
    if (!SIMPLE.has(head.info)) {
      throw new CoseError("COSE_CBOR_UNSUPPORTED", `simple value ${head.info} has no meaning`);
    }
    return SIMPLE.get(head.info);
  }
  if (head.info === 24) {
    // RFC 8949 §3.3: two-byte simple values below 32 are not well-formed.
    if (head.argument < 32) {
      throw new CoseError("COSE_CBOR_MALFORMED", "simple value below 32 in two bytes");
    }
    throw new CoseError("COSE_CBOR_UNSUPPORTED", "simple value over 31 has no meaning");
  }
  const value = readFloat(head);
  if (!Number.isFinite(value)) {
    throw new CoseError("COSE_CBOR_UNSUPPORTED", "float that is no finite number");
  }
  // A decoded 1.0 could not be told from the integer 1.
  if (Number.isInteger(value)) {
    throw new CoseError("COSE_CBOR_UNSUPPORTED", "float that equals an integer");
  }
  if (!isShortestFloat(head)) {
    throw new CoseError("COSE_CBOR_NOT_SHORTEST", "float not in its shortest form");
  }
  return value;
}
