import type { Content, ContentType } from "../content.js";
import type { ContentLimits } from "../limits.js";
import { claimOf, isXmlType, namesManifest } from "../media-type.js";
import { looksLikeUswid } from "../uswid.js";

/** Bounds on what is read of one payload for what it speaks of, in the form that it is in. */
export const MENTION_LIMITS: Readonly<Record<"json" | "xml" | "cbor", ContentLimits>> = {
  json: { maxBytes: 1_048_576, maxDepth: 32, maxItems: 50_000 },
  xml: { maxBytes: 262_144, maxDepth: 32, maxItems: 8192 },
  cbor: { maxBytes: 262_144, maxDepth: 32, maxItems: 50_000 },
};

/** Bytes of a payload that cannot pass a bound of {@link MENTION_LIMITS}: an item takes one at least. */
export const MAX_TAKEN_OVER_BYTES = 8192;

/**
 * Yields the bounds within which a payload is read; `undefined` where it is XML and its content type
 * does not say so: it is not read at all.
 */
export function readingLimits(
  payload: Uint8Array,
  contentType: ContentType | undefined,
): ContentLimits | undefined {
  if (isXmlType(contentType)) return MENTION_LIMITS.xml;
  const claim = claimOf(contentType);
  const first = payload.find((byte) => ![0x09, 0x0a, 0x0d, 0x20].includes(byte));
  if (first === 0x3c && claim === "any") return undefined;
  const saysCbor = claim === "coswid" || namesManifest(contentType);
  const isCbor = saysCbor || looksLikeUswid(payload) || isTagged(first);
  return isCbor ? MENTION_LIMITS.cbor : MENTION_LIMITS.json;
}

/** Yields whether an item of CBOR that begins so has a tag, as all have that are known by their structure. */
function isTagged(first = 0): boolean {
  return first >> 5 === 6;
}

/**
 * Yields whether a payload comes to the same as it was read elsewhere, within limits that are not
 * narrower than {@link MAX_TAKEN_OVER_BYTES} items and 32 levels.
 */
export function isTakenOver(payload: Uint8Array, read: Content): boolean {
  if (payload.length > MAX_TAKEN_OVER_BYTES) return false;
  return read.kind !== "opaque" || read.problem === undefined;
}
