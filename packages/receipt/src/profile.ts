import { isCborMap } from "@tallystick/cose";
import type { CborMap } from "@tallystick/cose";

/** Label of the protected map that makes this service's receipts sign the tree size. */
export const PROFILE_LABEL = "tallystick";

/**
 * Yields the tree size that a protected header states, `undefined` where it states none.
 *
 * vds 1 signs the root alone; several (size, index) pairs fold one path to the same root, so an
 * unsigned size must never be used as order or freshness.
 */
export function signedSize(header: CborMap): number | undefined {
  const profile = header.get(PROFILE_LABEL);
  const size = isCborMap(profile) ? profile.get("size") : undefined;
  return typeof size === "number" && Number.isSafeInteger(size) && size >= 1 ? size : undefined;
}
