import { StatementError } from "../error.js";

/** Tags of ASN.1 types that certificates are made of (X.690 §8). */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const MAX_BYTES = 65_536;
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 4096;
const MAX_OID_BYTES = 64;

/** One element: its tag, all its bytes, its content, and what is inside where it is constructed. */
export interface DerElement {
  readonly tag: number;
  /** Exactly as received, tag and length included. A view into the input. */
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
  readonly children: readonly DerElement[];
}

/**
 * Yields the one DER element (X.690 §10, §11) that the bytes are, with everything constructed in it
 * opened: definite and shortest lengths, primitive strings, canonical booleans, integers, object
 * identifiers, bit strings and set orders, no bytes behind the end.
 *
 * Time and memory are bounded by 64 KiB, 4096 elements and 16 levels, whatever the bytes are.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function parseDer(bytes: Uint8Array): DerElement {
  if (bytes.length > MAX_BYTES) throw malformed(`${bytes.length} bytes, want ${MAX_BYTES} at most`);
  const walk: Walk = { elements: 0 };
  const element = readElement(bytes, walk, 1);
  if (element.bytes.length !== bytes.length) throw malformed("DER: bytes behind the end");
  return element;
}

/** Yields the children of an element once it has the tag. */
export function childrenOf(element: DerElement, tag: number): readonly DerElement[] {
  if (element.tag !== tag) throw wrongTag(element.tag, tag);
  return element.children;
}

/** Yields the content of an element once it has the tag. */
export function contentOf(element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw wrongTag(element?.tag, tag);
  return element.content;
}

/** Yields the dotted form of an OBJECT IDENTIFIER. */
export function oidOf(element: DerElement | undefined): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of contentOf(element, DER_TAG.oid)) {
    arc = arc * 128n + BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    if (arcs.length === 0) {
      const root = arc < 80n ? arc / 40n : 2n;
      arcs.push(root, arc - root * 40n);
    } else {
      arcs.push(arc);
    }
    arc = 0n;
  }
  return arcs.join(".");
}

/** Yields the bytes of a BIT STRING that is a whole number of bytes. */
export function octetsOf(element: DerElement | undefined): Uint8Array {
  const content = contentOf(element, DER_TAG.bitString);
  if (content[0] !== 0) throw malformed("DER: bit string has spare bits");
  return content.subarray(1);
}

/** Makes the refusal of a certificate as such. */
export function malformed(message: string, options?: ErrorOptions): StatementError {
  return new StatementError("STATEMENT_CERTIFICATE_MALFORMED", message, options);
}

interface Walk {
  elements: number;
}

function readElement(bytes: Uint8Array, walk: Walk, depth: number): DerElement {
  if (depth > MAX_DEPTH) throw malformed(`DER: more than ${MAX_DEPTH} levels`);
  if (++walk.elements > MAX_ELEMENTS) throw malformed(`DER: more than ${MAX_ELEMENTS} elements`);
  const tag = bytes[0];
  if (tag === undefined) throw malformed("DER: element is missing");
  requireTag(tag);
  const { start, length } = readLength(bytes);
  if (length > bytes.length - start) throw malformed("DER: truncated element");
  const content = bytes.subarray(start, start + length);
  const children = (tag & 0x20) === 0 ? [] : readChildren(content, walk, depth);
  if (tag === DER_TAG.set) requireOrder(children);
  requireCanonical(tag, content);
  return { tag, bytes: bytes.subarray(0, start + length), content, children };
}

function readChildren(content: Uint8Array, walk: Walk, depth: number): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let offset = 0; offset < content.length;) {
    const child = readElement(content.subarray(offset), walk, depth + 1);
    children.push(child);
    offset += child.bytes.length;
  }
  return children;
}

// Universal and context-specific tags of one byte; nothing in a certificate has another. A string
// in parts (X.690 §8.7.3) is BER alone (§10.2).
function requireTag(tag: number): void {
  const isContext = (tag & 0xc0) === 0x80;
  const isUniversal = (tag & 0xc0) === 0;
  if ((tag & 0x1f) === 0x1f || tag === 0 || !(isContext || isUniversal)) {
    throw malformed(`DER: tag ${tag} is not taken`);
  }
  const number = tag & 0x1f;
  const isCollection = number === 0x10 || number === 0x11;
  if (isUniversal && ((tag & 0x20) !== 0) !== isCollection) {
    throw malformed(`DER: tag ${tag} has the wrong form`);
  }
}

// X.690 §10.1: definite, in the fewest bytes.
function readLength(bytes: Uint8Array): { readonly start: number; readonly length: number } {
  const first = bytes[1];
  if (first === undefined) throw malformed("DER: truncated length");
  if (first < 0x80) return { start: 2, length: first };
  const count = first - 0x80;
  if (count < 1 || count > 3) throw malformed("DER: indefinite or oversized length");
  let length = 0;
  for (const byte of bytes.subarray(2, 2 + count)) length = length * 256 + byte;
  if (bytes.length < 2 + count) throw malformed("DER: truncated length");
  const least = count === 1 ? 0x80 : 256 ** (count - 1);
  if (length < least) throw malformed("DER: length is not in shortest form");
  return { start: 2 + count, length };
}

// X.690 §11.6: the members of a SET OF ascend.
function requireOrder(children: readonly DerElement[]): void {
  for (const [index, child] of children.entries()) {
    const before = children[index - 1];
    if (before !== undefined && compareBytes(before.bytes, child.bytes) > 0) {
      throw malformed("DER: set is not in order");
    }
  }
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  const length = Math.max(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function requireCanonical(tag: number, content: Uint8Array): void {
  const [first, second] = content;
  switch (tag) {
    case DER_TAG.boolean: // X.690 §11.1
      if (content.length !== 1 || (first !== 0 && first !== 0xff)) throw malformed("DER: boolean");
      return;
    case DER_TAG.integer: // X.690 §8.3.2
      if (first === undefined) throw malformed("DER: empty integer");
      if (second === undefined) return;
      if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
        throw malformed("DER: integer is not in shortest form");
      }
      return;
    case DER_TAG.bitString:
      requireBitString(content);
      return;
    case DER_TAG.null:
      if (content.length > 0) throw malformed("DER: NULL with content");
      return;
    case DER_TAG.oid:
      requireOid(content);
  }
}

// X.690 §8.6.2, §11.2.1: up to seven spare bits, all zero.
function requireBitString(content: Uint8Array): void {
  const spare = content[0];
  const last = content.length > 1 ? content.at(-1) : undefined;
  const isEmpty = last === undefined;
  if (spare === undefined || spare > 7 || (isEmpty && spare > 0))
    throw malformed("DER: bit string");
  if (!isEmpty && (last & ((1 << spare) - 1)) !== 0) {
    throw malformed("DER: bit string has spare bits that are set");
  }
}

// X.690 §8.19.2: every arc in the fewest bytes.
function requireOid(content: Uint8Array): void {
  if (content.length > MAX_OID_BYTES) throw malformed("DER: object identifier is too long");
  let isStart = true;
  for (const byte of content) {
    if (isStart && byte === 0x80) throw malformed("DER: object identifier is not in shortest form");
    isStart = byte < 0x80;
  }
  if (content.length === 0 || !isStart) throw malformed("DER: truncated object identifier");
}

function wrongTag(got: number | undefined, want: number): StatementError {
  return malformed(`DER: tag ${got ?? "none"}, want ${want}`);
}
