import { CoseError } from "./error.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (char, i) => [char, i]));

/** Yields the bytes in base64url without padding (RFC 4648 §5, RFC 7515 §2). */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text += ALPHABET.charAt((buffer >> bits) & 63);
    }
  }
  return bits === 0 ? text : text + ALPHABET.charAt((buffer << (6 - bits)) & 63);
}

/**
 * Yields the bytes of base64url text. Padding, white space, impossible lengths and non-zero spare
 * bits are refused, so each byte string has exactly one text (RFC 4648 §3.5).
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function decodeBase64url(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let buffer = 0;
  let bits = 0;
  let length = 0;
  for (const char of text) {
    const value = VALUES.get(char);
    if (value === undefined) throw new CoseError("COSE_KEY_MALFORMED", "not base64url text");
    buffer = ((buffer << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (buffer >> bits) & 255;
    }
  }
  if (text.length % 4 === 1 || (buffer & ((1 << bits) - 1)) !== 0) {
    throw new CoseError("COSE_KEY_MALFORMED", "base64url text is not canonical");
  }
  return bytes;
}
