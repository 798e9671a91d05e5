import { CoseError } from "./error.js";
import { type Head, INDEFINITE, MAJOR, negate, readHead } from "./head.js";
import { type Fragment, layOut, type Line } from "./layout.js";
import { checkSize, completeLimits, DEFAULT_CBOR_LIMITS } from "./limits.js";
import {
  formatByteString,
  formatIndicator,
  formatSimple,
  formatTextString,
  isBreak,
} from "./notation.js";
import { ANY, type Part, type Shape, SIGN1, TAGS } from "./structure.js";

/** How {@link formatDiagnostic} reads; the defaults suit a file on a terminal. */
export interface DiagnosticOptions {
  /** Whether byte strings that hold CBOR by the rules of COSE are opened. Default true. */
  readonly embedded?: boolean;
  /** Default 16 MiB, at most 32 MiB. */
  readonly maxBytes?: number;
  /** Containers, tags and opened byte strings around an item. Default 64, at most 256. */
  readonly maxDepth?: number;
}

const DEFAULT_DEPTH = 64;

// With the item and depth limits this keeps the notation below the longest string of V8.
const LARGEST = 32 * 1024 * 1024;

// Far above any real file, and some 100 MB of fragments.
const MAX_ITEMS = 262_144;

const BREAK = 0xff;

// Owned by one call of formatDiagnostic; its readers of embedded items draw on the same.
interface Budget {
  readonly maxDepth: number;
  readonly isOpening: boolean;
  items: number;
}

/** Where an item stands. */
interface Place {
  readonly shape: Shape;
  readonly depth: number;
  readonly indent: number;
}

function below(place: Place, shape: Shape = ANY): Place {
  return { shape, depth: place.depth + 1, indent: place.indent + 1 };
}

function beside(place: Place, shape: Shape = ANY): Place {
  return { shape, depth: place.depth + 1, indent: place.indent };
}

function describe(part: Part | undefined, item: Fragment): string | undefined {
  if (part === undefined || typeof item.integer !== "number") return part?.name;
  const meaning = part.shape.meaning?.(item.integer);
  return meaning === undefined ? part.name : `${part.name}: ${meaning}`;
}

function oneLine(text: string): Fragment {
  return { text, isOneLine: true };
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #budget: Budget;
  #at = 0;

  constructor(bytes: Uint8Array, budget: Budget) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  read(place: Place): Fragment {
    const item = this.#item(place);
    const left = this.#bytes.length - this.#at;
    if (left > 0) {
      throw new CoseError("COSE_CBOR_MALFORMED", `${left} bytes behind the item`);
    }
    return item;
  }

  #head(): Head {
    const head = readHead(this.#bytes, this.#at);
    this.#at = head.end;
    this.#budget.items--;
    if (this.#budget.items < 0) throw new CoseError("COSE_CBOR_LIMIT", `over ${MAX_ITEMS} items`);
    return head;
  }

  #item(place: Place): Fragment {
    if (place.depth > this.#budget.maxDepth) {
      throw new CoseError("COSE_CBOR_LIMIT", `nested over ${this.#budget.maxDepth} deep`);
    }
    const head = this.#head();
    switch (head.major) {
      case MAJOR.unsigned:
        return formatInteger(head, head.argument);
      case MAJOR.negative:
        return formatInteger(head, negate(head.argument));
      case MAJOR.bytes:
        return this.#byteString(head, place);
      case MAJOR.text:
        return oneLine(this.#strings(head, formatTextString));
      case MAJOR.array:
        return this.#array(head, place);
      case MAJOR.map:
        return this.#map(head, place);
      case MAJOR.tag:
        return this.#tag(head, place);
      default:
        return oneLine(formatSimple(head));
    }
  }

  #string(head: Head): Uint8Array {
    const start = this.#at;
    const left = this.#bytes.length - start;
    if (head.argument > left) {
      const length = head.argument.toString();
      throw new CoseError("COSE_CBOR_MALFORMED", `string of ${length} bytes in ${left}`);
    }
    this.#at += Number(head.argument);
    return this.#bytes.subarray(start, this.#at);
  }

  #strings(head: Head, format: (bytes: Uint8Array) => string): string {
    if (head.info !== INDEFINITE) return `${format(this.#string(head))}${formatIndicator(head)}`;
    const chunks: string[] = [];
    for (let chunk = this.#head(); !isBreak(chunk); chunk = this.#head()) {
      // RFC 8949 §3.2.3: chunks are definite-length strings of the same type.
      if (chunk.major !== head.major || chunk.info === INDEFINITE) {
        throw new CoseError("COSE_CBOR_MALFORMED", "chunk of another type in a string");
      }
      chunks.push(`${format(this.#string(chunk))}${formatIndicator(chunk)}`);
    }
    return `(_ ${chunks.join(", ")})`;
  }

  #byteString(head: Head, place: Place): Fragment {
    const inner = this.#budget.isOpening ? place.shape.embedded : undefined;
    if (inner === undefined || head.info === INDEFINITE) {
      return oneLine(this.#strings(head, formatByteString));
    }
    const bytes = this.#string(head);
    const mark = formatIndicator(head);
    if (!mayHoldItems(bytes)) return oneLine(`${formatByteString(bytes)}${mark}`);
    try {
      const item = new Reader(bytes, this.#budget).read(beside(place, inner));
      return { text: `<<${item.text}>>${mark}`, isOneLine: item.isOneLine };
    } catch (error) {
      if (!(error instanceof CoseError)) throw error;
      return oneLine(`${formatByteString(bytes)}${mark}`);
    }
  }

  // Every item takes one byte or more, so a count beyond what is left is refused unread.
  #claim(head: Head, itemsPerPart: number): void {
    const left = this.#bytes.length - this.#at;
    if (head.argument > left / itemsPerPart) {
      const parts = head.argument.toString();
      throw new CoseError("COSE_CBOR_MALFORMED", `${parts} elements or entries in ${left} bytes`);
    }
  }

  // Whether a group with so many parts read has another; passes over the break behind the last.
  #continues(head: Head, read: number): boolean {
    if (head.info !== INDEFINITE) return read < head.argument;
    if (this.#bytes[this.#at] !== BREAK) return true;
    this.#at++;
    return false;
  }

  #array(head: Head, place: Place): Fragment {
    this.#claim(head, 1);
    const lines: Line[] = [];
    while (this.#continues(head, lines.length)) {
      const part = place.shape.elements?.[lines.length];
      const value = this.#item(below(place, part?.shape ?? place.shape.each));
      lines.push({ key: "", value, about: describe(part, value) });
    }
    return layOut({ open: openGroup("[", head), close: "]", lines, indent: place.indent });
  }

  #map(head: Head, place: Place): Fragment {
    this.#claim(head, 2);
    const lines: Line[] = [];
    while (this.#continues(head, lines.length)) {
      const key = this.#item(below(place));
      const label = typeof key.integer === "number" ? key.integer : undefined;
      const part = label === undefined ? undefined : place.shape.entries?.get(label);
      const value = this.#item(below(place, part?.shape));
      lines.push({ key: `${key.text}: `, value, about: describe(part, value) });
    }
    return layOut({ open: openGroup("{", head), close: "}", lines, indent: place.indent });
  }

  #tag(head: Head, place: Place): Fragment {
    const part = typeof head.argument === "number" ? TAGS.get(head.argument) : undefined;
    const item = this.#item(beside(place, part?.shape));
    const about = describe(part, item);
    const tag = `${head.argument.toString()}${formatIndicator(head)}(${item.text})`;
    return { text: about === undefined ? tag : `/ ${about} / ${tag}`, isOneLine: item.isOneLine };
  }
}

function formatInteger(head: Head, integer: number | bigint): Fragment {
  return { text: `${integer.toString()}${formatIndicator(head)}`, isOneLine: true, integer };
}

function openGroup(bracket: string, head: Head): string {
  if (head.info === INDEFINITE) return `${bracket}_ `;
  const mark = formatIndicator(head);
  return mark === "" ? bracket : `${bracket}${mark} `;
}

// Whether the first byte is that of an array, a map or a tag; text and digests seldom are.
function mayHoldItems(bytes: Uint8Array): boolean {
  const major = (bytes[0] ?? 0) >> 5;
  return major === MAJOR.array || major === MAJOR.map || major === MAJOR.tag;
}

// An untagged COSE_Sign1, [bstr, map, …] of four, is worth naming too.
function rootShape(bytes: Uint8Array): Shape {
  const array = readHead(bytes, 0);
  if (array.major !== MAJOR.array || array.argument !== 4) return ANY;
  const first = readHead(bytes, array.end);
  const next = first.end + Number(first.argument);
  const isSign1 = first.major === MAJOR.bytes && (bytes[next] ?? 0) >> 5 === MAJOR.map;
  return isSign1 ? SIGN1 : ANY;
}

/**
 * Formats any well-formed CBOR item in indented diagnostic notation (RFC 8949 §8), for reading.
 *
 * Unlike {@link decodeCbor} this takes tags, floats, indefinite lengths, longer heads (marked
 * `_0` to `_3`) and repeated keys. COSE headers, CWT claims and proofs are explained in comments
 * (`1: -7, / alg: ES256 /`), and the byte strings that hold them are opened (`<<…>>`). Byte strings
 * of readable text stand as `'text'`; nothing invisible reaches the output unescaped. The length of
 * the output is linear in the input. Throws `TypeError` for limits out of range.
 *
 * @throws {@link CoseError} `COSE_CBOR_MALFORMED`, `COSE_CBOR_LIMIT`
 */
export function formatDiagnostic(bytes: Uint8Array, options: DiagnosticOptions = {}): string {
  const maxBytes = options.maxBytes ?? DEFAULT_CBOR_LIMITS.maxBytes;
  const maxDepth = options.maxDepth ?? DEFAULT_DEPTH;
  completeLimits({ maxBytes, maxDepth });
  if (maxBytes > LARGEST) throw new TypeError(`maxBytes ${maxBytes}, want at most ${LARGEST}`);
  checkSize(bytes, maxBytes);
  const budget = { maxDepth, isOpening: options.embedded ?? true, items: MAX_ITEMS };
  return new Reader(bytes, budget).read({ shape: rootShape(bytes), depth: 0, indent: 0 }).text;
}
