import type { Findings } from "../warning.js";
import type { SfrDate } from "./report.js";

/** Where a text stands, and where what is odd about it goes. */
export interface Place {
  readonly path: string;
  readonly findings: Findings;
}

const NOTHING: ReadonlySet<string> = new Set(["", "none", "n/a", "null"]);

/** Yields the weakness that a text begins with, as `CWE-190`. */
export function readCwe(
  written: string | undefined,
  { path, findings }: Place,
): string | undefined {
  if (written === undefined || NOTHING.has(written.trim().toLowerCase())) {
    findings.add("cwe-none", path);
    return undefined;
  }
  const [whole = "", number] = /^\s*CWE-(\d{1,6})(?!\d)/i.exec(written) ?? [];
  if (number === undefined) {
    findings.add("cwe-unreadable", path);
    return undefined;
  }
  if (whole !== written) findings.add("cwe-text", path);
  return `CWE-${number}`;
}

/** Yields the vulnerability that a text names; `undefined` for the ways in which none is written. */
export function readCve(
  written: string | undefined,
  { path, findings }: Place,
): string | undefined {
  if (written === undefined) return undefined;
  const text = written.trim();
  if (!NOTHING.has(text.toLowerCase())) return text;
  findings.add("cve-none", path);
  return undefined;
}

/** Reads a day, also one whose month or day has one digit. */
export function readDay(written: string, { path, findings }: Place): SfrDate {
  const [, year = "", month = "", day = ""] =
    /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(written.trim()) ?? [];
  const text = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  if (!isDay(text)) {
    findings.add("date-unreadable", path);
    return { written, day: undefined };
  }
  if (text !== written) findings.add("date-form", path);
  return { written, day: text };
}

// Date takes the 30th of February for the 1st of March, which reads back as something else.
function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
