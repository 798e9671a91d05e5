import { CoseError } from "./error.js";
import { isShortestFloat, readFloat } from "./float.js";
import { type Head, INDEFINITE, isShortest, MAJOR } from "./head.js";
import { encodeHex } from "./hex.js";
import { decodeUtf8 } from "./utf8.js";

// Byte strings shorter than this are too often printable by chance.
const LEAST_READABLE = 4;

// What a terminal could act on or a reader could not see: controls, formats, private use.
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
const INVISIBLE_BUT_LAYOUT = /[^\P{C}\t\n\r]/u;

/** The encoding indicator of RFC 8949 §8.1; empty for the shortest form and for no length. */
export function formatIndicator(head: Head): string {
  return isShortest(head) || head.info === INDEFINITE ? "" : `_${head.info - 24}`;
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}

/** Yields text in double quotes, everything invisible escaped. */
export function formatTextString(bytes: Uint8Array): string {
  return JSON.stringify(decodeUtf8(bytes)).replace(INVISIBLE, escapeUnits);
}

function readable(bytes: Uint8Array): string | undefined {
  if (bytes.length < LEAST_READABLE) return undefined;
  try {
    const text = decodeUtf8(bytes);
    return INVISIBLE_BUT_LAYOUT.test(text) ? undefined : text;
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}

/** Yields a byte string as `'text'` when all of it can be read (RFC 8610 §G.2), else as `h'…'`. */
export function formatByteString(bytes: Uint8Array): string {
  const text = readable(bytes);
  if (text === undefined) return `h'${encodeHex(bytes)}'`;
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped.replace(INVISIBLE, escapeUnits)}'`;
}

function formatFloat(head: Head): string {
  const value = readFloat(head);
  // RFC 8949 §8: a decimal point tells 1.0 from the integer 1.
  const digits = Object.is(value, -0) ? "-0" : value.toString();
  const text = Number.isFinite(value) ? digits.replace(/^(-?\d+)(?=e|$)/, "$1.0") : digits;
  return isShortestFloat(head) ? text : `${text}_${head.info - 24}`;
}

const SIMPLE: ReadonlyMap<number | bigint, string> = new Map([
  [20, "false"],
  [21, "true"],
  [22, "null"],
  [23, "undefined"],
]);

/**
 * Yields a simple value or float.
 *
 * @throws {@link CoseError} `COSE_CBOR_MALFORMED` for a break, which no item can be, and for a
 * value below 32 in two bytes (RFC 8949 §3.3)
 */
export function formatSimple(head: Head): string {
  if (head.info === INDEFINITE) {
    throw new CoseError("COSE_CBOR_MALFORMED", "break outside of an indefinite-length item");
  }
  if (head.info > 24) return formatFloat(head);
  if (head.info === 24 && head.argument < 32) {
    throw new CoseError("COSE_CBOR_MALFORMED", "simple value below 32 in two bytes");
  }
  return SIMPLE.get(head.argument) ?? `simple(${head.argument.toString()})`;
}

/** Yields whether a head is the break that ends an indefinite-length item. */
export function isBreak(head: Head): boolean {
  return head.major === MAJOR.simple && head.info === INDEFINITE;
}
