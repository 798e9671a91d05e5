import { CoseError } from "./error.js";

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

const DIGITS: readonly number[] = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

/** What a character stands for, by its code; nothing but digits has a place. */
const VALUES: readonly (number | undefined)[] = Array.from({ length: 128 }, (_, code) => {
  const digit = String.fromCharCode(code);
  return /[0-9A-Fa-f]/.test(digit) ? Number.parseInt(digit, 16) : undefined;
});

// Reused by every short encodeHex call: nothing in it outlives the call.
const codes: number[] = [];

/** Bytes of the longest digest, key identifier or the like that is named again and again. */
const SHORT_BYTES = 64;

/** Yields the bytes in lower-case hex. */
export function encodeHex(bytes: Uint8Array): string {
  // Added up, a text is a tree of pieces that is flattened when it is first looked at.
  if (bytes.length <= SHORT_BYTES) return String.fromCharCode(...digitsOf(bytes));
  let text = "";
  for (const byte of bytes) text += PAIRS[byte] ?? "";
  return text;
}

function digitsOf(bytes: Uint8Array): readonly number[] {
  codes.length = 2 * bytes.length;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    codes[2 * i] = DIGITS[byte >>> 4] ?? 0;
    codes[2 * i + 1] = DIGITS[byte & 15] ?? 0;
  }
  return codes;
}

/**
 * Yields the bytes of hex text. Either case is taken; odd lengths and any other character are
 * refused.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw malformed();
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = 16 * digitAt(text, 2 * i) + digitAt(text, 2 * i + 1);
  }
  return bytes;
}

function digitAt(text: string, at: number): number {
  const value = VALUES[text.charCodeAt(at)];
  if (value === undefined) throw malformed();
  return value;
}

function malformed(): CoseError {
  return new CoseError("COSE_KEY_MALFORMED", "not hex text");
}
