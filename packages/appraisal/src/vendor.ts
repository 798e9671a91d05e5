import type { EvidenceElement } from "@tallystick/evidence";

import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";

/** By `iss`, the vendors for whom it signs. */
export type Vendors = AppraisalPolicy["vendors"];

const NONE: ReadonlySet<string> = new Set();

/** Yields the vendors for whom the issuer of a statement signs. */
export function vendorsOf({ issuer }: Known, vendors: Vendors): ReadonlySet<string> {
  return vendors.get(issuer) ?? NONE;
}

/** Yields whether the issuers of two statements sign for a vendor in common. */
export function shareVendor(one: Known, other: Known, vendors: Vendors): boolean {
  const own = vendorsOf(other, vendors);
  return [...vendorsOf(one, vendors)].some((vendor) => own.has(vendor));
}

/** Yields whether the issuer of a release signs for the vendor that it names. */
export function isOwnRelease(release: Known, vendors: Vendors): boolean {
  const { content } = release;
  return content.kind === "release" && vendorsOf(release, vendors).has(content.release.vendor);
}

/** Yields whether a manifest leads to a release that names it: both are of the release's vendor. */
export function leadsTo(manifest: Known, release: Known, vendors: Vendors): boolean {
  const { content } = release;
  return (
    content.kind === "release" &&
    isOwnRelease(release, vendors) &&
    vendorsOf(manifest, vendors).has(content.release.vendor)
  );
}

/** Yields whether an element is of a device of one of the vendors, as it or the policy says. */
export function isOfVendor({ places }: EvidenceElement, own: ReadonlySet<string>): boolean {
  const named = new Set([...own].map((vendor) => JSON.stringify(vendor)));
  return places.some(({ environment }) => named.has(environment.get("vendor") ?? ""));
}
