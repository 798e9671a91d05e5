import { recogniseContent } from "@tallystick/content";

import type { Gathered, Known } from "../gather.js";
import { VENDOR } from "./review.js";

/** When statements of these suites were registered. */
export const TIME = 1_790_000_000;

/** Yields a statement of the vendor that counts, with what its payload says. */
export function knownOf(entryId: string, payload: Uint8Array, more: Partial<Known> = {}): Known {
  const content = recogniseContent(payload);
  return {
    entryId,
    issuer: VENDOR,
    index: undefined,
    time: TIME,
    isIssuerVerified: true,
    content,
    provider: "reports" in content ? "Example Lab" : undefined,
    reports: "reports" in content ? content.reports : [],
    ...more,
  };
}

/** Yields a complete bundle of statements that count. */
export function gatheredOf(known: readonly Known[], more: Partial<Gathered> = {}): Gathered {
  return {
    known,
    lapsed: [],
    unread: [],
    refused: [],
    origin: "log.example",
    size: known.length,
    checkpointTime: TIME,
    isComplete: true,
    ...more,
  };
}
