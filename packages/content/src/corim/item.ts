import { CoseError, INDEFINITE, isShortest, MAJOR, negate, readHead } from "@tallystick/cose";
import type { Head } from "@tallystick/cose";

import { ContentError } from "../error.js";
import type { ContentLimits } from "../limits.js";

/** A tagged item (RFC 8949 §3.4). */
export class Tagged {
  readonly tag: number | bigint;
  readonly value: Item;

  constructor(tag: number | bigint, value: Item) {
    this.tag = tag;
    this.value = value;
  }
}

/** An item of CBOR with its tags. Integers are `number` when safe, and `bigint` otherwise. */
export type Item =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Item[]
  | ItemMap
  | Tagged;

/** A map of CBOR. */
export type ItemMap = ReadonlyMap<number | bigint | string, Item>;

/** Heads of the three sizes of floats (RFC 8949 §3.3). */
const HALF_FLOAT = 25;
const DOUBLE_FLOAT = 27;

/** Integer keys hash without a seed, so that many could be chosen to collide. */
const MAX_MAP_ENTRIES = 1024;

const SIMPLE: ReadonlyMap<number, Item> = new Map<number, Item>([
  [20, false],
  [21, true],
  [22, null],
  [23, undefined],
]);

/**
 * Reads CBOR as manifests have it: with tags, and with arrays and maps of indefinite length, which
 * the strict reader of `@tallystick/cose` refuses; else as strict. Floats are in none of them.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`
 */
export function decodeItem(bytes: Uint8Array, limits: ContentLimits, what: string): Item {
  return new ItemReader(bytes, limits, what).read();
}

/**
 * Reads CBOR as {@link decodeItem} does, to tell what it is: floats are read as undefined.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`
 */
export function peekItem(bytes: Uint8Array, limits: ContentLimits, what: string): Item {
  return new ItemReader(bytes, limits, what, true).read();
}

/**
 * Reads the items that stand behind each other, as containers of tags have them. Floats, which are
 * dates in these and nothing that is asked for, are read as undefined.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`
 */
export function decodeItems(
  bytes: Uint8Array,
  limits: ContentLimits,
  what: string,
): readonly Item[] {
  return new ItemReader(bytes, limits, what, true).readAll();
}

type ReaderParts = readonly [
  bytes: Uint8Array,
  limits: ContentLimits,
  what: string,
  allowsFloats?: boolean,
];

class ItemReader {
  readonly #bytes: Uint8Array;
  readonly #limits: ContentLimits;
  readonly #what: string;
  readonly #allowsFloats: boolean;
  #at = 0;
  #items = 0;

  constructor(...[bytes, limits, what, allowsFloats = false]: ReaderParts) {
    this.#bytes = bytes;
    this.#limits = limits;
    this.#what = what;
    this.#allowsFloats = allowsFloats;
  }

  readAll(): readonly Item[] {
    const items: Item[] = [];
    while (this.#at < this.#bytes.length) items.push(this.#item(this.#head(), 0));
    return items;
  }

  read(): Item {
    const value = this.#item(this.#head(), 0);
    if (this.#at !== this.#bytes.length) throw this.#malformed("bytes stand behind the item");
    return value;
  }

  #malformed(why: string, options?: ErrorOptions): ContentError {
    return new ContentError("CONTENT_MALFORMED", `${this.#what}: ${why}`, options);
  }

  #head(): Head {
    this.#items++;
    if (this.#items > this.#limits.maxItems) {
      throw this.#malformed(`more than ${this.#limits.maxItems} items`);
    }
    const head = this.#readHead();
    if (head.major !== MAJOR.simple && head.info !== INDEFINITE && !isShortest(head)) {
      throw this.#malformed(`head not shortest at offset ${this.#at}`);
    }
    this.#at = head.end;
    return head;
  }

  #readHead(): Head {
    try {
      return readHead(this.#bytes, this.#at);
    } catch (cause) {
      if (!(cause instanceof CoseError)) throw cause;
      throw this.#malformed(cause.message, { cause });
    }
  }

  #item(head: Head, depth: number): Item {
    if (depth > this.#limits.maxDepth) {
      throw this.#malformed(`nested deeper than ${this.#limits.maxDepth} levels`);
    }
    switch (head.major) {
      case MAJOR.unsigned:
        return head.argument;
      case MAJOR.negative:
        return negate(head.argument);
      case MAJOR.bytes:
        return new Uint8Array(this.#string(head));
      case MAJOR.text:
        return this.#text(head);
      case MAJOR.array:
        return this.#array(head, depth + 1);
      case MAJOR.map:
        return this.#map(head, depth + 1);
      case MAJOR.tag:
        return new Tagged(head.argument, this.#item(this.#head(), depth + 1));
      default:
        return this.#simple(head);
    }
  }

  #simple({ info }: Head): Item {
    if (SIMPLE.has(info)) return SIMPLE.get(info);
    if (this.#allowsFloats && info >= HALF_FLOAT && info <= DOUBLE_FLOAT) return undefined;
    throw this.#malformed("a break, a float, or a simple value without meaning");
  }

  #string({ info, argument }: Head): Uint8Array {
    if (info === INDEFINITE) throw this.#malformed("a string of indefinite length");
    const left = this.#bytes.length - this.#at;
    if (argument > left) throw this.#malformed("a string that does not end");
    const start = this.#at;
    this.#at += Number(argument);
    return this.#bytes.subarray(start, this.#at);
  }

  #text(head: Head): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.#string(head));
    } catch (cause) {
      if (cause instanceof ContentError) throw cause;
      throw this.#malformed("text is not UTF-8", { cause });
    }
  }

  /** Yields the head of each next element, of as many as there are. */
  *#heads({ info, argument }: Head): Generator<Head> {
    if (info !== INDEFINITE) {
      for (let left = argument; left > 0; left--) yield this.#head();
      return;
    }
    for (let head = this.#head(); !isBreak(head); head = this.#head()) yield head;
  }

  #array(head: Head, depth: number): readonly Item[] {
    const array: Item[] = [];
    for (const element of this.#heads(head)) array.push(this.#item(element, depth));
    return array;
  }

  #map(head: Head, depth: number): ItemMap {
    const map = new Map<number | bigint | string, Item>();
    for (const keyHead of this.#heads(head)) {
      const key = this.#item(keyHead, depth);
      if (typeof key !== "number" && typeof key !== "bigint" && typeof key !== "string") {
        throw this.#malformed("a map key that is neither integer nor text");
      }
      if (map.has(key)) throw this.#malformed("a map has one key twice");
      if (map.size === MAX_MAP_ENTRIES) throw this.#malformed(`a map of over ${MAX_MAP_ENTRIES}`);
      map.set(key, this.#item(this.#head(), depth));
    }
    return map;
  }
}

function isBreak({ major, info }: Head): boolean {
  return major === MAJOR.simple && info === INDEFINITE;
}
