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

/** Yields the limits with what the caller did not name. */
export function completeLimits(limits: Partial<ContentLimits> = {}): ContentLimits {
  return { ...DEFAULT_CONTENT_LIMITS, ...limits };
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
