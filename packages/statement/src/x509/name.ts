import { encodeHex } from "@tallystick/cose";
import { DER_TAG, childrenOf, malformed, oidOf, type DerElement } from "./der.js";

/** One attribute of a distinguished name. */
export interface NameAttribute {
  /** Dotted. */
  readonly oid: string;
  /** `CN`, `O` and the like, or the object identifier. */
  readonly name: string;
  /** The text, or `#` and the DER in hexadecimal where the value is no text. */
  readonly value: string;
}

/** A distinguished name (RFC 5280 §4.1.2.4), in its own order. */
export interface DistinguishedName {
  readonly der: Uint8Array;
  readonly attributes: readonly NameAttribute[];
  /** One text for each relative name; two relative names are the same when their texts are. */
  readonly canonical: readonly string[];
}

/** Short names of attribute types (RFC 4514 §3, RFC 4519, RFC 2985). */
const ATTRIBUTE_NAMES: ReadonlyMap<string, string> = new Map([
  ["2.5.4.3", "CN"],
  ["2.5.4.4", "SN"],
  ["2.5.4.5", "serialNumber"],
  ["2.5.4.6", "C"],
  ["2.5.4.7", "L"],
  ["2.5.4.8", "ST"],
  ["2.5.4.9", "STREET"],
  ["2.5.4.10", "O"],
  ["2.5.4.11", "OU"],
  ["2.5.4.12", "title"],
  ["2.5.4.42", "GN"],
  ["2.5.4.97", "organizationIdentifier"],
  ["0.9.2342.19200300.100.1.1", "UID"],
  ["0.9.2342.19200300.100.1.25", "DC"],
  ["1.2.840.113549.1.9.1", "emailAddress"],
]);

const MAX_LABEL_LENGTH = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Yields the name that a SEQUENCE of relative names is.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function nameOf(element: DerElement): DistinguishedName {
  const attributes: NameAttribute[] = [];
  const canonical = childrenOf(element, DER_TAG.sequence).map((relative) => {
    const parts = childrenOf(relative, DER_TAG.set).map((pair) => {
      const { attribute, key } = attributeOf(pair);
      attributes.push(attribute);
      return key;
    });
    if (parts.length === 0) throw malformed("relative distinguished name is empty");
    return parts.sort().join("");
  });
  return Object.freeze({ der: element.bytes, attributes: Object.freeze(attributes), canonical });
}

/**
 * Yields whether two names are the same (RFC 5280 §7.1): the same relative names in the same order.
 *
 * Text counts as what it says, whichever string type carries it, with ASCII letters in lower case
 * and runs of spaces folded; letters outside ASCII have to be the same. A value that is no text has
 * to be the same bytes.
 */
export function isSameName(left: DistinguishedName, right: DistinguishedName): boolean {
  return left.canonical.length === right.canonical.length && isWithin(left, right);
}

/** Yields whether a name begins with all of another (RFC 5280 §4.2.1.10), compared as above. */
export function isWithin(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.canonical.every((relative, index) => relative === name.canonical[index]);
}

/** Yields a short, printable text for messages: the common name, or else the first attribute. */
export function labelOf({ attributes }: DistinguishedName): string {
  const shown = attributes.find(({ name }) => name === "CN") ?? attributes[0];
  if (shown === undefined) return "no name";
  const text = `${shown.name}=${shown.value}`.replaceAll(/[^ -~]/gu, "?");
  return text.length > MAX_LABEL_LENGTH ? `${text.slice(0, MAX_LABEL_LENGTH)}...` : text;
}

function attributeOf(pair: DerElement): {
  readonly attribute: NameAttribute;
  readonly key: string;
} {
  const [type, value, ...rest] = childrenOf(pair, DER_TAG.sequence);
  if (value === undefined || rest.length > 0)
    throw malformed("attribute is not a type and a value");
  const oid = oidOf(type);
  const name = ATTRIBUTE_NAMES.get(oid) ?? oid;
  const text = textOf(value);
  const shown = text ?? `#${encodeHex(value.bytes)}`;
  const folded = text === undefined ? shown : `=${foldText(text)}`;
  return {
    attribute: Object.freeze({ oid, name, value: shown }),
    // The length keeps what stands in one attribute from being read as two.
    key: `${oid}:${folded.length}${folded};`,
  };
}

function foldText(text: string): string {
  return text
    .replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replaceAll(/[\t\n\v\f\r ]+/g, " ")
    .replaceAll(/^ | $/g, "");
}

/** Yields the text of a string of any of the types of DirectoryString, and IA5String. */
function textOf({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case DER_TAG.utf8String:
      return decodeUtf8(content);
    case DER_TAG.printableString:
      return matching(content, /^[A-Za-z0-9 '()+,\-./:=?]*$/, "printable string");
    case DER_TAG.numericString:
      return matching(content, /^[0-9 ]*$/, "numeric string");
    case DER_TAG.ia5String:
      return matching(content, /^[\0-\x7f]*$/, "IA5 string");
    case DER_TAG.visibleString:
      return matching(content, /^[ -~]*$/, "visible string");
    case DER_TAG.teletexString:
      return decodeWide(content, 1);
    case DER_TAG.bmpString:
      return decodeWide(content, 2);
    case DER_TAG.universalString:
      return decodeWide(content, 4);
    default:
      return undefined;
  }
}

function decodeUtf8(content: Uint8Array): string {
  try {
    return utf8.decode(content);
  } catch (cause) {
    throw malformed("name is not valid UTF-8", { cause });
  }
}

function matching(content: Uint8Array, pattern: RegExp, type: string): string {
  const text = decodeWide(content, 1);
  if (!pattern.test(text)) throw malformed(`${type} with other characters`);
  return text;
}

// TeletexString is read as Latin-1, as is customary.
function decodeWide(content: Uint8Array, width: number): string {
  if (content.length % width !== 0) throw malformed("string ends within a character");
  let text = "";
  for (let offset = 0; offset < content.length; offset += width) {
    let point = 0;
    for (const byte of content.subarray(offset, offset + width)) point = point * 256 + byte;
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) throw malformed("no character");
    text += String.fromCodePoint(point);
  }
  return text;
}
