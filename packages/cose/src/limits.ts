import { CoseError } from "./error.js";

/** Bounds on one piece of untrusted CBOR; what passes a bound is refused with `COSE_CBOR_LIMIT`. */
export interface CborLimits {
  readonly maxBytes: number;
  /** Containers open at the same time; the outermost one counts. At most {@link DEEPEST}. */
  readonly maxDepth: number;
  /** Items in all: every array element, key and value, and the outermost item. */
  readonly maxItems: number;
}

/** The bounds where the caller names none: 16 MiB, 16 levels, 65536 items. */
export const DEFAULT_CBOR_LIMITS: CborLimits = {
  maxBytes: 16 * 1024 * 1024,
  maxDepth: 16,
  maxItems: 65_536,
};

/** The highest depth a caller may ask for; the readers of this package and cbor-x recurse. */
export const DEEPEST = 256;

/**
 * Completes limits with {@link DEFAULT_CBOR_LIMITS}.
 *
 * Throws `TypeError` for a limit that is not a positive safe integer or too deep.
 */
export function completeLimits(limits: Partial<CborLimits>): CborLimits {
  const complete = { ...DEFAULT_CBOR_LIMITS, ...limits };
  requireLimits(complete);
  return complete;
}

/** Throws `TypeError` for a limit that is not a positive safe integer or too deep. */
export function requireLimits(complete: CborLimits): void {
  for (const limit of [complete.maxBytes, complete.maxDepth, complete.maxItems]) {
    if (!Number.isSafeInteger(limit) || limit < 1) {
      throw new TypeError(`limit ${limit}, want a positive integer`);
    }
  }
  if (complete.maxDepth > DEEPEST) {
    throw new TypeError(`maxDepth ${complete.maxDepth}, want at most ${DEEPEST}`);
  }
}

/** Throws unless `bytes` is a `Uint8Array` within the limit. */
export function checkSize(bytes: Uint8Array, maxBytes: number): void {
  // Callers in plain JavaScript may pass anything.
  if (!((bytes as unknown) instanceof Uint8Array)) throw new TypeError("want a Uint8Array");
  if (bytes.length > maxBytes) {
    throw new CoseError("COSE_CBOR_LIMIT", `${bytes.length} bytes, limit ${maxBytes}`);
  }
}
