import {
  ContentError,
  factsOfContent,
  mayBeOfKind,
  recogniseContent,
  type Content,
  type ContentKind,
} from "@tallystick/content";
import type { SignedStatement } from "@tallystick/statement";

import type { Meter } from "./cel/meter.js";

/** Largest payload whose content rules and appraisals look at, in bytes, and how it may be nested. */
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
 * Yields what the payload of a statement says, within {@link CONTENT_LIMITS}. What is too large to be
 * looked at could be of any kind that its content type leaves open, and is refused.
 *
 * @throws {@link ContentError} as `recogniseContent`; `CONTENT_TOO_LARGE`
 */
export function readContent({ payload, hashEnvelope, contentType }: SignedStatement): Content {
  if (hashEnvelope !== undefined) return opaque("it is the digest of a hash envelope");
  if (payload === null) return opaque("it is detached");
  const content = recogniseContent(payload, { contentType, limits: CONTENT_LIMITS });
  const { maxBytes } = CONTENT_LIMITS;
  if (content.kind === "opaque" && content.problem !== undefined && payload.length > maxBytes) {
    throw new ContentError("CONTENT_TOO_LARGE", content.problem);
  }
  return content;
}

/**
 * Yields what the payload of a statement says, charging for it first. What is unsound is no error
 * here: it is of kind `unreadable`, for rules to say what that means. Throws BudgetSpent.
 */
export function contentFactsOf(statement: SignedStatement, meter: Meter): ContentFacts {
  const { payload, hashEnvelope } = statement;
  if (hashEnvelope === undefined && payload !== null) {
    meter.charge(1 + Math.ceil(payload.length / BYTES_PER_UNIT));
  }
  try {
    const content = readContent(statement);
    const problem = content.kind === "opaque" ? content.problem : undefined;
    return { content, facts: factsOfContent(content), problem };
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const problem = `${error.code}: ${error.message}`;
    return { content: undefined, facts: { kind: "unreadable", problem, warnings: [] }, problem };
  }
}

/**
 * Yields why a payload cannot be read that could be of one of the kinds: by its content type, or, where
 * that leaves it open, by what could be seen of it. Others, with limits of their own, may read it.
 */
export function unreadableRefusal(
  { content, problem }: ContentFacts,
  { contentType }: SignedStatement,
  kinds: readonly ContentKind[],
): string | undefined {
  const mayBe = (kind: ContentKind): boolean =>
    content === undefined ? mayBeOfKind(contentType, kind) : mayStillBe(content, kind);
  if (!kinds.some(mayBe)) return undefined;
  return `the payload cannot be read: ${String(problem)}`;
}

function mayStillBe(content: Content, kind: ContentKind): boolean {
  return content.kind === "opaque" && content.mayBe.includes(kind);
}

/** What stands elsewhere is nothing that could be read here. */
function opaque(problem: string): Content {
  return { kind: "opaque", problem, mayBe: [], warnings: [] };
}
