import { ContentError, factsOfContent, recogniseContent, type Content } from "@tallystick/content";
import type { SignedStatement } from "@tallystick/statement";

import type { Meter } from "./cel/meter.js";

/** Largest payload whose content rules look at, in bytes, and how it may be nested. */
export const CONTENT_LIMITS = { maxBytes: 262_144, maxDepth: 32, maxItems: 65_536 } as const;

/** Bytes that are read into facts for one unit. */
const BYTES_PER_UNIT = 8;

/** What a payload is, and what is known of it in plain JSON. */
export interface ContentFacts {
  /** `undefined` where the payload is not as it has to be. */
  readonly content: Content | undefined;
  readonly facts: object;
  /** Why it could not be read. */
  readonly problem: string | undefined;
}

/**
 * Yields what the payload of a statement says, charging for it first. What is unsound is no error
 * here: it is of kind `unreadable`, for rules to say what that means. Throws BudgetSpent.
 */
export function contentFactsOf(
  { payload, hashEnvelope, contentType }: SignedStatement,
  meter: Meter,
): ContentFacts {
  if (hashEnvelope !== undefined) return unread("opaque", "it is the digest of a hash envelope");
  if (payload === null) return unread("opaque", "it is detached");
  meter.charge(1 + Math.ceil(payload.length / BYTES_PER_UNIT));
  try {
    const content = recogniseContent(payload, { contentType, limits: CONTENT_LIMITS });
    const problem = content.kind === "opaque" ? content.problem : undefined;
    return { content, facts: factsOfContent(content), problem };
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    return unread("unreadable", `${error.code}: ${error.message}`);
  }
}

function unread(kind: "opaque" | "unreadable", problem: string): ContentFacts {
  const content = kind === "opaque" ? ({ kind, problem, warnings: [] } as const) : undefined;
  return { content, facts: { kind, problem, warnings: [] }, problem };
}
