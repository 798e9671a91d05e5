import { decodeBase64url, encodeBase64url } from "@tallystick/cose";

const TEXT = /^[A-Za-z0-9+/]*={0,2}$/;

/** Yields the bytes in base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/**
 * Yields the bytes of base64 text with padding (RFC 4648 §4), `undefined` for any other text. Spare
 * bits have to be zero, so that each byte string has exactly one text.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !TEXT.test(text)) return undefined;
  const bare = text.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");
  try {
    return decodeBase64url(bare);
  } catch {
    return undefined;
  }
}
