import { digest, encodeHex, encodeSign1 } from "@tallystick/cose";
import type { Sign1 } from "@tallystick/cose";

/**
 * Encodes the normalised form of a statement, which is what the log keeps and hashes (N1–N4).
 *
 * Protected bytes, payload and signature are spliced in as received; the unprotected header is
 * empty. Whoever holds a statement, with or without receipts in it, gets the same bytes.
 */
export function encodeNormalised(message: Sign1): Uint8Array {
  return encodeSign1({
    protectedBytes: message.protectedBytes, // N2: never re-encoded
    unprotectedHeader: new Map(), // T22, N1: empty before it enters the Statement Sequence
    payload: message.payload, // N4
    signature: message.signature,
  });
}

/** Computes the entry that the log records for a normalised statement: its SHA-256 (N5). */
export function entryOf(normalised: Uint8Array): Uint8Array {
  return digest("sha-256", normalised);
}

/** Formats an entry as its EntryID: 64 lower-case hexadecimal digits (N7). */
export function formatEntryId(entry: Uint8Array): string {
  return encodeHex(entry);
}

/** Parses an EntryID; `undefined` when the text is none. */
export function parseEntryId(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f]{64}$/.test(text)) return undefined;
  const pairs = text.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
