import { isCborMap } from "@tallystick/cose";
import type { CborMap } from "@tallystick/cose";

import { ReceiptError } from "./error.js";

/** Label of the protected map that makes this service's receipts sign the tree size. */
export const PROFILE_LABEL = "tallystick";

/**
 * Yields the tree size that a protected header states, `undefined` where it states none.
 *
 * vds 1 signs the root alone; several (size, index) pairs fold one path to the same root, so an
 * unsigned size must never be used as order or freshness. A size that is there and cannot be read is
 * refused, so that it never passes for one that is not signed.
 *
 * @throws {@link ReceiptError} `RECEIPT_MALFORMED`
 */
export function signedSize(header: CborMap): number | undefined {
  if (!header.has(PROFILE_LABEL)) return undefined;
  const profile = header.get(PROFILE_LABEL);
  const size = isCborMap(profile) ? profile.get("size") : undefined;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 1) return size;
  throw new ReceiptError("RECEIPT_MALFORMED", `header "${PROFILE_LABEL}" states no tree size`);
}
