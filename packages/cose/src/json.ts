import { CoseError } from "./error.js";
import { requireLimits } from "./limits.js";

/** Bounds on one JSON text; what passes a bound is refused. */
export interface JsonLimits {
  readonly maxBytes: number;
  /** Objects and arrays open at the same time; the outermost one counts. */
  readonly maxDepth: number;
  /** Values and member names in all. */
  readonly maxItems: number;
}

/** The bounds where the caller names none: 1 MiB, 32 levels, 100,000 items. */
export const DEFAULT_JSON_LIMITS: JsonLimits = {
  maxBytes: 1024 * 1024,
  maxDepth: 32,
  maxItems: 100_000,
};

// ignoreBOM keeps a byte order mark, which RFC 8259 §8.1 forbids, to be refused.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Yields the value of a JSON text (RFC 8259) that means the same to every reader, for whatever is
 * trusted or signed.
 *
 * Refused beside what is not JSON in UTF-8: an object with one member twice, whichever way its name
 * is written (RFC 8259 §4 leaves open which counts), half a surrogate pair (§8.2), a number beyond
 * every double (§6), and what passes a limit. Objects have every member as their own, `__proto__`
 * too. No message quotes the text, which may be a key. Throws `TypeError` for a limit that is not a
 * positive safe integer, or a depth above 256.
 *
 * @throws {@link CoseError} `COSE_JSON_MALFORMED`
 */
export function parseJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): unknown {
  const complete = { ...DEFAULT_JSON_LIMITS, ...limits };
  requireLimits(complete);
  if (bytes.length > complete.maxBytes) {
    throw malformed(`${bytes.length} bytes, limit ${complete.maxBytes}`);
  }
  const text = decodeText(bytes);
  new Scanner(text, complete).scan();
  return parseValue(text);
}

// RFC 8259 §6. What only begins like a number is for JSON.parse to refuse.
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Walks over the tokens of a text and finds what JSON.parse lets pass. What it makes of a text that
 * is not JSON does not matter, as JSON.parse refuses that anyway.
 */
class Scanner {
  readonly #text: string;
  readonly #limits: JsonLimits;
  /** Of each open object, the names seen so far; of each open array, nothing. */
  readonly #open: (Set<string> | undefined)[] = [];
  #isNameNext = false;
  #items = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  scan(): void {
    const token = /[{[]|[}\]]|,|"|[^\s:,"{}[\]]+/g;
    for (let match = token.exec(this.#text); match !== null; match = token.exec(this.#text)) {
      const [found] = match;
      if (found === "{" || found === "[") this.#enter(found);
      else if (found === "}" || found === "]") this.#open.pop();
      else if (found === ",") this.#isNameNext = this.#open.at(-1) !== undefined;
      else if (found !== '"') this.#takeScalar(found);
      else token.lastIndex = this.#takeString(match.index);
    }
  }

  #enter(bracket: "{" | "["): void {
    this.#count();
    this.#isNameNext = bracket === "{";
    this.#open.push(bracket === "{" ? new Set() : undefined);
    if (this.#open.length > this.#limits.maxDepth) {
      throw malformed(`nested deeper than ${this.#limits.maxDepth} levels`);
    }
  }

  #takeScalar(literal: string): void {
    this.#count();
    if (NUMBER.test(literal) && !Number.isFinite(Number(literal))) {
      throw malformed("a number is beyond every double");
    }
  }

  /** Yields where the string ends that starts at the quote. */
  #takeString(start: number): number {
    this.#count();
    let end = start + 1;
    for (; this.#text[end] !== '"'; end++) {
      if (end >= this.#text.length) throw malformed("a string does not end");
      if (this.#text[end] === "\\") end++;
    }
    const value = parseValue(this.#text.slice(start, end + 1));
    if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) {
      throw malformed("a string holds half a surrogate pair");
    }
    if (this.#isNameNext) this.#takeName(value, start);
    return end + 1;
  }

  #takeName(name: string, start: number): void {
    this.#isNameNext = false;
    const names = this.#open.at(-1);
    if (names?.has(name)) {
      const lines = this.#text.slice(0, start).split("\n");
      const place = `line ${lines.length}, character ${(lines.at(-1)?.length ?? 0) + 1}`;
      throw malformed(`an object has one member twice, for the second time at ${place}`);
    }
    names?.add(name);
  }

  #count(): void {
    this.#items++;
    if (this.#items > this.#limits.maxItems) {
      throw malformed(`more than ${this.#limits.maxItems} items`);
    }
  }
}

function decodeText(bytes: Uint8Array): string {
  let text;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw malformed("not UTF-8", { cause });
  }
  // Said apart, as no editor shows it.
  if (text.startsWith("\ufeff")) throw malformed("begins with a byte order mark");
  return text;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause: its message quotes the text.
    throw malformed("not JSON");
  }
}

function malformed(why: string, options?: ErrorOptions): CoseError {
  return new CoseError("COSE_JSON_MALFORMED", why, options);
}
