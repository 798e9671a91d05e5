import { encodeHex } from "@tallystick/cose";

import { Tagged, type Item } from "./item.js";

/** Tag of an object identifier (RFC 9090). */
const OID_TAG = 111;

/**
 * The private enterprise numbers under which the profile circulates: 47639, which is what was
 * published, 45611, 42655, and 42623, which is the right one.
 */
const ARCS: readonly string[] = ["82f417", "82e42b", "82cd1f", "82cc7f"];

/** Each with the head of its DER, which does not belong into the tag and is found there, and without. */
const ALIASES: ReadonlySet<string> = new Set(
  ARCS.map((arc) => `2b06010401${arc}0101`).flatMap((oid) => [oid, `060a${oid}`]),
);

/** Yields whether one of the names of the profile for reports stands anywhere in the bytes. */
export function mayHaveReportProfile(bytes: Uint8Array): boolean {
  const hex = encodeHex(bytes);
  return [...ALIASES].some((alias) => hex.includes(alias));
}

/** Yields whether the profile of a CoRIM is one of the names of the profile for reports. */
export function isReportProfile(profile: Item): boolean {
  if (!(profile instanceof Tagged) || profile.tag !== OID_TAG) return false;
  return profile.value instanceof Uint8Array && ALIASES.has(encodeHex(profile.value));
}

/** Profiles that give names to environments and elements, and leave comparing as it is. */
const KNOWN_PROFILES: ReadonlySet<string> = new Set([
  "http://arm.com/psa/iot/1",
  "tag:arm.com,2025:psa#1.0.0",
  "tag:arm.com,2025:cca_platform#1.0.0",
  "tag:amd.com,2024:snp-corim-profile",
]);

/** Yields whether a profile asks for nothing beyond the comparison rules of CoRIM. */
export function isKnownProfile(name: string): boolean {
  return KNOWN_PROFILES.has(name);
}
