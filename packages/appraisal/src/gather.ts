import {
  ContentError,
  factsOfContent,
  VerifiedReport,
  VerifiedRim,
  type Content,
  type ContentLimits,
  type OpaqueContent,
  type SfrReport,
} from "@tallystick/content";
import { CONTENT_LIMITS, readContent } from "@tallystick/policy";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { Certificate, SignedStatement } from "@tallystick/statement";
import {
  VerifierError,
  verifyCheckpoint,
  verifyTransparentStatement,
  type VerifiedTransparentStatement,
} from "@tallystick/verifier";

import { AppraisalError } from "./error.js";
import type { Bundle } from "./bundle.js";
import type { AppraisalPolicy } from "./policy.js";
import { PlacedEntries } from "./placed-entries.js";
import { unreadOf, type Unread } from "./unread.js";

/** A statement that counts, with what it says. */
export interface Known {
  readonly entryId: string;
  readonly issuer: string;
  /** In the log of the checkpoint; `undefined` where nothing places it there. */
  readonly index: number | undefined;
  /** When services had vouched for it, in seconds since the epoch. */
  readonly time: number | undefined;
  readonly isIssuerVerified: boolean;
  readonly content: Content;
  /** Of a report: who vouches for it by the signature inside. */
  readonly provider: string | undefined;
  /** Of a report: what was signed. */
  readonly reports: readonly SfrReport[];
  /** Of a manifest with a signature inside: why that could not be checked. */
  readonly unchecked?: string | undefined;
  /** Whether that is for want of what would check it, so that it may count elsewhere. */
  readonly isUndecided?: boolean;
  /** Of a manifest: thumbprint of the key that signed it, inside or, without that, as its issuer. */
  readonly signedBy?: string | undefined;
}

/**
 * A notice or a report that the log took, and that does not count for a key or certificate which is
 * not known or was not in force. It may tell of what is amiss, and may not help to allow.
 */
export interface Lapsed {
  readonly known: Known;
  readonly why: string;
}

/** What a bundle comes to under a policy. */
export interface Gathered {
  readonly known: readonly Known[];
  readonly lapsed: readonly Lapsed[];
  /** What may be a notice or a report, and cannot be read. */
  readonly unread: readonly Unread[];
  /** Why others do not count, by EntryID or place. */
  readonly refused: readonly { readonly statement: string; readonly why: string }[];
  readonly origin: string;
  readonly size: number;
  readonly checkpointTime: number;
  /**
   * Whether the bundle has every entry of the log up to the size, and its root shows it, and every
   * statement that counts is one of these entries.
   */
  readonly isComplete: boolean;
}

/** Verifies the signature inside a SWID manifest; `verifySwidRim` of `@tallystick/content/swid-signature` is one. */
export type SwidVerifier = (
  bytes: Uint8Array,
  options: {
    readonly anchors: readonly Certificate[];
    readonly time: number;
    readonly limits: ContentLimits;
  },
) => Promise<unknown>;

/** What is not part of this package, since its libraries need Node. */
export interface Parts {
  /**
   * Without it no SWID manifest counts, unless the policy allows unchecked ones. Of a device that one
   * may be about it cannot be decided then, unless something else denies.
   */
  readonly verifySwidRim?: SwidVerifier;
}

/**
 * Verifies what a bundle has: every receipt, every signature, the signatures inside reports and
 * manifests. What does not hold is in `refused`, and is no error.
 *
 * @throws {@link AppraisalError} `APPRAISAL_CHECKPOINT_INVALID`, `APPRAISAL_BUNDLE_CONTRADICTION`
 */
export async function gather(
  bundle: Bundle,
  policy: AppraisalPolicy,
  parts: Parts = {},
): Promise<Gathered> {
  const { checkpoint } = await checkpointOf(bundle, policy);
  const { origin, size, time } = checkpoint;
  const known = new Map<string, Known>();
  const lapsed = new Map<string, Lapsed>();
  const unread = new Map<string, Unread>();
  const refused: { statement: string; why: string }[] = [];
  const places = new PlacedEntries(checkpoint);
  const inside = new Set<string>();
  for (const [position, bytes] of bundle.statements.entries()) {
    const { placed, known: one, refusal } = await look(bytes, { policy, parts, places });
    if (refusal !== undefined) {
      const { statement = `statements[${position}]`, why, late } = refusal;
      refused.push({ statement, why });
      if (late !== undefined) lapsed.set(late.entryId, { known: late, why });
      if (refusal.unread !== undefined) unread.set(refusal.unread.entryId, refusal.unread);
    }
    if (one === undefined) continue;
    if (placed.some((index) => index < size)) inside.add(one.entryId);
    if (isEarlier(one, known.get(one.entryId))) known.set(one.entryId, one);
  }
  const { isWhole } = places.settle();
  return {
    known: [...known.values()],
    // Another copy may have a receipt of a better time.
    lapsed: [...lapsed.values()].filter((one) => !known.has(one.known.entryId)),
    unread: [...unread.values()],
    ...{ refused, origin, size, checkpointTime: time },
    // What came later, or is of another log, was chosen by whoever made the bundle.
    isComplete: isWhole && [...known.keys()].every((entryId) => inside.has(entryId)),
  };
}

async function checkpointOf(
  { checkpoint }: Bundle,
  { services }: AppraisalPolicy,
): Promise<SignedCheckpoint> {
  try {
    return await verifyCheckpoint(checkpoint, services);
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    const message = `the checkpoint of the bundle does not hold: ${cause.code}: ${cause.message}`;
    throw new AppraisalError("APPRAISAL_CHECKPOINT_INVALID", message, { cause });
  }
}

/** Of two copies of a statement the one of the earlier time counts, wherever they stand. */
function isEarlier({ time = Infinity }: Known, other: Known | undefined): boolean {
  return other === undefined || time < (other.time ?? Infinity);
}

interface Refusal {
  readonly statement: string | undefined;
  readonly why: string;
  /** What it says all the same, where it is for a person to look at. */
  readonly late?: Known;
  /** What it may be, where that cannot be read. */
  readonly unread?: Unread | undefined;
}

interface Outcome {
  /** Indexes in the log of the checkpoint. */
  readonly placed: readonly number[];
  readonly known?: Known;
  readonly refusal?: Refusal;
}

/** Refusals for keys and certificates that say nothing against the statement itself. */
const LAPSES: readonly string[] = [
  ...["VERIFIER_KEY_OUT_OF_TERM", "VERIFIER_ISSUER_UNVERIFIED", "CONTENT_KEY_OUT_OF_TERM"],
];

async function look(bytes: Uint8Array, { places, ...ground }: Looking): Promise<Outcome> {
  const { policy } = ground;
  const vouched = await verified(bytes, policy.services);
  if (vouched instanceof VerifierError) {
    return { refusal: refusalOf(vouched), placed: [] };
  }
  const { statement, judgedAt: time } = vouched;
  const { entryId } = statement;
  const placed = places.take(vouched);
  const content = contentOf(statement);
  // What says nothing of firmware needs no signature of anybody's to be left out.
  if ("kind" in content && content.kind === "opaque" && content.mayBe.length === 0)
    return { placed };
  const whole = await verified(bytes, policy.trust);
  if (content instanceof ContentError || content.kind === "opaque") {
    return { refusal: unreadable(statement, content, whole), placed };
  }
  const inner = await innerOf(statement, content, { ...ground, time });
  const known: Known = {
    entryId,
    issuer: statement.claims.issuer,
    index: placed[0],
    time,
    isIssuerVerified: !(whole instanceof VerifierError) && whole.isIssuerVerified,
    content,
    ...(inner instanceof ContentError ? unvouched(content) : inner),
    signedBy: whole instanceof VerifierError ? undefined : whole.identity?.key.thumbprintHex,
    ...(await checkedOf(statement, content, { ...ground, time })),
  };
  const faults = [
    ...(whole instanceof VerifierError ? [whole] : []),
    ...(inner instanceof ContentError ? [inner] : []),
  ];
  const [fault] = faults;
  if (fault === undefined) return { known, placed };
  const isLapsed =
    ("notice" in content || "reports" in content) &&
    faults.every(({ code }) => LAPSES.includes(code));
  const refusal = refusalOf(fault, entryId);
  return { refusal: isLapsed ? { ...refusal, late: known } : refusal, placed };
}

function refusalOf({ code, message }: VerifierError | ContentError, statement?: string): Refusal {
  return { statement, why: `${code}: ${message}` };
}

/** What is forged stands against nothing; a key that is not known, or lapsed, may be its issuer's. */
function unreadable(
  statement: SignedStatement,
  content: ContentError | OpaqueContent,
  whole: VerifiedTransparentStatement | VerifierError,
): Refusal {
  const why =
    content instanceof ContentError
      ? `${content.code}: ${content.message}`
      : (content.problem ?? "it cannot be read");
  const isForged = whole instanceof VerifierError && !LAPSES.includes(whole.code);
  return {
    ...{ statement: statement.entryId, why },
    unread: isForged ? undefined : unreadOf(statement, why),
  };
}

function unvouched(content: Content): Inner {
  return { provider: undefined, reports: "reports" in content ? content.reports : [] };
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

function contentOf(statement: SignedStatement): Content | ContentError {
  try {
    return readContent(statement);
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
  { policy, time }: Judging,
): Promise<Inner | ContentError> {
  if (!("reports" in content) || payload === null) return { provider: undefined, reports: [] };
  try {
    const report = await VerifiedReport.verify(payload, {
      ...{ keys: policy.reviewKeys, time },
      limits: CONTENT_LIMITS,
    });
    return { provider: report.provider, reports: report.reports };
  } catch (error) {
    if (error instanceof ContentError) return error;
    throw error;
  }
}

interface Ground {
  readonly policy: AppraisalPolicy;
  readonly parts: Parts;
}

interface Looking extends Ground {
  readonly places: PlacedEntries;
}

interface Judging extends Ground {
  readonly time: number | undefined;
}

type Checked = Pick<Known, "signedBy" | "unchecked" | "isUndecided">;

/** A manifest may be unsigned, or be the statement itself; one that is signed inside has to hold. */
async function checkedOf(
  { payload }: SignedStatement,
  content: Content,
  judging: Judging,
): Promise<Checked> {
  if (payload === null) return {};
  if (content.kind === "swid") return uncheckedSwid(payload, judging);
  if (content.kind !== "rim" || content.form === "corim") return {};
  const { policy, time } = judging;
  const trust = { keys: policy.rimKeys, time, limits: CONTENT_LIMITS };
  try {
    return { signedBy: (await VerifiedRim.verify(payload, trust)).key.thumbprintHex };
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    // Whoever passed it on is not whose word it is.
    return { signedBy: undefined, unchecked: `${error.code}: ${error.message}` };
  }
}

/** Certificates are judged as of the receipt: those of published manifests are soon out of term. */
async function uncheckedSwid(
  payload: Uint8Array,
  { policy, parts: { verifySwidRim = missing }, time }: Judging,
): Promise<Checked> {
  if (time === undefined) {
    return { unchecked: "no receipt says as of when its certificates are to be judged" };
  }
  try {
    await verifySwidRim(payload, { anchors: policy.rimAnchors, time, limits: CONTENT_LIMITS });
    return {};
  } catch (error) {
    if (!(error instanceof ContentError)) throw error;
    const isUndecided = error.code === "CONTENT_PART_MISSING";
    const { code, message } = isUndecided ? partMissing(error) : error;
    return { unchecked: `${code}: ${message}`, isUndecided };
  }
}

function missing(): Promise<never> {
  const message = "signatures of XML are not verified here";
  return Promise.reject(new ContentError("CONTENT_PART_MISSING", message));
}

function partMissing(cause: ContentError): AppraisalError {
  return new AppraisalError("APPRAISAL_PART_MISSING", cause.message, { cause });
}

/** Yields what rules may ask of a statement, and of its reports those that are listed. */
export function knownFacts(
  { entryId, issuer, index, provider, content }: Known,
  reports: readonly SfrReport[],
): object {
  return {
    entryId,
    issuer,
    ...(index === undefined ? {} : { index }),
    ...(provider === undefined ? {} : { provider }),
    ...factsOfContent("reports" in content ? { ...content, reports } : content),
  };
}
