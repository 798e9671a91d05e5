import { encodeBase64url, decodeHex } from "@tallystick/cose";

/** What is looked for, in hexadecimal: bytes of a shorter one stand anywhere by chance. */
const WHOLE = /^(?:[0-9a-f]{2}){16,}$/;

/**
 * Digests and EntryIDs that bytes may name, as documents write them: their bytes, hexadecimal in either
 * case, base64 and base64url, however they are padded.
 */
export class Mentions {
  /** By their first two bytes. */
  readonly #patterns: ReadonlyMap<number, readonly Uint8Array[]>;

  /** Takes digests and EntryIDs in hexadecimal. Digests of zeros name nothing, and are left out. */
  constructor(digests: readonly string[], entryIds: readonly string[]) {
    const named = new Set([...digests, ...entryIds].map((value) => value.toLowerCase()));
    const patterns = new Map<number, Uint8Array[]>();
    for (const value of named) {
      if (!WHOLE.test(value) || /^0+$/.test(value)) continue;
      for (const pattern of formsOf(value)) {
        const key = keyAt(pattern, 0);
        const others = patterns.get(key);
        if (others === undefined) patterns.set(key, [pattern]);
        else others.push(pattern);
      }
    }
    this.#patterns = patterns;
  }

  /** Yields whether one of them is named, in one pass over the bytes. */
  isIn(bytes: Uint8Array): boolean {
    for (let at = 0; at + 1 < bytes.length; at++) {
      const found = this.#patterns.get(keyAt(bytes, at));
      if (found?.some((pattern) => beginsWith(bytes, at, pattern)) === true) return true;
    }
    return false;
  }
}

function formsOf(hex: string): readonly Uint8Array[] {
  const bytes = decodeHex(hex);
  // The last character of some lengths depends on what follows.
  const base64url = encodeBase64url(bytes).slice(0, Math.floor((bytes.length * 4) / 3));
  const base64 = base64url.replaceAll("-", "+").replaceAll("_", "/");
  const texts = new Set([hex, hex.toUpperCase(), base64url, base64]);
  return [bytes, ...[...texts].map((text) => new TextEncoder().encode(text))];
}

function keyAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
}

function beginsWith(bytes: Uint8Array, at: number, pattern: Uint8Array): boolean {
  if (at + pattern.length > bytes.length) return false;
  return pattern.every((byte, i) => bytes[at + i] === byte);
}
