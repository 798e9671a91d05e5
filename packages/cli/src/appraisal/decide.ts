import {
  BANDS,
  worstBand,
  type ContentDigest,
  type Notice,
  type SeverityBand,
  type SfrIssue,
  type SfrReport,
} from "@tallystick/content";
import { celValue } from "@tallystick/policy";

import { knownFacts, type Gathered, type Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";

/** What a device or a deployment may do with the firmware. */
export type Decision = "allow" | "deny" | "manual";

/** What a decision rests on, by statement, rule and value. */
export interface Reason {
  readonly decision: Decision;
  readonly rule: string;
  /** EntryID; `undefined` of what no statement says. */
  readonly statement: string | undefined;
  readonly value: string;
}

/** A statement about the firmware, and how it is known to be about it. */
export interface Used {
  readonly known: Known;
  /** `direct`, `release` or `rim`, with the EntryID that leads there. */
  readonly edge: string;
}

/** What came of an appraisal. */
export interface Appraisal {
  readonly decision: Decision;
  readonly reasons: readonly Reason[];
  readonly warnings: readonly string[];
  readonly used: readonly Used[];
}

const REVIEWED = "reviewed";
const SEVERITY = "severity";

/**
 * Decides on firmware by its digests. Anything that denies denies; else anything that is for a person
 * to look at is; else it is allowed.
 */
export function decide(
  subject: readonly ContentDigest[],
  gathered: Gathered,
  policy: AppraisalPolicy,
): Appraisal {
  const standing = standingOf(gathered.known, policy);
  const used = relevant(subject, standing.valid, policy);
  const withdrawn = relevant(
    subject,
    standing.withdrawn.map(({ known }) => known),
    policy,
  );
  const reasons = [
    ...standing.withdrawn
      .filter(({ known }) => withdrawn.some((one) => one.known === known))
      .flatMap((one) => withdrawnReason(one, standing.valid)),
    ...reportReasons(newest(used), policy),
    ...ruleReasons(subject, used, { gathered, policy }),
  ];
  return {
    decision: worst(reasons),
    reasons,
    warnings: warningsOf(used, gathered),
    used,
  };
}

interface Withdrawn {
  readonly known: Known;
  readonly by: Known;
  readonly notice: Notice;
}

interface Standing {
  readonly valid: readonly Known[];
  readonly withdrawn: readonly Withdrawn[];
}

/** A notice counts of the issuer of its target, or of an operator, and of nobody else. */
function standingOf(known: readonly Known[], { operators }: AppraisalPolicy): Standing {
  const notices = new Map<string, Withdrawn["by"][]>();
  for (const by of known) {
    if (!("notice" in by.content)) continue;
    const { target } = by.content.notice;
    notices.set(target, [...(notices.get(target) ?? []), by]);
  }
  const withdrawn: Withdrawn[] = [];
  const valid: Known[] = [];
  for (const one of known) {
    const by = notices
      .get(one.entryId)
      ?.find(({ issuer }) => issuer === one.issuer || operators.has(issuer));
    // Notices stand: one that could be withdrawn would have to be asked for as well.
    if (by === undefined || !("notice" in by.content) || "notice" in one.content) valid.push(one);
    else withdrawn.push({ known: one, by, notice: by.content.notice });
  }
  return { valid, withdrawn };
}

function withdrawnReason(
  { known, by, notice }: Withdrawn,
  valid: readonly Known[],
): readonly Reason[] {
  const rule = by.content.kind === "revoke" ? "revoked" : "superseded";
  const why = notice.reason === undefined ? "" : ` (${notice.reason})`;
  const { replacement } = notice;
  if (replacement === undefined) {
    const value = `revoked by ${by.entryId}${why}`;
    return [{ decision: "deny", rule, statement: known.entryId, value }];
  }
  const newer = valid.find(({ entryId }) => entryId === replacement);
  if (newer !== undefined && replaces(newer, known)) return [];
  const what =
    newer === undefined ? "which is not there or does not count" : "which is no newer report";
  const value = `superseded by ${replacement}, ${what}${why}`;
  return [{ decision: "manual", rule, statement: known.entryId, value }];
}

/**
 * Yields whether a statement may take the place of another: whoever published a report cannot put it
 * away by anything but a report of the same provider that is as new.
 */
function replaces(newer: Known, older: Known): boolean {
  if (older.reports.length === 0) return true;
  return (
    newer.provider === older.provider &&
    older.reports.every((old) =>
      newer.reports.some((report) => isAbout(report, old) && compareVersions(report, old) >= 0),
    )
  );
}

function isAbout({ device }: SfrReport, { device: other }: SfrReport): boolean {
  return device.vendor === other.vendor && device.product === other.product;
}

/** Yields the statements about the subject: direct, by the RIM that a release names, by the release. */
function relevant(
  subject: readonly ContentDigest[],
  known: readonly Known[],
  { vendors }: AppraisalPolicy,
): readonly Used[] {
  const asked = new Set(subject.map(textOf));
  const used = new Map<Known, string>();
  for (const one of known) {
    if (digestsOf(one).some((digest) => asked.has(digest))) used.set(one, "direct");
  }
  const rims = [...used.keys()].filter(({ content }) => content.kind === "rim");
  for (const one of known) {
    if (one.content.kind !== "release") continue;
    const { release } = one.content;
    const rim = rims.find(({ entryId }) => release.rims.some(({ entry }) => entry === entryId));
    if (rim !== undefined && !used.has(one)) used.set(one, `rim ${rim.entryId}`);
    if (!used.has(one)) continue;
    const files = new Set(release.files.flatMap(({ digests }) => digests.map(textOf)));
    const own = vendors.get(one.issuer) ?? new Set<string>();
    for (const other of known) {
      if (used.has(other) || other.content.kind === "release") continue;
      // Anybody could say that something measures what another vendor's firmware does.
      const isOwn = other.reports.every(({ device }) => own.has(device.vendor));
      if (isOwn && own.size > 0 && digestsOf(other).some((digest) => files.has(digest))) {
        used.set(other, `release ${one.entryId}`);
      }
    }
  }
  return [...used].map(([one, edge]) => ({ known: one, edge }));
}

function digestsOf({ content, reports }: Known): readonly string[] {
  if (content.kind === "release") {
    const { files, measurements } = content.release;
    return [...files, ...measurements].flatMap(({ digests }) => digests.map(textOf));
  }
  if (content.kind === "rim") {
    if (!content.rim.isProfileKnown) return [];
    return content.rim.comids.flatMap(({ references }) =>
      references.flatMap(({ measurements }) =>
        measurements.flatMap(({ digests = [] }) => digests.map(textOf)),
      ),
    );
  }
  return reports.flatMap(({ digests, measured }) => [...digests, ...measured].map(textOf));
}

function textOf({ alg, value }: { readonly alg: string; readonly value: string }): string {
  return `${alg} ${value}`;
}

interface Reviewed {
  readonly known: Known;
  readonly report: SfrReport;
}

/** Yields the reports about the firmware, of each provider and product the newest version alone. */
function newest(used: readonly Used[]): readonly Reviewed[] {
  const kept = new Map<string, Reviewed[]>();
  for (const { known } of used) {
    for (const report of known.reports) {
      const { vendor, product } = report.device;
      const name = JSON.stringify([known.provider, vendor, product, report.digests.map(textOf)]);
      const one = { known, report };
      const before = kept.get(name);
      const order = before?.[0] === undefined ? 1 : compareVersions(report, before[0].report);
      if (before === undefined || order > 0) kept.set(name, [one]);
      else if (order === 0) before.push(one);
    }
  }
  return [...kept.values()].flat();
}

/** Versions that are no numbers are as new as each other, so that all of them count. */
function compareVersions(
  { reportVersion: one }: SfrReport,
  { reportVersion: other }: SfrReport,
): number {
  const [left, right] = [one, other].map((text) =>
    /^\d{1,9}(?:\.\d{1,9}){0,3}$/.test(text) ? text.split(".").map(Number) : undefined,
  );
  if (left === undefined || right === undefined) return 0;
  for (let i = 0; i < 4; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function reportReasons(reviewed: readonly Reviewed[], policy: AppraisalPolicy): readonly Reason[] {
  if (reviewed.length === 0) {
    const value = "no report of a trusted review provider is about this firmware";
    return [{ decision: "deny", rule: REVIEWED, statement: undefined, value }];
  }
  return reviewed.flatMap((one) => {
    const { known, report } = one;
    const found = report.issues.flatMap((issue) => issueReason(issue, one, policy));
    if (found.length > 0) return found;
    const band = worstBand(report.issues.map(({ severity }) => severity.band));
    const value = `reviewed by ${known.provider ?? ""}, worst open issue: ${band}`;
    return [{ decision: "allow" as const, rule: REVIEWED, statement: known.entryId, value }];
  });
}

function issueReason(
  { title, severity, statedScore, vector }: SfrIssue,
  { known }: Reviewed,
  { threshold, unknownSeverity }: AppraisalPolicy,
): readonly Reason[] {
  const { band, score } = severity;
  const scores = [
    statedScore === undefined ? "no score" : `score ${statedScore}`,
    vector?.score === undefined ? "no vector that is computed" : `vector ${vector.score}`,
  ].join(", ");
  const value = `issue ${JSON.stringify(title)} is ${band}${score === undefined ? "" : ` (${score})`}: ${scores}`;
  const reason = { rule: SEVERITY, statement: known.entryId, value };
  if (band === "unknown") return [{ ...reason, decision: unknownSeverity }];
  return isAtLeast(band, threshold) ? [{ ...reason, decision: "deny" }] : [];
}

function isAtLeast(band: SeverityBand, threshold: SeverityBand): boolean {
  return BANDS.indexOf(band) >= BANDS.indexOf(threshold);
}

function ruleReasons(
  subject: readonly ContentDigest[],
  used: readonly Used[],
  { gathered, policy }: { readonly gathered: Gathered; readonly policy: AppraisalPolicy },
): readonly Reason[] {
  const ofKind = (...kinds: readonly string[]): readonly object[] =>
    used
      .filter(({ known }) => kinds.includes(known.content.kind))
      .map(({ known, edge }) => ({ ...knownFacts(known), edge }));
  const bindings = {
    reports: celValue(ofKind("sfr", "sfr-corim")),
    releases: celValue(ofKind("release")),
    rims: celValue(ofKind("rim")),
    subject: celValue(subject),
    isComplete: gathered.isComplete,
    size: BigInt(gathered.size),
  };
  return policy.rules.flatMap(({ name, program, reason, otherwise }): readonly Reason[] => {
    const verdict = program.evaluate(bindings);
    if (verdict.holds) return [];
    const value = verdict.why === undefined ? reason : `cannot be decided: ${verdict.why}`;
    const decision = verdict.why === undefined ? otherwise : worseOf(otherwise, "manual");
    return [{ decision, rule: name, statement: undefined, value }];
  });
}

const ORDER: readonly Decision[] = ["allow", "manual", "deny"];

function worseOf(one: Decision, other: Decision): Decision {
  return ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other;
}

function worst(reasons: readonly Reason[]): Decision {
  return reasons.reduce<Decision>(
    (decision, reason) => worseOf(decision, reason.decision),
    "allow",
  );
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
