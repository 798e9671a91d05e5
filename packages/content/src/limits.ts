import { ContentError } from "./error.js";

/** Bounds on one payload. */
export interface ContentLimits {
  readonly maxBytes: number;
  /** Objects, arrays and maps open at the same time; at most 256. */
  readonly maxDepth: number;
  /** Values and member names in all. */
  readonly maxItems: number;
}

/** The bounds where the caller names none: 1 MiB, 32 levels, 100,000 items. */
export const DEFAULT_CONTENT_LIMITS: ContentLimits = {
  maxBytes: 1024 * 1024,
  maxDepth: 32,
  maxItems: 100_000,
};

/** Readers recurse as deep as they may. */
const DEEPEST = 256;

/**
 * Yields the limits with what the caller did not name. Throws `TypeError` for a limit that is not a
 * positive safe integer, or a depth above 256.
 */
export function completeLimits(limits: Partial<ContentLimits> = {}): ContentLimits {
  const complete = { ...DEFAULT_CONTENT_LIMITS, ...limits };
  const { maxBytes, maxDepth, maxItems } = complete;
  for (const limit of [maxBytes, maxDepth, maxItems]) {
    if (!Number.isSafeInteger(limit) || limit < 1) throw new TypeError(`limit ${limit}`);
  }
  if (maxDepth > DEEPEST) throw new TypeError(`maxDepth ${maxDepth}, want at most ${DEEPEST}`);
  return complete;
}

/**
 * Refuses a payload that is too large.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`
 */
export function requireSize(payload: Uint8Array, { maxBytes }: ContentLimits): void {
  if (payload.length <= maxBytes) return;
  throw new ContentError("CONTENT_TOO_LARGE", `${payload.length} bytes, limit ${maxBytes}`);
}
