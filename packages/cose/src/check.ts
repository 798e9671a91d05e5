import { CoseError } from "./error.js";
import { isShortestFloat, readFloat } from "./float.js";
import { type Head, INDEFINITE, isShortest, MAJOR, negate, readHead } from "./head.js";
import { type CborLimits, checkSize, completeLimits } from "./limits.js";
import { decodeUtf8 } from "./utf8.js";

/**
 * Entries of one map. Integer keys hash without a seed in V8, so an attacker can choose keys that
 * all collide: at 32768 they hold a `Map` up for a second, at 1024 for a millisecond.
 */
const MAX_MAP_ENTRIES = 1024;

const FALSE = 20;
const UNDEFINED = 23;

const BYTE_ORDER_MARK = "\ufeff";

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #limits: CborLimits;
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array, limits: CborLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  scan(): void {
    this.#claim(1);
    this.#item(0);
    const left = this.#bytes.length - this.#at;
    if (left > 0) {
      throw new CoseError("COSE_CBOR_MALFORMED", `${left} bytes behind the item`);
    }
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
    // cbor-x drops the mark from longer texts, which would make two keys one.
    if (text.startsWith(BYTE_ORDER_MARK)) {
      throw new CoseError("COSE_CBOR_UNSUPPORTED", "text that starts with a byte order mark");
    }
    return text;
  }

  #item(depth: number): void {
    const head = this.#head();
    switch (head.major) {
      case MAJOR.bytes:
        this.#string(head.argument);
        break;
      case MAJOR.text:
        this.#text(head.argument);
        break;
      case MAJOR.array:
        this.#array(head.argument, depth + 1);
        break;
      case MAJOR.map:
        this.#map(head.argument, depth + 1);
        break;
      case MAJOR.tag:
        throw new CoseError("COSE_CBOR_UNSUPPORTED", `tag ${head.argument.toString()} not allowed`);
      case MAJOR.simple:
        checkSimple(head);
        break;
      default:
      // Integers end with their head.
    }
  }

  #enter(depth: number): void {
    if (depth > this.#limits.maxDepth) {
      throw new CoseError("COSE_CBOR_LIMIT", `nested over ${this.#limits.maxDepth} deep`);
    }
  }

  #array(length: number | bigint, depth: number): void {
    this.#enter(depth);
    const elements = this.#claim(length);
    for (let i = 0; i < elements; i++) this.#item(depth);
  }

  #map(length: number | bigint, depth: number): void {
    this.#enter(depth);
    const entries = this.#claim(typeof length === "bigint" ? length * 2n : length * 2) / 2;
    if (entries > MAX_MAP_ENTRIES) {
      throw new CoseError("COSE_CBOR_LIMIT", `map of ${entries} entries, limit ${MAX_MAP_ENTRIES}`);
    }
    // Heads are shortest here, so equal keys have equal bytes and equal bytes are equal keys.
    const keys = new Set<number | bigint | string>();
    for (let i = 0; i < entries; i++) {
      keys.add(this.#key());
      // D5: no duplicate keys.
      if (keys.size !== i + 1) {
        throw new CoseError("COSE_CBOR_DUPLICATE_KEY", `duplicate map key at entry ${i}`);
      }
      this.#item(depth);
    }
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

function checkSimple(head: Head): void {
  if (head.info < 24) {
    if (head.info < FALSE || head.info > UNDEFINED) {
      throw new CoseError("COSE_CBOR_UNSUPPORTED", `simple value ${head.info} has no meaning`);
    }
    return;
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
}

/**
 * Checks that bytes are one CBOR item in the strict form this project accepts (D5).
 *
 * Definite lengths, shortest heads and floats, keys that are integers or text and unique in their
 * map, valid UTF-8, no tags, nothing behind the item; keys need not be sorted, as RFC 9052 does not
 * ask for it. Time and memory are linear in the bytes: a claimed length is compared with what is
 * left before it is believed. Truncation wins over limits.
 *
 * @throws {@link CoseError} `COSE_CBOR_MALFORMED`, `COSE_CBOR_INDEFINITE`,
 * `COSE_CBOR_NOT_SHORTEST`, `COSE_CBOR_DUPLICATE_KEY`, `COSE_CBOR_UNSUPPORTED`, `COSE_CBOR_LIMIT`
 */
export function checkCbor(bytes: Uint8Array, limits: Partial<CborLimits> = {}): void {
  const complete = completeLimits(limits);
  checkSize(bytes, complete.maxBytes);
  new Scanner(bytes, complete).scan();
}
