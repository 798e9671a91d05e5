import cvss from "ae-cvss-calculator";

/** A version of CVSS that can be told from a vector. */
export type CvssVersion = "3.0" | "3.1" | "4.0";

/** A vector in its normal form. */
export interface CvssVector {
  readonly version: CvssVersion;
  /** With its prefix, as `CVSS:3.1/AV:N/…`. */
  readonly text: string;
  /** The base score, whatever other metrics say. */
  readonly score: number;
}

/** What became of a vector as written. */
export interface VectorReading {
  /** Undefined where there is none, or none that can be read. */
  readonly vector: CvssVector | undefined;
  readonly isAbsent: boolean;
  readonly hasPrefix: boolean;
  /** It has white space around it or a slash before it. */
  readonly isMisshapen: boolean;
  /** A 4.0 vector without the impact on subsequent systems, which is none then. */
  readonly isIncomplete: boolean;
}

/** Longest vector that is looked at; one with every metric of 4.0 has less than 200 characters. */
const MAX_LENGTH = 512;

const ABSENT = new Set(["", "n/a", "none"]);

/** Metrics of 4.0 that reports leave out, which are taken for `N` then. */
const SUBSEQUENT: readonly string[] = ["SC", "SI", "SA"];

const NO_METRICS: ReadonlyMap<string, string> = new Map();

/** The base metrics of 4.0 (CVSS 4.0 §7). */
const REQUIRED_4: Readonly<Record<string, string>> = {
  AV: "NALP",
  AC: "LH",
  AT: "NP",
  PR: "NLH",
  UI: "NPA",
  VC: "HLN",
  VI: "HLN",
  VA: "HLN",
  SC: "HLN",
  SI: "HLN",
  SA: "HLN",
};

/** The base metrics of 3.x (CVSS 3.1 §6). */
const REQUIRED_3: Readonly<Record<string, string>> = {
  AV: "NALP",
  AC: "LH",
  PR: "NLH",
  UI: "NR",
  S: "UC",
  C: "HLN",
  I: "HLN",
  A: "HLN",
};

/** Temporal and environmental metrics of 3.1, which have no say in the base score. */
const OPTIONAL_3 = /^(?:E|RL|RC|CR|IR|AR|MAV|MAC|MPR|MUI|MS|MC|MI|MA)$/;

/** Threat, environmental and supplemental metrics of 4.0, which have none either. */
const OPTIONAL_4 = /^(?:E|CR|IR|AR|MAV|MAC|MAT|MPR|MUI|MVC|MVI|MVA|MSC|MSI|MSA|S|AU|R|V|RE|U)$/;

/**
 * Reads a vector as reports write it: with its prefix or without, a slash before it, white space
 * around it. The version comes from the prefix, else from the names of the metrics.
 */
export function readVector(written: string): VectorReading {
  const trimmed = written.trim();
  const bare = trimmed.replace(/^\//, "");
  const isAbsent = isAbsentText(written);
  const [, prefix, rest = bare] = /^CVSS:(\d\.\d)\/(.*)$/s.exec(bare) ?? [];
  const metrics = bare.length > MAX_LENGTH ? NO_METRICS : metricsOf(rest);
  const version = prefix === undefined ? versionOf(metrics) : knownVersion(prefix);
  const isIncomplete = version === "4.0" && SUBSEQUENT.some((name) => !metrics.has(name));
  const vector = version === undefined ? undefined : vectorOf(version, rest, metrics);
  return {
    vector,
    isAbsent,
    hasPrefix: prefix !== undefined,
    isMisshapen: bare !== written,
    isIncomplete: isIncomplete && vector !== undefined,
  };
}

/** Yields whether a text is one of those that reports write where there is nothing to say. */
export function isAbsentText(written: string): boolean {
  return ABSENT.has(written.trim().toLowerCase());
}

/** Yields the metrics by name, none where the text is no list of metrics or names one twice. */
function metricsOf(text: string): ReadonlyMap<string, string> {
  const metrics = new Map<string, string>();
  for (const part of text.split("/")) {
    const [, name = "", value = ""] = /^([A-Z]{1,3}):([A-Z][a-z]*)$/.exec(part) ?? [];
    if (name === "" || metrics.has(name)) return NO_METRICS;
    metrics.set(name, value);
  }
  return metrics;
}

function knownVersion(text: string): CvssVersion | undefined {
  return text === "3.0" || text === "3.1" || text === "4.0" ? text : undefined;
}

function versionOf(metrics: ReadonlyMap<string, string>): CvssVersion | undefined {
  if (metrics.has("AT") || metrics.has("VC")) return "4.0";
  return metrics.has("S") ? "3.1" : undefined;
}

function vectorOf(
  version: CvssVersion,
  rest: string,
  metrics: ReadonlyMap<string, string>,
): CvssVector | undefined {
  const required = version === "4.0" ? REQUIRED_4 : REQUIRED_3;
  const optional = version === "4.0" ? OPTIONAL_4 : OPTIONAL_3;
  const added =
    version === "4.0"
      ? SUBSEQUENT.filter((name) => !metrics.has(name)).map((name) => `${name}:N`)
      : [];
  const base: string[] = [];
  for (const [name, values] of Object.entries(required)) {
    const value = added.includes(`${name}:N`) ? "N" : metrics.get(name);
    if (value?.length !== 1 || !values.includes(value)) return undefined;
    base.push(`${name}:${value}`);
  }
  const names = [...metrics.keys()];
  if (!names.every((name) => Object.hasOwn(required, name) || optional.test(name)))
    return undefined;
  const text = [`CVSS:${version}/${rest}`, ...added].join("/");
  return { version, text, score: baseScore(version, base.join("/")) };
}

/** Yields the base score of complete base metrics (CVSS 3.1 §7.1, CVSS 4.0 §8). */
function baseScore(version: CvssVersion, metrics: string): number {
  if (version === "4.0") return new cvss.Cvss4P0(`CVSS:4.0/${metrics}`).calculateScores().overall;
  const { base = 0 } = new cvss.Cvss3P1(`CVSS:3.1/${metrics}`).calculateScores();
  return base;
}
