import { ContentError, mayBeOfKind, recogniseContent, type ContentKind } from "@tallystick/content";
import { CONTENT_LIMITS } from "@tallystick/policy";
import type { SignedStatement } from "@tallystick/statement";

import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";
import type { Used } from "./relevance.js";

const REPORTS: readonly ContentKind[] = ["sfr", "sfr-corim"];
/** What counts of some issuers alone, and may stand against firmware. */
const NOTICES: readonly ContentKind[] = ["revoke", "supersede"];

const WHITE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
/** An object or the mark of UTF-8 before it, tags of one, two and three bytes, arrays of four and of any length. */
const BEGINNINGS: readonly number[] = [0x7b, 0xef, 0xd2, 0xd8, 0xd9, 0x84, 0x9f];

/** A statement that cannot be read here, and may be a notice or a report to others. */
export interface Unread {
  readonly entryId: string;
  readonly issuer: string;
  readonly mayBeReport: boolean;
  readonly why: string;
}

/** Yields what a statement whose payload cannot be read may be; `undefined` of what is neither notice nor report. */
export function unreadOf(statement: SignedStatement, why: string): Unread | undefined {
  const kinds = kindsOf(statement);
  const mayBeReport = REPORTS.some((kind) => kinds.includes(kind));
  if (!mayBeReport && !NOTICES.some((kind) => kinds.includes(kind))) return undefined;
  return { entryId: statement.entryId, issuer: statement.claims.issuer, mayBeReport, why };
}

function kindsOf({ payload, contentType }: SignedStatement): readonly ContentKind[] {
  if (payload === null) return [];
  try {
    const content = recogniseContent(payload, { contentType, limits: CONTENT_LIMITS });
    if (content.kind !== "opaque") return [content.kind];
    const isLarge = payload.length > CONTENT_LIMITS.maxBytes;
    const isOpen = mayBeOfKind(contentType, "sfr") && mayBeOfKind(contentType, "revoke");
    return isLarge && isOpen && !beginsAsEither(payload) ? [] : content.mayBe;
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    return [...REPORTS, ...NOTICES].filter((kind) => mayBeOfKind(contentType, kind));
  }
}

/** Yields whether bytes begin as JSON, a JWS or COSE does: others are no notice and no report. */
function beginsAsEither(payload: Uint8Array): boolean {
  const at = payload.findIndex((byte) => !WHITE.includes(byte));
  const [first = 0, second = 0] = payload.subarray(Math.max(at, 0));
  return BEGINNINGS.includes(first) || (first === 0x65 && [0x77, 0x79].includes(second));
}

/**
 * Yields what asks for a person: what cannot be read, and may be a report, or a notice of an issuer
 * whose notices count for what is used.
 */
export function unreadReasons(
  unread: readonly Unread[],
  used: readonly Used[],
  { operators }: AppraisalPolicy,
): readonly Reason[] {
  const issuers = new Set([...operators, ...used.map(({ known }) => known.issuer)]);
  return unread
    .filter(({ issuer, mayBeReport }) => mayBeReport || issuers.has(issuer))
    .sort((one, other) => (one.entryId < other.entryId ? -1 : 1))
    .map(({ entryId, mayBeReport, why }) => {
      const what = mayBeReport ? "a report" : "a notice";
      const value = `it cannot be read and may be ${what}: ${why}`;
      return { decision: "manual", rule: "unread", statement: entryId, value };
    });
}
