import type { ContentDigest, Notice, SfrReport } from "@tallystick/content";

import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";
import { textOf } from "./relevance.js";
import { versionOf, compareVersions } from "./review.js";

/** A notice that counts, and what it comes to. */
interface Withdrawal {
  readonly known: Known;
  /** `undefined` where the target gives way to its replacement. */
  readonly reason: Reason | undefined;
}

/** What is left of statements after the notices about them. */
export interface Standing {
  readonly valid: readonly Known[];
  readonly withdrawals: readonly Withdrawal[];
}

/**
 * Yields what became of statements. Every notice that counts is heeded, whatever stands beside it; a
 * report whose supersession puts it away by nothing as good stays.
 */
export function standingOf(known: readonly Known[], policy: AppraisalPolicy): Standing {
  const targets = new Map(known.map((one) => [one.entryId, one]));
  const notices = known.flatMap((by) => {
    if (!("notice" in by.content)) return [];
    const target = targets.get(by.content.notice.target);
    // Notices stand: one that could be withdrawn would have to be asked for as well.
    if (target === undefined || "notice" in target.content) return [];
    return countsFor(target, by, policy) ? [{ target, by, notice: by.content.notice }] : [];
  });
  const named = new Set(notices.map(({ target }) => target));
  const free = new Map(known.filter((one) => !named.has(one)).map((one) => [one.entryId, one]));
  const withdrawals = notices.map(({ target, by, notice }) => ({
    known: target,
    reason:
      notice.replacement === undefined
        ? revoked(target, by, notice)
        : superseded(target, notice, free.get(notice.replacement)),
  }));
  const gone = new Set(
    withdrawals
      .filter(
        ({ known: { reports }, reason }) => reports.length === 0 || reason?.decision !== "manual",
      )
      .map((one) => one.known),
  );
  return { valid: known.filter((one) => !gone.has(one)), withdrawals };
}

/** A notice counts of the issuer of its target, or of an operator, and of nobody else. */
export function countsFor(target: Known, by: Known, { operators }: AppraisalPolicy): boolean {
  return by.issuer === target.issuer || operators.has(by.issuer);
}

function revoked({ entryId }: Known, by: Known, { reason }: Notice): Reason {
  const value = `revoked by ${by.entryId}${because(reason)}`;
  return { decision: "deny", rule: "revoked", statement: entryId, value };
}

function superseded(
  older: Known,
  { replacement, reason }: Notice,
  newer: Known | undefined,
): Reason | undefined {
  if (newer !== undefined && replaces(newer, older)) return undefined;
  const what =
    newer === undefined ? "which is not there or does not count" : "which is no newer report";
  const value = `superseded by ${replacement ?? ""}, ${what}${because(reason)}`;
  return { decision: "manual", rule: "superseded", statement: older.entryId, value };
}

function because(reason: string | undefined): string {
  return reason === undefined ? "" : ` (${reason})`;
}

/**
 * Yields whether a statement may take the place of another: whoever published a report cannot put it
 * away by anything but a report of the same provider about the same firmware that is as new.
 */
function replaces(newer: Known, older: Known): boolean {
  if (older.reports.length === 0) return true;
  return (
    newer.provider === older.provider &&
    older.reports.every((old) =>
      newer.reports.some((report) => isAbout(report, old) && isAsNew(report, old)),
    )
  );
}

/** Yields whether a report is about all that another is about. */
function isAbout(report: SfrReport, old: SfrReport): boolean {
  return (
    report.device.vendor === old.device.vendor &&
    report.device.product === old.device.product &&
    covers(report.digests, old.digests) &&
    covers(report.measured, old.measured)
  );
}

function covers(digests: readonly ContentDigest[], others: readonly ContentDigest[]): boolean {
  const own = new Set(digests.map(textOf));
  return others.every((other) => own.has(textOf(other)));
}

function isAsNew(report: SfrReport, old: SfrReport): boolean {
  const [version, other] = [versionOf(report), versionOf(old)];
  return version !== undefined && other !== undefined && compareVersions(version, other) >= 0;
}
