import {
  ContentError,
  factsOfContent,
  recogniseContent,
  VerifiedReport,
  type Content,
  type SfrReport,
} from "@tallystick/content";
import { leafHash, treeRoot } from "@tallystick/merkle";
import type { SignedStatement } from "@tallystick/statement";
import {
  VerifierError,
  verifyCheckpoint,
  verifyTransparentStatement,
  type VerifiedTransparentStatement,
} from "@tallystick/verifier";

import type { Bundle } from "./bundle.js";
import type { AppraisalPolicy } from "./policy.js";

/** A statement that counts, with what it says. */
export interface Known {
  readonly entryId: string;
  readonly issuer: string;
  readonly index: number | undefined;
  /** When services had vouched for it, in seconds since the epoch. */
  readonly time: number | undefined;
  readonly isIssuerVerified: boolean;
  readonly content: Content;
  /** Of a report: who vouches for it by the signature inside. */
  readonly provider: string | undefined;
  /** Of a report: what was signed. */
  readonly reports: readonly SfrReport[];
}

/** What a bundle comes to under a policy. */
export interface Gathered {
  readonly known: readonly Known[];
  /** Why others do not count, by EntryID or place. */
  readonly refused: readonly { readonly statement: string; readonly why: string }[];
  readonly origin: string;
  readonly size: number;
  readonly checkpointTime: number;
  /** Whether the bundle has every entry of the log up to the size, and its root shows it. */
  readonly isComplete: boolean;
}

/**
 * Verifies what a bundle has: every receipt, every signature, the signatures inside reports.
 *
 * @throws VerifierError `VERIFIER_CHECKPOINT_REFUSED`
 */
export async function gather(bundle: Bundle, policy: AppraisalPolicy): Promise<Gathered> {
  const signed = await verifyCheckpoint(bundle.checkpoint, policy.services);
  const { origin, issuer, size, root, time } = signed.checkpoint;
  const known: Known[] = [];
  const refused: { statement: string; why: string }[] = [];
  const seen = new Set<string>();
  const leaves = new Map<number, Uint8Array>();
  for (const [position, bytes] of bundle.statements.entries()) {
    const outcome = await look(bytes, policy);
    if ("why" in outcome) {
      refused.push({ statement: outcome.statement ?? `statements[${position}]`, why: outcome.why });
    }
    const place = outcome.placed;
    if (place?.log === `${issuer}\n${origin}`) leaves.set(place.index, leafHash(place.entry));
    if ("known" in outcome && !seen.has(outcome.known.entryId)) {
      seen.add(outcome.known.entryId);
      known.push(outcome.known);
    }
  }
  return {
    ...{ known, refused, origin, size, checkpointTime: time },
    isComplete: isWhole(leaves, size, root),
  };
}

/** Yields whether there is a leaf for every index below the size, and the root is theirs. */
function isWhole(leaves: ReadonlyMap<number, Uint8Array>, size: number, root: Uint8Array): boolean {
  if (leaves.size < size) return false;
  const all = Array.from({ length: size }, (_, index) => leaves.get(index));
  const found = all.filter((leaf) => leaf !== undefined);
  return found.length === size && isSame(treeRoot(found), root);
}

interface Placed {
  readonly log: string;
  readonly index: number;
  readonly entry: Uint8Array;
}

type Outcome =
  | { readonly known: Known; readonly placed: Placed | undefined }
  | {
      readonly statement: string | undefined;
      readonly why: string;
      readonly placed: Placed | undefined;
    }
  | { readonly placed: Placed | undefined };

async function look(bytes: Uint8Array, policy: AppraisalPolicy): Promise<Outcome> {
  const vouched = await verified(bytes, policy.services);
  if (vouched instanceof VerifierError) {
    return { statement: undefined, why: `${vouched.code}: ${vouched.message}`, placed: undefined };
  }
  const { statement } = vouched;
  const placed = placeOf(vouched);
  const content = contentOf(statement);
  if (content instanceof ContentError) {
    const why = `${content.code}: ${content.message}`;
    return { statement: statement.entryId, why, placed };
  }
  // What says nothing of firmware needs no signature of anybody's to be left out.
  if (content.kind === "opaque") return { placed };
  const whole = await verified(bytes, policy.trust);
  if (whole instanceof VerifierError) {
    return { statement: statement.entryId, why: `${whole.code}: ${whole.message}`, placed };
  }
  const inner = await innerOf(statement, content, {
    policy,
    time: whole.judgedAt ?? timeOf(whole),
  });
  if (inner instanceof ContentError) {
    return { statement: statement.entryId, why: `${inner.code}: ${inner.message}`, placed };
  }
  const known: Known = {
    entryId: statement.entryId,
    issuer: statement.claims.issuer,
    index: placed?.index,
    time: whole.judgedAt,
    isIssuerVerified: whole.isIssuerVerified,
    content,
    ...inner,
  };
  return { known, placed };
}

async function verified(
  bytes: Uint8Array,
  trust: AppraisalPolicy["trust"],
): Promise<VerifiedTransparentStatement | VerifierError> {
  try {
    return await verifyTransparentStatement(bytes, trust);
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
}

function contentOf({
  payload,
  hashEnvelope,
  contentType,
}: SignedStatement): Content | ContentError {
  if (payload === null || hashEnvelope !== undefined) {
    return { kind: "opaque", problem: "not inline", warnings: [] };
  }
  try {
    return recogniseContent(payload, { contentType });
  } catch (error) {
    if (error instanceof ContentError) return error;
    throw error;
  }
}

interface Inner {
  readonly provider: string | undefined;
  readonly reports: readonly SfrReport[];
}

async function innerOf(
  { payload }: SignedStatement,
  content: Content,
  { policy, time }: { readonly policy: AppraisalPolicy; readonly time: number },
): Promise<Inner | ContentError> {
  if (!("reports" in content) || payload === null) return { provider: undefined, reports: [] };
  try {
    const report = await VerifiedReport.verify(payload, { keys: policy.reviewKeys, time });
    return { provider: report.provider, reports: report.reports };
  } catch (error) {
    if (error instanceof ContentError) return error;
    throw error;
  }
}

/** Where no receipt says when it was issued, no term of a key has begun. */
function timeOf({ receipts }: VerifiedTransparentStatement): number {
  const times = receipts.map(({ inclusion }) => inclusion.receipt.issuedAt ?? -Infinity);
  return Math.max(-Infinity, ...times);
}

function placeOf({ statement, receipts }: VerifiedTransparentStatement): Placed | undefined {
  const found = receipts.find(({ inclusion }) => inclusion.receipt.signedSize !== undefined);
  if (found?.inclusion.index === undefined) return undefined;
  const { service, inclusion } = found;
  return {
    log: `${service.issuer}\n${service.origin}`,
    index: inclusion.index ?? 0,
    entry: statement.entry,
  };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** Yields what rules may ask of a statement. */
export function knownFacts({ entryId, issuer, index, provider, content }: Known): object {
  return {
    entryId,
    issuer,
    ...(index === undefined ? {} : { index }),
    ...(provider === undefined ? {} : { provider }),
    ...factsOfContent(content),
  };
}
