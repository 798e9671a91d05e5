import { decodeBase64url, encodeBase64url } from "./base64url.js";
import { CoseError } from "./error.js";
import { encodeHex } from "./hex.js";
import { decodeUtf8 } from "./utf8.js";

/** A key identifier in both its forms: JWK has text (RFC 7517 §4.5), COSE has bytes. */
export interface KeyId {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Length of a thumbprint by SHA-256, and of its unpadded base64url. */
const THUMBPRINT_BYTES = 32;
const THUMBPRINT_CHARACTERS = 43;

/**
 * Yields the key identifier of a JWK.
 *
 * 43 characters of canonical base64url stand for the 32 bytes they encode, as a thumbprint is
 * written; any other text stands for its UTF-8, so that no name is taken for base64url by accident.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`
 */
export function parseKeyId(kid: unknown): KeyId {
  if (typeof kid !== "string" || kid === "") {
    throw new CoseError("COSE_KEY_MALFORMED", "JWK kid is not text or is empty");
  }
  const decoded = kid.length === THUMBPRINT_CHARACTERS ? tryBase64url(kid) : undefined;
  return { text: kid, bytes: decoded ?? new TextEncoder().encode(kid) };
}

/**
 * Yields the key identifier that is these bytes, which are not empty.
 *
 * The text is the one that {@link parseKeyId} reads the bytes from, where there is one; else their
 * base64url, which {@link namesOf} leads back to them.
 */
export function keyIdOf(bytes: Uint8Array): KeyId {
  const text = bytes.length === THUMBPRINT_BYTES ? undefined : tryPrintable(bytes);
  const isRead = text !== undefined && isEqual(parseKeyId(text).bytes, bytes);
  return { text: isRead ? text : encodeBase64url(bytes), bytes };
}

/** Yields every form that a message may name the key by, without repetition, its kid first. */
export function namesOf({ text, bytes }: KeyId, thumbprint: Uint8Array): readonly Uint8Array[] {
  const forms = [bytes, new TextEncoder().encode(text), tryBase64url(text), thumbprint];
  const byHex = new Map(forms.flatMap((form) => (form ? [[encodeHex(form), form] as const] : [])));
  return [...byHex.values()];
}

function tryBase64url(text: string): Uint8Array | undefined {
  try {
    return decodeBase64url(text);
  } catch {
    return undefined;
  }
}

function tryPrintable(bytes: Uint8Array): string | undefined {
  try {
    const text = decodeUtf8(bytes);
    return /^\P{C}+$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return encodeHex(a) === encodeHex(b);
}
