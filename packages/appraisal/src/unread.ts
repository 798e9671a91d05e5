import {
  ContentError,
  mayBeOfKind,
  namesManifest,
  recogniseContent,
  type ContentDigest,
  type ContentKind,
} from "@tallystick/content";
import { CONTENT_LIMITS } from "@tallystick/policy";
import type { SignedStatement } from "@tallystick/statement";

import { Mentions } from "./mentions.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";
import type { Used } from "./relevance.js";

const REPORTS: readonly ContentKind[] = ["sfr", "sfr-corim"];
/** What counts of some issuers alone, and may stand against firmware. */
const NOTICES: readonly ContentKind[] = ["revoke", "supersede"];
/** What says of firmware what it measures and what it is made of, and leads on to reports. */
const MANIFESTS: readonly ContentKind[] = ["release", "rim", "swid"];
const LOOKED_FOR: readonly ContentKind[] = [...REPORTS, ...NOTICES, ...MANIFESTS];

const WHITE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
/** An object or the mark of UTF-8 before it, tags of one, two and three bytes, arrays of four and of any length. */
const BEGINNINGS: readonly number[] = [0x7b, 0xef, 0xd2, 0xd8, 0xd9, 0x84, 0x9f];

/** A statement that cannot be read here, and may be of a kind that counts to others. */
export interface Unread {
  readonly entryId: string;
  readonly issuer: string;
  readonly mayBeReport: boolean;
  readonly mayBeNotice: boolean;
  readonly mayBeManifest: boolean;
  /** What is looked through for the subject; not to be written to. */
  readonly payload: Uint8Array;
  readonly why: string;
}

/** Yields what a statement whose payload cannot be read may be; `undefined` of what is none of these. */
export function unreadOf(statement: SignedStatement, why: string): Unread | undefined {
  const { entryId, payload, claims } = statement;
  const found = kindsOf(statement);
  if (payload === null || !LOOKED_FOR.some((kind) => found.includes(kind))) return undefined;
  const isOne = (kinds: readonly ContentKind[]): boolean =>
    kinds.some((kind) => found.includes(kind));
  return {
    ...{ entryId, issuer: claims.issuer, payload, why },
    mayBeReport: isOne(REPORTS),
    mayBeNotice: isOne(NOTICES),
    mayBeManifest: isOne(MANIFESTS),
  };
}

function kindsOf({ payload, contentType }: SignedStatement): readonly ContentKind[] {
  if (payload === null) return [];
  try {
    const content = recogniseContent(payload, { contentType, limits: CONTENT_LIMITS });
    if (content.kind !== "opaque") return [content.kind];
    const isLarge = payload.length > CONTENT_LIMITS.maxBytes;
    const isOpen = mayBeOfKind(contentType, "sfr") && mayBeOfKind(contentType, "revoke");
    if (!isLarge || !isOpen || beginsAsEither(payload)) return content.mayBe;
    if (namesManifest(contentType)) return ["rim"];
    return firstOf(payload) === 0x3c ? ["swid"] : [];
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    return LOOKED_FOR.filter((kind) => mayBeOfKind(contentType, kind));
  }
}

/** Yields whether bytes begin as JSON, a JWS or COSE does: others are no notice and no report. */
function beginsAsEither(payload: Uint8Array): boolean {
  const at = payload.findIndex((byte) => !WHITE.includes(byte));
  const [first = 0, second = 0] = payload.subarray(Math.max(at, 0));
  return BEGINNINGS.includes(first) || (first === 0x65 && [0x77, 0x79].includes(second));
}

function firstOf(payload: Uint8Array): number | undefined {
  return payload.find((byte) => !WHITE.includes(byte));
}

/** What unread statements are held against. */
export interface Sought {
  /** Of the firmware that is asked about. */
  readonly digests: readonly ContentDigest[];
  /** Statements about it, also those that are withdrawn or lapsed. */
  readonly used: readonly Used[];
}

/**
 * Yields what asks for a person: what cannot be read, and may be a report, or a notice of an issuer
 * whose notices count for what is used, or a manifest or release in which the subject is named.
 */
export function unreadReasons(
  unread: readonly Unread[],
  { digests, used }: Sought,
  { operators, allowsUnreadManifests }: AppraisalPolicy,
): readonly Reason[] {
  const issuers = new Set([...operators, ...used.map(({ known }) => known.issuer)]);
  const manifests = used.filter(({ known }) => ["rim", "swid"].includes(known.content.kind));
  const named = new Mentions(
    digests.map(({ value }) => value),
    manifests.map(({ known }) => known.entryId),
  );
  const whatOf = (one: Unread): string | undefined => {
    if (one.mayBeReport) return "may be a report";
    if (one.mayBeNotice && issuers.has(one.issuer)) return "may be a notice";
    if (!one.mayBeManifest || allowsUnreadManifests || !named.isIn(one.payload)) return undefined;
    return "may be a manifest or a release, and names what is asked about";
  };
  return [...unread]
    .sort((one, other) => (one.entryId < other.entryId ? -1 : 1))
    .flatMap((one): readonly Reason[] => {
      const what = whatOf(one);
      if (what === undefined) return [];
      const value = `it cannot be read and ${what}: ${one.why}`;
      return [{ decision: "manual", rule: "unread", statement: one.entryId, value }];
    });
}
