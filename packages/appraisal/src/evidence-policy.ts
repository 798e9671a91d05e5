import type { DeviceClass } from "@tallystick/evidence";
import { parseCertificates, StatementError, type Certificate } from "@tallystick/statement";

import { AppraisalError } from "./error.js";

/** What comes of firmware that no manifest asks for, or that no report leads to. */
export type UncoveredOutcome = "deny" | "manual" | "allow";

/** What a relying party accepts of evidence: docs/formats/bundle.md. */
export interface EvidencePolicy {
  /** Roots of devices. */
  readonly anchors: readonly Certificate[];
  /** How manifests call the device, as far as evidence does not say so itself. */
  readonly device: DeviceClass;
  /** Whether evidence counts that nobody signed. */
  readonly allowsUnsigned: boolean;
  /** Whether evidence counts that answers no challenge. */
  readonly allowsStale: boolean;
  /** Whether a device may be debugged, in recovery, or not in normal operation. */
  readonly allowsDebug: boolean;
  /** Whether manifests count whose signature inside could not be checked. */
  readonly allowsUncheckedManifests: boolean;
  /** Whether vendor, product and version lead from a release to a report. */
  readonly allowsVersions: boolean;
  readonly uncovered: UncoveredOutcome;
}

const FLAGS = [
  "allowsUnsigned",
  "allowsStale",
  "allowsDebug",
  "allowsUncheckedManifests",
  "allowsVersions",
] as const;
const MEMBERS: readonly string[] = ["anchors", "device", "uncovered", ...FLAGS];
const DEVICE_MEMBERS: readonly string[] = ["classId", "vendor", "model", "layer"];
const OUTCOMES: readonly UncoveredOutcome[] = ["deny", "manual", "allow"];
const MAX_ANCHORS = 64;

type Members = Readonly<Record<string, unknown>>;

/**
 * Parses the member `evidence` of an appraisal policy; `undefined` where there is none.
 *
 * @throws {@link AppraisalError} `APPRAISAL_POLICY_INVALID`
 */
export function parseEvidencePolicy(value: unknown): EvidencePolicy | undefined {
  if (value === undefined) return undefined;
  const members = membersOf(value, "evidence", MEMBERS);
  const { uncovered = "manual" } = members;
  const outcome = OUTCOMES.find((one) => one === uncovered);
  if (outcome === undefined) throw invalid(`uncovered is not one of ${OUTCOMES.join(", ")}`);
  const flagOf = (name: (typeof FLAGS)[number]): boolean => {
    const flag = members[name] ?? false;
    if (typeof flag === "boolean") return flag;
    throw invalid(`${name} is neither true nor false`);
  };
  return {
    anchors: parseAnchors(members["anchors"] ?? [], "anchors"),
    device: deviceOf(members["device"] ?? {}),
    allowsUnsigned: flagOf("allowsUnsigned"),
    allowsStale: flagOf("allowsStale"),
    allowsDebug: flagOf("allowsDebug"),
    allowsUncheckedManifests: flagOf("allowsUncheckedManifests"),
    allowsVersions: flagOf("allowsVersions"),
    uncovered: outcome,
  };
}

/**
 * Parses a list of PEM texts, each with one certificate or more.
 *
 * @throws {@link AppraisalError} `APPRAISAL_POLICY_INVALID`
 */
export function parseAnchors(value: unknown, name: string): readonly Certificate[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  const anchors = items.flatMap((item, i) => {
    if (typeof item !== "string") throw invalid(`${name}[${i}] is not a text of PEM`);
    try {
      return parseCertificates(item);
    } catch (cause) {
      if (!(cause instanceof StatementError)) throw cause;
      throw invalid(`${name}[${i}]: ${cause.message}`, { cause });
    }
  });
  if (anchors.length <= MAX_ANCHORS) return anchors;
  throw invalid(`${name} are ${anchors.length}, limit ${MAX_ANCHORS}`);
}

function deviceOf(value: unknown): DeviceClass {
  const members = membersOf(value, "device", DEVICE_MEMBERS);
  const { classId, vendor, model, layer } = members;
  for (const [name, text] of Object.entries({ classId, vendor, model })) {
    if (text !== undefined && typeof text !== "string") throw invalid(`device.${name} is no text`);
  }
  if (layer !== undefined && (typeof layer !== "number" || !Number.isSafeInteger(layer))) {
    throw invalid("device.layer is no integer");
  }
  const textOf = (text: unknown): string | undefined =>
    typeof text === "string" ? text : undefined;
  const hex = textOf(classId)?.toLowerCase().replaceAll("-", "");
  if (hex !== undefined && !/^(?:[0-9a-f]{2})+$/.test(hex))
    throw invalid("device.classId is no hex");
  return { classId: hex, vendor: textOf(vendor), model: textOf(model), layer };
}

function membersOf(value: unknown, what: string, names: readonly string[]): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(`${what} is not an object`);
  }
  const members = value as Members;
  const unknown = Object.keys(members).find((name) => !names.includes(name));
  if (unknown === undefined) return members;
  throw invalid(`${what} has an unknown member, want ${names.join(", ")}`);
}

function invalid(message: string, options?: ErrorOptions): AppraisalError {
  const text = `not a policy for appraisals: of evidence, ${message}`;
  return new AppraisalError("APPRAISAL_POLICY_INVALID", text, options);
}
