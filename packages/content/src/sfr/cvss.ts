/** A version of CVSS that can be told from a vector. */
export type CvssVersion = "3.0" | "3.1" | "4.0";

/** A vector in its normal form. */
export interface CvssVector {
  readonly version: CvssVersion;
  /** With its prefix, as `CVSS:3.1/AV:N/…`. */
  readonly text: string;
  /** The base score; `undefined` for 4.0, which takes a table that is not here. */
  readonly score: number | undefined;
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

const SUBSEQUENT: readonly string[] = ["SC", "SI", "SA"];

const NO_METRICS: ReadonlyMap<string, string> = new Map();

/** The base metrics of 4.0 that a vector has to have (CVSS 4.0 §7), beside the subsequent ones. */
const REQUIRED_4: Readonly<Record<string, string>> = {
  AV: "NALP",
  AC: "LH",
  AT: "NP",
  PR: "NLH",
  UI: "NPA",
  VC: "HLN",
  VI: "HLN",
  VA: "HLN",
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
  for (const [name, values] of Object.entries(required)) {
    const value = metrics.get(name);
    if (value?.length !== 1 || !values.includes(value)) return undefined;
  }
  if (version === "4.0") {
    const added = SUBSEQUENT.filter((name) => !metrics.has(name)).map((name) => `/${name}:N`);
    return { version, text: `CVSS:4.0/${rest}${added.join("")}`, score: undefined };
  }
  const names = [...metrics.keys()];
  if (!names.every((name) => Object.hasOwn(REQUIRED_3, name) || OPTIONAL_3.test(name)))
    return undefined;
  return { version, text: `CVSS:${version}/${rest}`, score: baseScore(metrics) };
}

// CVSS 3.1 §7.4.
const WEIGHTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 },
  AC: { L: 0.77, H: 0.44 },
  UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 },
  I: { H: 0.56, L: 0.22, N: 0 },
  A: { H: 0.56, L: 0.22, N: 0 },
};
const PRIVILEGES = { N: 0.85, L: 0.62, H: 0.27 } as const;
const PRIVILEGES_CHANGED = { N: 0.85, L: 0.68, H: 0.5 } as const;

/** Yields the base score of complete metrics (CVSS 3.1 §7.1). */
function baseScore(metrics: ReadonlyMap<string, string>): number {
  const weightOf = (name: string): number => WEIGHTS[name]?.[metrics.get(name) ?? ""] ?? 0;
  const isChanged = metrics.get("S") === "C";
  const level = metrics.get("PR") as keyof typeof PRIVILEGES;
  const privileges = (isChanged ? PRIVILEGES_CHANGED : PRIVILEGES)[level];
  const iss = 1 - (1 - weightOf("C")) * (1 - weightOf("I")) * (1 - weightOf("A"));
  const impact = isChanged ? 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15 : 6.42 * iss;
  if (impact <= 0) return 0;
  const ease = 8.22 * weightOf("AV") * weightOf("AC") * privileges * weightOf("UI");
  return roundUp(Math.min((isChanged ? 1.08 : 1) * (impact + ease), 10));
}

/** Rounds up to one decimal, in integers as CVSS 3.1 appendix A has it. */
function roundUp(score: number): number {
  const scaled = Math.round(score * 100_000);
  if (scaled % 10_000 === 0) return scaled / 100_000;
  return (Math.floor(scaled / 10_000) + 1) / 10;
}
