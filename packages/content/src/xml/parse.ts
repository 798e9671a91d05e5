import { ContentError } from "../error.js";
import { requireSize, type ContentLimits } from "../limits.js";
import { XML_NAMESPACE, type XmlAttribute, type XmlElement, type XmlName } from "./element.js";

/** Attributes and declarations of one element; each is compared with all others. */
const MAX_ATTRIBUTES = 128;

/** Declarations of namespaces in a document; canonicalising looks at all of them again and again. */
const MAX_NAMESPACES = 128;

const XMLNS = "http://www.w3.org/2000/xmlns/";

const SPACE = /[ \t\r\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?/y;
const VALUE = /"([^"<]*)"|'([^'<]*)'/y;
const TEXT = /[^<]+/y;
const DECLARATION = /^<\?xml[ \t\r\n]+version=(["'])1\.0\1([^?<>]*)\?>/;
const ENCODING = /encoding=(["'])([^"']*)\1/;
const REFERENCE = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));/g;

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" },
};

/** What is no character of XML 1.0 (§2.2). */
const NO_CHARACTER = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Reads a document of XML 1.0 in UTF-8, in a form that leaves nothing to its readers: without a
 * document type, so without entities but the five that are built in, without CDATA sections and
 * processing instructions, with names in ASCII. Namespaces are resolved, and every prefix is bound.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, also for what passes a limit
 */
export function parseXml(bytes: Uint8Array, limits: ContentLimits): XmlElement {
  requireSize(bytes, limits);
  return new XmlReader(textOf(bytes), limits).read();
}

/**
 * Yields the characters of a document.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`
 */
export function textOf(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed("text is not UTF-8", { cause });
  }
  if (NO_CHARACTER.test(text)) throw malformed("a character that XML does not have");
  return text;
}

function malformed(why: string, options?: ErrorOptions): ContentError {
  return new ContentError("CONTENT_MALFORMED", `XML: ${why}`, options);
}

type Namespaces = ReadonlyMap<string, string>;

/** An element whose end has not come. */
interface Open extends XmlName {
  readonly tag: string;
  readonly attributes: readonly XmlAttribute[];
  readonly namespaces: Namespaces;
  readonly children: XmlElement[];
  readonly texts: string[];
  hasComment: boolean;
}

interface RawAttribute {
  readonly name: string;
  readonly value: string;
}

class XmlReader {
  readonly #text: string;
  readonly #limits: ContentLimits;
  readonly #open: Open[] = [];
  #at = 0;
  #items = 0;
  #declared = 0;
  #root: XmlElement | undefined;

  constructor(text: string, limits: ContentLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  read(): XmlElement {
    this.#declaration();
    while (this.#at < this.#text.length) this.#next();
    if (this.#open.length > 0) throw malformed("an element that does not end");
    if (this.#root === undefined) throw malformed("there is no element");
    return this.#root;
  }

  #declaration(): void {
    if (!this.#text.startsWith("<?xml")) return;
    const [whole, , rest = ""] = DECLARATION.exec(this.#text) ?? [];
    if (whole === undefined) throw malformed("a declaration that cannot be read");
    const encoding = ENCODING.exec(rest)?.[2];
    if (encoding !== undefined && encoding.toLowerCase() !== "utf-8") {
      throw malformed("an encoding other than UTF-8");
    }
    this.#at = whole.length;
  }

  #next(): void {
    const text = this.#match(TEXT);
    if (text !== undefined) {
      this.#characters(text);
    } else if (this.#text.startsWith("<!--", this.#at)) {
      this.#comment();
    } else if (this.#text.startsWith("<!", this.#at)) {
      throw malformed("a document type, an entity or a CDATA section, which is refused");
    } else if (this.#text.startsWith("<?", this.#at)) {
      throw malformed("a processing instruction, which is refused");
    } else if (this.#text.startsWith("</", this.#at)) {
      this.#end();
    } else {
      this.#start();
    }
  }

  #characters(text: string): void {
    const top = this.#open.at(-1);
    if (top !== undefined) {
      if (text.includes("]]>")) throw malformed("the end of a CDATA section without its begin");
      top.texts.push(resolved(text));
    } else if (/[^ \t\r\n]/.test(text)) {
      throw malformed("text outside of the root element");
    }
  }

  #comment(): void {
    this.#count();
    const end = this.#text.indexOf("--", this.#at + 4);
    if (end < 0 || this.#text[end + 2] !== ">") throw malformed("a comment that does not end");
    this.#at = end + 3;
    const top = this.#open.at(-1);
    if (top !== undefined) top.hasComment = true;
  }

  #start(): void {
    this.#at++;
    const tag = this.#name();
    const raw = this.#attributes();
    const isEmpty = this.#take("/");
    if (!this.#take(">")) throw malformed("a tag that does not end");
    if (this.#open.length >= this.#limits.maxDepth) {
      throw malformed(`nested deeper than ${this.#limits.maxDepth} levels`);
    }
    if (this.#open.length === 0 && this.#root !== undefined) throw malformed("a second root");
    const namespaces = this.#declare(raw);
    const attributes = attributesOf(raw, namespaces);
    const name = nameOf(tag, namespaces, namespaces.get("") ?? "");
    const frame = { children: [], texts: [], hasComment: false };
    this.#open.push({ ...name, tag, attributes, namespaces, ...frame });
    if (isEmpty) this.#close();
  }

  #end(): void {
    this.#at += 2;
    const tag = this.#name();
    this.#match(SPACE);
    if (!this.#take(">")) throw malformed("a tag that does not end");
    if (this.#open.at(-1)?.tag !== tag) throw malformed("an end of what has not begun");
    this.#close();
  }

  #close(): void {
    const top = this.#open.pop();
    if (top === undefined) throw malformed("an end of what has not begun");
    const { namespace, local, attributes, children, texts, hasComment } = top;
    const element = {
      ...{ namespace, local, attributes, children, hasComment },
      text: texts.join(""),
    };
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = element;
    else parent.children.push(element);
  }

  #attributes(): readonly RawAttribute[] {
    const found: RawAttribute[] = [];
    for (;;) {
      const space = this.#match(SPACE) ?? "";
      if (this.#text[this.#at] === "/" || this.#text[this.#at] === ">") return found;
      if (space === "") throw malformed("attributes without a space between them");
      const name = this.#name();
      this.#match(SPACE);
      if (!this.#take("=")) throw malformed("an attribute without a value");
      this.#match(SPACE);
      const quoted = this.#match(VALUE);
      if (quoted === undefined) throw malformed("an attribute without a value in quotes");
      if (found.length === MAX_ATTRIBUTES) {
        throw malformed(`more than ${MAX_ATTRIBUTES} attributes of one element`);
      }
      // XML 1.0 §3.3.3: white space in a value is a space, unless a reference stands for it.
      const value = resolved(quoted.slice(1, -1).replaceAll(/\r\n|[\t\r\n]/g, " "));
      found.push({ name, value });
    }
  }

  /** Yields the bindings inside of an element, those of its parent where it declares none. */
  #declare(raw: readonly RawAttribute[]): Namespaces {
    const outer = this.#open.at(-1)?.namespaces ?? new Map([["xml", XML_NAMESPACE]]);
    const declared = raw.filter(({ name }) => isDeclaration(name));
    if (declared.length === 0) return outer;
    this.#declared += declared.length;
    if (this.#declared > MAX_NAMESPACES) {
      throw malformed(`more than ${MAX_NAMESPACES} declarations of namespaces`);
    }
    const inner = new Map(outer);
    for (const { name, value } of declared) {
      const prefix = name === "xmlns" ? "" : name.slice("xmlns:".length);
      const isReserved = prefix === "xml" || prefix === "xmlns";
      if (
        isReserved ||
        value === XML_NAMESPACE ||
        value === XMLNS ||
        (value === "" && prefix !== "")
      )
        throw malformed("a declaration of a namespace that is not to be declared");
      inner.set(prefix, value);
    }
    return inner;
  }

  #name(): string {
    this.#count();
    const name = this.#match(NAME);
    if (name === undefined) throw malformed("a name that is missing, or not in ASCII");
    return name;
  }

  #count(): void {
    this.#items++;
    if (this.#items > this.#limits.maxItems) {
      throw malformed(`more than ${this.#limits.maxItems} items`);
    }
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

function isDeclaration(name: string): boolean {
  return name === "xmlns" || name.startsWith("xmlns:");
}

function attributesOf(
  raw: readonly RawAttribute[],
  namespaces: Namespaces,
): readonly XmlAttribute[] {
  if (new Set(raw.map(({ name }) => name)).size !== raw.length) {
    throw malformed("an attribute that is there twice");
  }
  const attributes = raw
    .filter(({ name }) => !isDeclaration(name))
    .map(({ name, value }) => ({ ...nameOf(name, namespaces, ""), value }));
  const names = new Set(attributes.map(({ namespace, local }) => `${namespace} ${local}`));
  if (names.size !== attributes.length) throw malformed("an attribute that is there twice");
  return attributes;
}

function nameOf(written: string, namespaces: Namespaces, bare: string): XmlName {
  const colon = written.indexOf(":");
  if (colon < 0) return { namespace: bare, local: written };
  const namespace = namespaces.get(written.slice(0, colon));
  if (namespace === undefined) throw malformed("a prefix that is not bound");
  return { namespace, local: written.slice(colon + 1) };
}

/** Yields a text with its references resolved, none of which is left. */
function resolved(text: string): string {
  if (!text.includes("&")) return text;
  if (text.replaceAll(REFERENCE, "").includes("&")) {
    throw malformed("an entity that is not built in, which is refused");
  }
  return text.replaceAll(REFERENCE, (...[, name, decimal, hex]: readonly string[]) =>
    name === undefined || name === "" ? characterOf(decimal, hex) : (ENTITIES[name] ?? ""),
  );
}

function characterOf(decimal: string | undefined, hex: string | undefined): string {
  const code = decimal === undefined ? parseInt(hex ?? "", 16) : parseInt(decimal, 10);
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  const text = code > 0x10ffff || isSurrogate ? "\uffff" : String.fromCodePoint(code);
  if (NO_CHARACTER.test(text)) throw malformed("a reference to a character that XML does not have");
  return text;
}
