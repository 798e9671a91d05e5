import type { ContentKind, ContentType } from "./content.js";
import { RECORD_MEDIA_TYPE } from "./release/evidence-record.js";
import { NOTICE_MEDIA_TYPES } from "./release/notice.js";
import { RELEASE_MEDIA_TYPE } from "./release/release.js";

/**
 * What a content type says of a payload: that it is of one kind, that its structure has to be looked
 * at (`any`), or that it is of none that is understood here (`other`).
 */
export type Claim = Exclude<ContentKind, "opaque"> | "any" | "other";

/** Types that name one kind each. That of the report is proposed, and not registered. */
const CLAIMS: ReadonlyMap<ContentType, Claim> = new Map<ContentType, Claim>([
  ["application/vnd.ocp.safe-sfr+json", "sfr"],
  ["application/vnd.cyclonedx+json", "cyclonedx"],
  ["application/spdx+json", "spdx"],
  ["application/spdx3+json", "spdx"],
  ["application/swid+xml", "swid"],
  ["application/swid+cbor", "coswid"],
  // The same as a CoAP content format (RFC 9393 §6.3).
  [258, "coswid"],
  [RELEASE_MEDIA_TYPE, "release"],
  [RECORD_MEDIA_TYPE, "record"],
  [NOTICE_MEDIA_TYPES.revoke, "revoke"],
  [NOTICE_MEDIA_TYPES.supersede, "supersede"],
]);

/** Types of XML of any kind, the CoAP content format of it among them. */
const XML: readonly ContentType[] = ["application/xml", "text/xml", 41];

/** Types of which a payload can be anything, the CoAP formats of JSON, XML, CBOR and bytes among them. */
const GENERIC: ReadonlySet<ContentType> = new Set<ContentType>([
  ...["application/json", "application/jose", "application/jwt", "application/octet-stream"],
  ...["application/cbor", "application/cose", "application/rim+cbor", "application/rim+cose"],
  ...XML,
  ...["text/plain", 0, 18, 42, 50, 60, 98],
]);

/** Yields what the content type says; without one, the structure has to be looked at. */
export function claimOf(contentType: ContentType | undefined): Claim {
  if (contentType === undefined) return "any";
  const plain = plainType(contentType);
  return CLAIMS.get(plain) ?? (GENERIC.has(plain) ? "any" : "other");
}

/** Yields whether a payload of that content type may be of that kind, if it has none too. */
export function mayBeOfKind(contentType: ContentType | undefined, kind: ContentKind): boolean {
  const claim = claimOf(contentType);
  return claim === "any" || claim === kind;
}

/** Yields whether a content type says that the payload is a CoRIM, whose structure has to be looked at. */
export function namesManifest(contentType: ContentType | undefined): boolean {
  const plain = contentType === undefined ? undefined : plainType(contentType);
  return plain === "application/rim+cbor" || plain === "application/rim+cose";
}

/** Yields whether the content type says that a payload is XML: SWID, or any. */
export function isXmlType(contentType: ContentType | undefined): boolean {
  if (contentType === undefined) return false;
  return claimOf(contentType) === "swid" || XML.includes(plainType(contentType));
}

/** Yields the parameter `version` of a media type, as those of bills of materials have it. */
export function versionIn(contentType: ContentType | undefined): string | undefined {
  if (typeof contentType !== "string") return undefined;
  return /;\s*version="?([0-9.]{1,16})"?/i.exec(contentType)?.[1];
}

/** Yields the media type without parameters and in lower case (RFC 2045 §5.1), a number as it is. */
function plainType(contentType: ContentType): ContentType {
  if (typeof contentType === "number") return contentType;
  const [type = ""] = contentType.split(";", 1);
  return type.trim().toLowerCase();
}
