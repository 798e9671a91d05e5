import {
  BANDS,
  bandOf,
  worstBand,
  type SeverityBand,
  type SfrIssue,
  type SfrReport,
} from "@tallystick/content";

import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";
import { textOf, type Used } from "./relevance.js";

const REVIEWED = "reviewed";
const SEVERITY = "severity";

interface Reviewed {
  readonly known: Known;
  readonly report: SfrReport;
}

type Version = readonly number[];

/** Yields what the reports about the firmware come to; the newest of each provider count. */
export function reportReasons(used: readonly Used[], policy: AppraisalPolicy): readonly Reason[] {
  const reviewed = newest(used);
  if (reviewed.length === 0) {
    const value = "no report of a trusted review provider is about this firmware";
    return [{ decision: "deny", rule: REVIEWED, statement: undefined, value }];
  }
  return reviewed.flatMap(({ known, report }) => {
    const found = issueReasons(report, known, policy);
    if (found.length > 0) return found;
    const band = worstBand(report.issues.map(({ severity }) => severity.band));
    const value = `reviewed by ${known.provider ?? ""}, worst open issue: ${band}`;
    return [{ decision: "allow" as const, rule: REVIEWED, statement: known.entryId, value }];
  });
}

/** Yields what stands against the firmware by its open issues. */
export function issueReasons(
  { issues }: SfrReport,
  known: Known,
  policy: AppraisalPolicy,
): readonly Reason[] {
  return issues.flatMap((issue) => issueReason(issue, known, policy));
}

/**
 * Yields the reports about the firmware, of each provider, product and firmware the highest version
 * alone. Versions that are no numbers cannot be compared, so that all of them count.
 */
function newest(used: readonly Used[]): readonly Reviewed[] {
  const groups = new Map<string, Reviewed[]>();
  for (const { known, reports } of used) {
    for (const report of reports) {
      const { vendor, product } = report.device;
      const digests = report.digests.map(textOf).sort();
      const name = JSON.stringify([known.provider, vendor, product, digests]);
      groups.set(name, [...(groups.get(name) ?? []), { known, report }]);
    }
  }
  return [...groups.values()].flatMap((group) =>
    group.filter(({ report }) => isNewest(report, group)),
  );
}

function isNewest(report: SfrReport, group: readonly Reviewed[]): boolean {
  const version = versionOf(report);
  if (version === undefined) return true;
  return group.every(({ report: other }) => {
    const its = versionOf(other);
    return its === undefined || compareVersions(version, its) >= 0;
  });
}

/** Yields a version of up to four numbers; `undefined` of anything else. */
export function versionOf({ reportVersion }: SfrReport): Version | undefined {
  if (!/^\d{1,9}(?:\.\d{1,9}){0,3}$/.test(reportVersion)) return undefined;
  return reportVersion.split(".").map(Number);
}

/** Yields a number above zero where `one` is the higher, below where `other` is. */
export function compareVersions(one: Version, other: Version): number {
  const differences = [0, 1, 2, 3].map((i) => (one[i] ?? 0) - (other[i] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

function issueReason(
  { title, severity, statedScore, vector }: SfrIssue,
  known: Known,
  { threshold, unknownSeverity }: AppraisalPolicy,
): readonly Reason[] {
  const { band, score } = severity;
  const scores = [
    statedScore === undefined ? "no score" : `score ${statedScore}`,
    vector?.score === undefined ? "no vector that is computed" : `vector ${vector.score}`,
  ].join(", ");
  const value = `issue ${JSON.stringify(title)} is ${band}${score === undefined ? "" : ` (${score})`}: ${scores}`;
  const reason = { rule: SEVERITY, statement: known.entryId, value };
  // What of an unknown severity can be read is the least that it may be.
  const stated = [statedScore, vector?.score].filter((one) => one !== undefined);
  const least = band === "unknown" && stated.length > 0 ? bandOf(Math.max(...stated)) : band;
  if (least !== "unknown" && isAtLeast(least, threshold)) return [{ ...reason, decision: "deny" }];
  return band === "unknown" ? [{ ...reason, decision: unknownSeverity }] : [];
}

function isAtLeast(band: SeverityBand, threshold: SeverityBand): boolean {
  return BANDS.indexOf(band) >= BANDS.indexOf(threshold);
}
