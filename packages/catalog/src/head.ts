import { CoseError, decodeCbor, encodeCbor, isCborArray } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

import { DIGEST_BYTES } from "./bytes.js";
import { malformed } from "./error.js";

/** First member of a head. */
export const INDEX_FORMAT = "tallystick-index/1";

/** Media type of a head as the payload of a statement. */
export const INDEX_MEDIA_TYPE = "application/vnd.tallystick.index+cbor";

/** What the subject of a head begins with; the name of its log follows behind a space. */
export const INDEX_SUBJECT = "verifiable-index";

/** Most entries that may be logged between what a head covers and the head itself. */
export const MAX_HEAD_LAG = 65_536;

const MAX_HEAD_BYTES = 128;

/** What a service commits to: the index over the first `size` entries of its log. */
export interface IndexHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** The log that a head is of: `iss` and `sub` of the service's receipts. */
export interface IndexedLog {
  readonly issuer: string;
  readonly origin: string;
}

/** Encodes a head: `[ "tallystick-index/1", size, root ]`. */
export function encodeHead({ size, root }: IndexHead): Uint8Array {
  return encodeCbor([INDEX_FORMAT, size, root]);
}

/**
 * Decodes a head.
 *
 * @throws {@link CatalogError} `CATALOG_MALFORMED`
 */
export function decodeHead(bytes: Uint8Array): IndexHead {
  const parts = partsOf(bytes);
  const [format, size, root] = parts;
  if (format !== INDEX_FORMAT) throw malformed(`the head is not of format ${INDEX_FORMAT}`);
  if (parts.length !== 3) throw malformed("the head has other members than three");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 1) {
    throw malformed("the head covers no size");
  }
  if (!(root instanceof Uint8Array) || root.length !== DIGEST_BYTES) {
    throw malformed("the head has no root");
  }
  return { size, root };
}

/** Signs a head as a statement of the service, fit to be registered on its own log and on no other. */
export function signHead(
  head: IndexHead,
  { issuer, origin, issuedAt }: IndexedLog & { readonly issuedAt: number },
  signer: Signer,
): Promise<Uint8Array> {
  const payload = encodeHead(head);
  const header = { contentType: INDEX_MEDIA_TYPE, subject: subjectOf(origin) };
  return signStatement({ payload, ...header, issuer, issuedAt }, signer);
}

/**
 * Yields whether a statement is a head of a log: of the type of heads, by the service's issuer, and
 * about this log. One issuer may keep several logs; a head of another one is a statement like any.
 */
export function isHeadStatement(
  { contentType, claims }: SignedStatement,
  { issuer, origin }: IndexedLog,
): boolean {
  const isOf = claims.issuer === issuer && claims.subject === subjectOf(origin);
  return isOf && contentType === INDEX_MEDIA_TYPE;
}

function subjectOf(origin: string): string {
  return `${INDEX_SUBJECT} ${origin}`;
}

function partsOf(bytes: Uint8Array): readonly unknown[] {
  try {
    const value = decodeCbor(bytes, { maxBytes: MAX_HEAD_BYTES });
    if (isCborArray(value)) return value;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`the head: ${cause.message}`, cause);
  }
  throw malformed("the head is no array");
}
