import type { Findings } from "../warning.js";
import { isAbsentText, readVector, type CvssVector } from "./cvss.js";

/** The bands of CVSS, the same in 3.x and 4.0; `unknown` where neither score nor vector says. */
export type SeverityBand = "none" | "low" | "medium" | "high" | "critical" | "unknown";

/**
 * How severe an issue is: the higher of what is stated and what its vector computes to. It is unknown
 * where either is there and cannot be read, for that may be the higher.
 */
export interface Severity {
  readonly band: SeverityBand;
  readonly score: number | undefined;
}

/** What a report states about the severity of one issue. */
export interface Assessment {
  readonly title: string;
  readonly score: string;
  readonly vector: string | undefined;
  /** The version that the report says its vectors are of. */
  readonly version: string | undefined;
  /** Where the issue stands, for warnings. */
  readonly path: string;
}

/** What an assessment comes to. */
export interface Assessed {
  readonly severity: Severity;
  /** The score as stated. */
  readonly statedScore: number | undefined;
  readonly vector: CvssVector | undefined;
}

/** Bands from the mildest to the worst, `unknown` behind them all. */
export const BANDS: readonly SeverityBand[] = [
  ...(["none", "low", "medium", "high", "critical", "unknown"] as const),
];

const TITLE_BANDS: Readonly<Record<string, SeverityBand>> = {
  INFO: "none",
  INFORMATIONAL: "none",
  NONE: "none",
  LOW: "low",
  MEDIUM: "medium",
  MODERATE: "medium",
  HIGH: "high",
  CRITICAL: "critical",
};

/** Scores have one decimal; less than half of that is how doubles differ. */
const TOLERANCE = 0.05;

/** Issues of one payload; computing the score of a vector takes up to a millisecond. */
export const MAX_ISSUES = 256;

/** Yields the severity of an issue, and adds what is odd about how it is stated. */
export function assess(assessment: Assessment, findings: Findings): Assessed {
  const { title, path } = assessment;
  const statedScore = scoreOf(assessment.score);
  if (statedScore === undefined) findings.add("score-unreadable", `${path}.cvss_score`);
  const { vector, isIllegible } = vectorOf(assessment, findings);
  const scores = [statedScore, vector?.score].filter((score) => score !== undefined);
  const isLegible = !isScoreIllegible(assessment.score, statedScore) && !isIllegible;
  const score = scores.length === 0 || !isLegible ? undefined : Math.max(...scores);
  const band = bandOf(score);
  if (Math.max(...scores) - Math.min(...scores) > TOLERANCE) {
    findings.add("score-not-vector", `${path}.cvss_score`);
  }
  const [, tag = ""] = /^\s*\[([A-Za-z]+)\]/.exec(title) ?? [];
  const titled = TITLE_BANDS[tag.toUpperCase()];
  if (titled !== undefined && titled !== band) findings.add("title-not-band", `${path}.title`);
  return { severity: { band, score }, statedScore, vector };
}

/** Yields the band of a score (CVSS 3.1 §5, CVSS 4.0 §6). */
export function bandOf(score: number | undefined): SeverityBand {
  if (score === undefined) return "unknown";
  if (score === 0) return "none";
  if (score < 4) return "low";
  if (score < 7) return "medium";
  return score < 9 ? "high" : "critical";
}

/** Yields the worst of the bands, `none` of no bands; `unknown` is worse than all. */
export function worstBand(bands: readonly SeverityBand[]): SeverityBand {
  return bands.reduce(
    (worst, band) => (BANDS.indexOf(band) > BANDS.indexOf(worst) ? band : worst),
    "none",
  );
}

function scoreOf(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^\d{1,2}(?:\.\d{1,6})?$/.test(trimmed)) return undefined;
  const score = Number(trimmed);
  return score <= 10 ? score : undefined;
}

/** Yields whether something is stated, and is no score. */
function isScoreIllegible(text: string, score: number | undefined): boolean {
  return score === undefined && !isAbsentText(text);
}

interface VectorOutcome {
  readonly vector: CvssVector | undefined;
  /** Something is there, and is no vector. */
  readonly isIllegible: boolean;
}

function vectorOf(assessment: Assessment, findings: Findings): VectorOutcome {
  const path = `${assessment.path}.cvss_vector`;
  const reading = readVector(assessment.vector ?? "");
  const { vector } = reading;
  if (vector === undefined) {
    findings.add(reading.isAbsent ? "vector-absent" : "vector-unreadable", path);
    return { vector, isIllegible: !reading.isAbsent };
  }
  if (reading.isMisshapen) findings.add("vector-form", path);
  if (!reading.hasPrefix) findings.add("vector-prefix-absent", path);
  if (reading.isIncomplete) findings.add("vector-incomplete", path);
  if (vector.version !== (assessment.version ?? "3.1")) findings.add("vector-version", path);
  return { vector, isIllegible: false };
}
