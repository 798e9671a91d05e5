import { CoseError } from "./error.js";

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

/** Yields the bytes in lower-case hex. */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += PAIRS[byte] ?? "";
  return text;
}

/**
 * Yields the bytes of hex text. Either case is taken; odd lengths and any other character are
 * refused.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9A-Fa-f]*$/.test(text)) {
    throw new CoseError("COSE_KEY_MALFORMED", "not hex text");
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}
