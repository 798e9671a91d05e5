import type { ContentDigest } from "@tallystick/content";
import type { EvidenceElement } from "@tallystick/evidence";
import { celValue } from "@tallystick/policy";

import { coverageReasons } from "./coverage.js";
import { deviceReasons, isCredible, requireAccepted, type DeviceEvidence } from "./device.js";
import {
  appliedBy,
  endorse,
  endorsedFacts,
  endorsementReasons,
  type Endorsed,
  type Endorsing,
} from "./endorse.js";
import { knownFacts, type Gathered, type Known } from "./gather.js";
import { manifestReasons, weigh, type Held, type Weighed } from "./manifest.js";
import type { AppraisalPolicy } from "./policy.js";
import { softened, worseOf, worst, type Decision, type Reason } from "./reason.js";
import { relevant, uncoveredReasons, type Asked, type Relevance, type Used } from "./relevance.js";
import { issueReasons, reportReasons } from "./review.js";
import { countsFor, standingOf } from "./standing.js";
import type { Subject } from "./subject.js";
import { unreadReasons } from "./unread.js";

/** What came of an appraisal. */
export interface Appraisal {
  readonly decision: Decision;
  readonly reasons: readonly Reason[];
  readonly warnings: readonly string[];
  readonly used: readonly Used[];
  /** Of evidence, the manifests that it was held against. */
  readonly held: readonly Held[];
}

/**
 * Decides on firmware by its digests, or on a device. Anything that denies denies; else anything that
 * is for a person to look at is; else it is allowed. The order of what was gathered has no say, and
 * the same input gives the same decision and reasons.
 *
 * @throws {@link AppraisalError} `APPRAISAL_EVIDENCE_UNACCEPTED`
 */
export function decide(
  subject: readonly ContentDigest[] | Subject,
  gathered: Gathered,
  policy: AppraisalPolicy,
): Appraisal {
  const { digests, device }: Subject = "digests" in subject ? subject : { digests: subject };
  if (device === undefined) return decideOn({ digests }, gathered, policy);
  const accepted = requireAccepted(policy.evidence);
  if (isCredible(device, accepted)) return decideOn({ digests, device }, gathered, policy);
  const reasons = deviceReasons(device, accepted);
  return { decision: worst(reasons), reasons, warnings: [], used: [], held: [] };
}

function decideOn(
  { digests, device }: Subject,
  gathered: Gathered,
  policy: AppraisalPolicy,
): Appraisal {
  const known = [...gathered.known].sort(byPlace);
  const { valid, withdrawals } = standingOf(known, policy);
  const lapsed = [...gathered.lapsed].sort((one, other) => byPlace(one.known, other.known));
  const lapsedReports = lapsed.map((one) => one.known).filter(({ reports }) => reports.length > 0);
  const weighed = weighedFor(device, valid, policy);
  const endorsed = endorsedFor(device, valid, { policy, held: weighed?.held ?? [] });
  const askedOf = (weight: Weighed | undefined, { endorsing }: Endorsed): Asked => ({
    ...{ digests, elements: device?.evidence.elements, endorsed: appliedBy(endorsing) },
    manifests: weight?.held.filter(({ match }) => match.isMatch).map((one) => one.known),
  });
  // What is withdrawn or lapsed leads to nothing that allows, and yet may be led to.
  const everything = [...known, ...lapsedReports];
  const before = weighedFor(device, known, policy);
  const endorsedBefore = endorsedFor(device, known, { policy, held: before?.held ?? [] });
  const all = relevant(askedOf(before, endorsedBefore), everything, policy).used;
  const relevance = relevant(askedOf(weighed, endorsed), valid, policy);
  const { used } = relevance;
  const reasons = [
    ...withdrawals.flatMap(({ known: target, reason }) =>
      reason !== undefined && all.some((one) => one.known === target) ? [reason] : [],
    ),
    ...evidenceReasons({ device, weighed, endorsing: endorsed.endorsing, relevance }, policy),
    ...lapsedReasons(all, { ...gathered, lapsed }, policy),
    ...unreadReasons(gathered.unread, { digests, used: all }, policy),
    ...reviewReasons({ weighed, relevance }, policy),
    ...uncoveredReasons(relevance),
    ...completeReasons(gathered, policy),
    ...ruleReasons({ digests, ...(device === undefined ? {} : { device }) }, used, {
      ...{ gathered, policy },
      endorsing: endorsed.endorsing,
    }),
  ];
  return {
    decision: worst(reasons),
    reasons,
    warnings: [...(weighed?.warnings ?? []), ...endorsed.warnings, ...warningsOf(used, gathered)],
    used,
    held: weighed?.held ?? [],
  };
}

function weighedFor(
  device: DeviceEvidence | undefined,
  known: readonly Known[],
  policy: AppraisalPolicy,
): Weighed | undefined {
  return device === undefined ? undefined : weigh(device.evidence, known, policy);
}

function endorsedFor(
  device: DeviceEvidence | undefined,
  known: readonly Known[],
  ground: { readonly policy: AppraisalPolicy; readonly held: readonly Held[] },
): Endorsed {
  if (device === undefined) return { endorsing: [], warnings: [] };
  return endorse(device.evidence, known, ground);
}

interface Evidenced {
  readonly device: DeviceEvidence | undefined;
  readonly weighed: Weighed | undefined;
  readonly endorsing: readonly Endorsing[];
  readonly relevance: Relevance;
}

function evidenceReasons(
  { device, weighed, endorsing, relevance }: Evidenced,
  { evidence: accepted, vendors }: AppraisalPolicy,
): readonly Reason[] {
  if (device === undefined || weighed === undefined || accepted === undefined) return [];
  const { held, undecided } = weighed;
  const { elements } = device.evidence;
  const found = [
    ...manifestReasons(weighed, vendors),
    ...endorsementReasons(endorsing),
    ...coverageReasons({ elements, held, endorsing, relevance, vendors }, accepted),
  ];
  // A manifest that cannot be looked at may match what others do not, and account for the rest.
  const told = undecided.length === 0 ? found : softened(found);
  return [...deviceReasons(device, accepted), ...undecided, ...told];
}

/** A manifest that cannot be looked at may lead to reports; what is known of others stands. */
function reviewReasons(
  { weighed, relevance: { used } }: Pick<Evidenced, "weighed" | "relevance">,
  policy: AppraisalPolicy,
): readonly Reason[] {
  const reasons = reportReasons(used, policy);
  const isOpen = weighed !== undefined && weighed.undecided.length > 0;
  return isOpen && used.every(({ reports }) => reports.length === 0) ? softened(reasons) : reasons;
}

function byPlace(one: Known, other: Known): number {
  const [left, right] = [one.index ?? Infinity, other.index ?? Infinity];
  if (left !== right) return left < right ? -1 : 1;
  return one.entryId < other.entryId ? -1 : 1;
}

/**
 * Yields what asks for a person: what the log took, and what would deny or withdraw were the key or
 * certificate in force, or known, under which it was signed.
 */
function lapsedReasons(
  all: readonly Used[],
  { lapsed }: Gathered,
  policy: AppraisalPolicy,
): readonly Reason[] {
  return lapsed.flatMap(({ known, why }) => {
    const { content, entryId } = known;
    if (!isAgainst(known, all, policy)) return [];
    const what = "notice" in content ? `${content.kind} of ${content.notice.target}` : "report";
    const value = `${what} is on the log and does not count: ${why}`;
    return [{ decision: "manual" as const, rule: "lapsed", statement: entryId, value }];
  });
}

function isAgainst(known: Known, all: readonly Used[], policy: AppraisalPolicy): boolean {
  const { content } = known;
  if ("notice" in content) {
    const { target } = content.notice;
    return all.some((one) => one.known.entryId === target && countsFor(one.known, known, policy));
  }
  const met = all.find((one) => one.known === known)?.reports ?? [];
  return met.some((report) => issueReasons(report, known, policy).length > 0);
}

function completeReasons(
  { isComplete, size }: Gathered,
  { allowsIncomplete }: AppraisalPolicy,
): readonly Reason[] {
  if (isComplete || allowsIncomplete) return [];
  const value = `the bundle has not every entry up to size ${size} and these alone, so that a revocation may be left out`;
  return [{ decision: "manual", rule: "complete", statement: undefined, value }];
}

function ruleReasons(
  { digests, device }: Subject,
  used: readonly Used[],
  {
    gathered,
    policy,
    endorsing,
  }: {
    readonly gathered: Gathered;
    readonly policy: AppraisalPolicy;
    readonly endorsing: readonly Endorsing[];
  },
): readonly Reason[] {
  const ofKind = (...kinds: readonly string[]): readonly object[] =>
    used
      .filter(({ known }) => kinds.includes(known.content.kind))
      .map(({ known, edge, reports }) => ({ ...knownFacts(known, reports), edge }));
  const bindings = {
    reports: celValue(ofKind("sfr", "sfr-corim")),
    releases: celValue(ofKind("release")),
    rims: celValue(ofKind("rim", "swid")),
    subject: celValue(digests),
    elements: celValue((device?.evidence.elements ?? []).map(elementFacts)),
    endorsed: celValue(endorsedFacts(endorsing)),
    isComplete: gathered.isComplete,
    size: BigInt(gathered.size),
    time: BigInt(gathered.checkpointTime),
  };
  return policy.rules.flatMap(({ name, program, reason, otherwise }): readonly Reason[] => {
    const verdict = program.evaluate(bindings);
    if (verdict.holds) return [];
    const value = verdict.why === undefined ? reason : `cannot be decided: ${verdict.why}`;
    const decision = verdict.why === undefined ? otherwise : worseOf(otherwise, "manual");
    return [{ decision, rule: name, statement: undefined, value }];
  });
}

/** Yields what rules may ask of an element. */
function elementFacts({ name, block, kind, measurement }: EvidenceElement): object {
  const { digests = [], svn, version } = measurement;
  return {
    ...{ name, kind, digests: digests.map(({ alg, value }) => ({ alg, value })) },
    ...(block === undefined ? {} : { block }),
    ...(svn === undefined ? {} : { svn: exact(svn.value) }),
    ...(version === undefined ? {} : { version: version.text }),
  };
}

/** Beyond what a number holds, a version number is its digits. */
function exact(value: bigint): number | string {
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString();
}

function warningsOf(used: readonly Used[], { refused }: Gathered): readonly string[] {
  return [
    ...used.flatMap(({ known }) =>
      known.content.warnings
        .filter(({ level }) => level === "warning")
        .map(({ code, path }) => `${known.entryId}: ${code} at ${path}`),
    ),
    ...refused.map(({ statement, why }) => `${statement} does not count: ${why}`),
  ];
}
