import { ReviewKeys, type SeverityBand } from "@tallystick/content";
import { CoseError, parseJson } from "@tallystick/cose";
import {
  CelProgram,
  PolicyError,
  parseReviewKeys,
  parseRimKeys,
  shapeOf,
  type Shape,
} from "@tallystick/policy";
import type { Certificate } from "@tallystick/statement";
import { TrustStore, VerifierError } from "@tallystick/verifier";

import { AppraisalError } from "./error.js";
import { parseAnchors, parseEvidencePolicy, type EvidencePolicy } from "./evidence-policy.js";

/** Value of the member `format`; another value is another format. */
const APPRAISAL_FORMAT = "tallystick-appraisal/1";

/** What comes of a rule that does not hold. */
export type RuleOutcome = "deny" | "manual";

/** A rule of the relying party. */
export interface AppraisalRule {
  readonly name: string;
  readonly program: CelProgram;
  readonly reason: string;
  readonly otherwise: RuleOutcome;
}

/** What a relying party accepts: docs/formats/bundle.md. */
export interface AppraisalPolicy {
  readonly trust: TrustStore;
  /** The same services, and nothing said of issuers. */
  readonly services: TrustStore;
  readonly reviewKeys: ReviewKeys;
  /** Keys of the signatures inside manifests. */
  readonly rimKeys: ReviewKeys;
  /** Roots of the signatures inside SWID manifests. */
  readonly rimAnchors: readonly Certificate[];
  /** `iss` of those whose notices count whatever they are about. */
  readonly operators: ReadonlySet<string>;
  /** By `iss`, the vendors for whom it says which firmware measures what; no other release leads on. */
  readonly vendors: ReadonlyMap<string, ReadonlySet<string>>;
  /** Mildest band of an open issue that is too much. */
  readonly threshold: SeverityBand;
  /** What comes of an issue that has neither score nor vector. */
  readonly unknownSeverity: RuleOutcome;
  /** Whether a bundle that may leave out entries of the log is enough to allow by. */
  readonly allowsIncomplete: boolean;
  /** Whether nobody is asked for by a manifest or release about the firmware that cannot be read. */
  readonly allowsUnreadManifests: boolean;
  /** `undefined` where no evidence is accepted. */
  readonly evidence: EvidencePolicy | undefined;
  readonly rules: readonly AppraisalRule[];
}

/** What a rule may ask for. */
export const RULE_VARIABLES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ["reports", shapeOf("list")],
  ["releases", shapeOf("list")],
  ["rims", shapeOf("list")],
  ["subject", shapeOf("list")],
  ["elements", shapeOf("list")],
  ["endorsed", shapeOf("list")],
  ["isComplete", shapeOf("bool")],
  ["size", shapeOf("int")],
  ["time", shapeOf("int")],
]);

const MEMBERS = [
  ...[
    "format",
    "trust",
    "reviewKeys",
    "rimKeys",
    "rimAnchors",
    "operators",
    "vendors",
    "threshold",
    "unknownSeverity",
    "allowsIncomplete",
    "allowsUnreadManifests",
    "evidence",
    "rules",
  ],
];
const THRESHOLDS: readonly SeverityBand[] = ["low", "medium", "high", "critical"];
/** Largest policy, in bytes. */
export const MAX_POLICY_BYTES = 1_048_576;
const MAX_RULES = 64;

type Members = Readonly<Record<string, unknown>>;

/**
 * Parses a policy of a relying party.
 *
 * @throws {@link AppraisalError} `APPRAISAL_POLICY_INVALID`
 */
export function parseAppraisalPolicy(bytes: Uint8Array): AppraisalPolicy {
  const value = restating(() => parseJson(bytes, { maxBytes: MAX_POLICY_BYTES }));
  // What is of another format has other members, too.
  if (isRecord(value) && value["format"] !== APPRAISAL_FORMAT) {
    throw invalid(`its format is not ${APPRAISAL_FORMAT}`);
  }
  const members = membersOf(value, "it", MEMBERS);
  const { trust, threshold = "medium", unknownSeverity = "deny" } = members;
  if (!isRecord(trust)) throw invalid("it has no trust, the members of a trust file");
  const band = THRESHOLDS.find((one) => one === threshold);
  if (band === undefined) throw invalid(`threshold is not one of ${THRESHOLDS.join(", ")}`);
  const { services, requireReceipts } = trust;
  const bare = { services, ...(requireReceipts === undefined ? {} : { requireReceipts }) };
  const store = restating(() => TrustStore.parse(JSON.stringify(trust)));
  const operators = new Set(textsOf(members["operators"] ?? [], "operators"));
  const vendors = vendorsOf(members["vendors"] ?? {});
  if (store.issuers === undefined && operators.size + vendors.size > 0) {
    throw invalid("it has operators or vendors, and its trust has no issuers to verify them by");
  }
  return {
    trust: store,
    services: restating(() => TrustStore.parse(JSON.stringify(bare))),
    reviewKeys: restating(() => new ReviewKeys(parseReviewKeys(members["reviewKeys"]))),
    rimKeys: keysOf(members["rimKeys"]),
    rimAnchors: parseAnchors(members["rimAnchors"] ?? [], "rimAnchors"),
    operators,
    vendors,
    threshold: band,
    unknownSeverity: outcomeOf(unknownSeverity, "unknownSeverity"),
    allowsIncomplete: isAllowed(members, "allowsIncomplete"),
    allowsUnreadManifests: isAllowed(members, "allowsUnreadManifests"),
    evidence: parseEvidencePolicy(members["evidence"]),
    rules: rulesOf(members["rules"] ?? []),
  };
}

function keysOf(value: unknown): ReviewKeys {
  if (value === undefined) return new ReviewKeys([]);
  return restating(() => new ReviewKeys(parseRimKeys(value)), "rimKeys: ");
}

function rulesOf(value: unknown): readonly AppraisalRule[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  if (items.length > MAX_RULES) throw invalid(`rules are ${items.length}, limit ${MAX_RULES}`);
  const rules = items.map((item, position) => ruleOf(item, `rules[${position}]`));
  if (new Set(rules.map(({ name }) => name)).size === rules.length) return rules;
  throw invalid("rules have one name twice");
}

function ruleOf(item: unknown, where: string): AppraisalRule {
  const members = membersOf(item, where, ["name", "cel", "reason", "otherwise"]);
  const [name, cel, reason] = ["name", "cel", "reason"].map((member) => {
    const text = members[member];
    if (typeof text === "string" && text !== "" && text.length <= 8192) return text;
    throw invalid(`${where}.${member} is not a text`);
  });
  if (name === undefined || cel === undefined || reason === undefined) throw invalid(where);
  const program = restating(() => CelProgram.compile(cel, RULE_VARIABLES), `${where}.cel: `);
  const otherwise = outcomeOf(members["otherwise"] ?? "deny", `${where}.otherwise`);
  return { name, program, reason, otherwise };
}

function isAllowed(members: Members, member: string): boolean {
  const value = members[member] ?? false;
  if (typeof value !== "boolean") throw invalid(`${member} is neither true nor false`);
  return value;
}

function outcomeOf(value: unknown, where: string): RuleOutcome {
  if (value === "deny" || value === "manual") return value;
  throw invalid(`${where} is neither deny nor manual`);
}

function vendorsOf(value: unknown): ReadonlyMap<string, ReadonlySet<string>> {
  if (!isRecord(value)) throw invalid("vendors is not an object");
  return new Map(
    Object.entries(value).map(([iss, names]) => [
      iss,
      new Set(textsOf(names, `vendors of ${iss}`)),
    ]),
  );
}

function textsOf(value: unknown, where: string): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  if (items.every((item) => typeof item === "string")) return items;
  throw invalid(`${where} are no list of texts`);
}

function membersOf(value: unknown, where: string, names: readonly string[]): Members {
  if (!isRecord(value)) throw invalid(`${where} is not an object`);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown === undefined) return value;
  throw invalid(`${where} has an unknown member, want ${names.join(", ")}`);
}

function isRecord(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function restating<T>(act: () => T, where = ""): T {
  try {
    return act();
  } catch (cause) {
    const isExpected =
      cause instanceof CoseError ||
      cause instanceof PolicyError ||
      cause instanceof VerifierError ||
      cause instanceof TypeError;
    if (!isExpected) throw cause;
    throw invalid(`${where}${cause.message}`, { cause });
  }
}

function invalid(message: string, options?: ErrorOptions): AppraisalError {
  return new AppraisalError(
    "APPRAISAL_POLICY_INVALID",
    `not a policy for appraisals: ${message}`,
    options,
  );
}
