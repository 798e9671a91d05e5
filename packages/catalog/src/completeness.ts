import { CoseError, decodeCbor, encodeCbor, isCborArray } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { DIGEST_BYTES } from "./bytes.js";
import { malformed } from "./error.js";
import { decodeEntries, encodeEntries } from "./list.js";
import type { ListedEntry } from "./list.js";
import { isCommitted } from "./term.js";
import type { CommittedKind } from "./term.js";
import { MAX_DEPTH } from "./tree.js";
import type { Leaf, MapPath } from "./tree.js";

/** First member of a completeness proof. */
export const COMPLETENESS_FORMAT = "tallystick-completeness/1";

/** Media type of a completeness proof. */
export const COMPLETENESS_MEDIA_TYPE = "application/vnd.tallystick.completeness+cbor";

/** Longest completeness proof: a million entries and more. */
export const MAX_COMPLETENESS_BYTES = 67_108_864;

/** All entries of a term up to a size, and what shows that they are all. Nothing of it is verified. */
export interface Completeness {
  readonly kind: CommittedKind;
  readonly value: string;
  /** The head's statement, with receipts: a transparent statement. */
  readonly head: Uint8Array;
  readonly path: MapPath;
  readonly entries: readonly ListedEntry[];
}

/** What a completeness proof is encoded from; its entries may be as {@link encodeEntries} writes them. */
export interface CompletenessParts extends Omit<Completeness, "entries"> {
  readonly entries: readonly ListedEntry[] | Uint8Array;
}

/** Encodes a completeness proof; see docs/formats/index.md. */
export function encodeCompleteness(proof: CompletenessParts): Uint8Array {
  const { kind, value, head, path, entries } = proof;
  const { siblings, end } = path;
  const last = end === undefined ? null : [end.key, end.list.count, end.list.digest];
  const parts = [COMPLETENESS_FORMAT, kind, value, head, [...siblings], last];
  return encodeCbor([...parts, entries instanceof Uint8Array ? entries : encodeEntries(entries)]);
}

/**
 * Decodes a completeness proof, strictly.
 *
 * @throws {@link CatalogError} `CATALOG_MALFORMED`
 */
export function decodeCompleteness(bytes: Uint8Array): Completeness {
  const parts = partsOf(bytes);
  const [format, kind, value, head, siblings, end, entries] = parts;
  if (format !== COMPLETENESS_FORMAT) {
    throw malformed(`the proof is not of format ${COMPLETENESS_FORMAT}`);
  }
  if (parts.length !== 7) throw malformed("the proof has other members than seven");
  if (typeof kind !== "string" || !isCommitted(kind)) throw malformed("the proof is of no kind");
  if (typeof value !== "string") throw malformed("the proof is about no text");
  if (!(head instanceof Uint8Array)) throw malformed("the proof has no head");
  if (!(entries instanceof Uint8Array)) throw malformed("the proof has no list");
  const path = { siblings: siblingsOf(siblings), end: endOf(end) };
  return { kind, value, head, path, entries: decodeEntries(entries) };
}

function siblingsOf(value: CborValue | undefined): readonly Uint8Array[] {
  if (!isCborArray(value) || value.length > MAX_DEPTH) {
    throw malformed(`the way is no array of up to ${MAX_DEPTH} digests`);
  }
  return value.map(digestOf);
}

function endOf(value: CborValue | undefined): Leaf | undefined {
  if (value === null) return undefined;
  if (!isCborArray(value) || value.length !== 3) throw malformed("the way ends at no leaf");
  const [key, count, digest] = value;
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 0) {
    throw malformed("the leaf counts nothing");
  }
  return { key: digestOf(key), list: { count, digest: digestOf(digest) } };
}

function digestOf(value: CborValue | undefined): Uint8Array {
  if (value instanceof Uint8Array && value.length === DIGEST_BYTES) return value;
  throw malformed("a digest is not 32 bytes");
}

function partsOf(bytes: Uint8Array): readonly CborValue[] {
  try {
    const value = decodeCbor(bytes, { maxBytes: MAX_COMPLETENESS_BYTES });
    if (isCborArray(value)) return value;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`the proof: ${cause.message}`, cause);
  }
  throw malformed("the proof is no array");
}
