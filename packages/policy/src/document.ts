import { ALGORITHMS, CoseError, encodeHex, parseJson } from "@tallystick/cose";
import type { Jwk, PublicKey } from "@tallystick/cose";
import {
  KeyList,
  anchorsOf,
  isObject,
  issuerDocument,
  issuersOf,
  memberProblems,
  selfContainedOf,
} from "@tallystick/statement";
import type {
  AnchorDocument,
  IssuerDocument,
  MemberNames,
  Members,
  SelfContainedMethod,
  TermedIssuer,
  TrustAnchor,
} from "@tallystick/statement";

import { requireBounded, requireBoundedRules } from "./bounds.js";
import { PolicyError } from "./error.js";
import { malformed, reader } from "./member.js";
import { receiptKeysOf, requireOnePurpose } from "./receipt-keys.js";
import { compileRule, ruleDocumentsOf } from "./rule.js";
import type { Rule, RuleDocument } from "./rule.js";

/** Value of the `format` member; another value is another format. */
export const POLICY_FORMAT = "tallystick-policy/1";

/** Media type of a policy as the payload of a statement. */
export const POLICY_MEDIA_TYPE = "application/vnd.tallystick.policy+json";

/** Largest policy document, in bytes of UTF-8. */
const MAX_POLICY_BYTES = 1_048_576;

const MAX_RULES = 64;

/** A registration policy as it stands in JSON; docs/formats/policy.md describes each member. */
export interface PolicyDocument {
  readonly format: typeof POLICY_FORMAT;
  /** EntryID of the control entry that put the replaced policy in force; `null` for the first. */
  readonly previous: string | null;
  /** Who may change the policy. */
  readonly operators: readonly IssuerDocument[];
  /** How many operators have to sign a change, the one that proposes it included; 1 by default. */
  readonly approvals?: number;
  /** Who may register statements. */
  readonly issuers: readonly IssuerDocument[];
  /** Certificate authorities that vouch for issuers. */
  readonly anchors?: readonly AnchorDocument[];
  /** DID methods whose issuers need nobody to vouch for them. */
  readonly selfContained?: readonly SelfContainedMethod[];
  /** Names of the signature algorithms that statements may use. */
  readonly algorithms: readonly string[];
  /** Content types that statements may have; any, or none at all, by default. */
  readonly contentTypes?: readonly (string | number)[];
  /** Largest statement, in bytes. */
  readonly maxStatementBytes: number;
  /** Whether statements may leave `sub` out. */
  readonly isSubjectOptional?: boolean;
  /** Whether an x5chain may be an array of one certificate. */
  readonly acceptsSingleCertificateArray?: boolean;
  /** What else a statement has to satisfy. */
  readonly rules?: readonly RuleDocument[];
  /** Keys that checkpoints are signed with while it is in force; the log's first alone by default. */
  readonly receiptKeys?: readonly Jwk[];
}

/** What the parts of a document mean, once they have been checked. */
export interface PolicyParts {
  readonly document: PolicyDocument;
  readonly operators: KeyList;
  readonly issuers: KeyList;
  readonly anchors: readonly TrustAnchor[];
  readonly rules: readonly Rule[];
  readonly receiptKeys: readonly PublicKey[] | undefined;
}

const MEMBERS: MemberNames = {
  required: [
    ...["format", "previous", "operators", "issuers"],
    ...["algorithms", "maxStatementBytes"],
  ],
  optional: [
    ...["approvals", "anchors", "selfContained", "contentTypes"],
    ...["isSubjectOptional", "acceptsSingleCertificateArray", "rules"],
    "receiptKeys",
  ],
};

const NAMES_OF_ALGORITHMS = ALGORITHMS.map((algorithm): string => algorithm.name);

/** Reads each member by itself; what two of them say about each other is looked at afterwards. */
const READ = {
  format: formatOf,
  previous: previousOf,
  operators: listedIssuersOf,
  approvals: countOf,
  issuers: listedIssuersOf,
  anchors: (value: unknown, where: string) => anchorsOf(value, where, reader),
  selfContained: (value: unknown, where: string) => selfContainedOf(value, where, reader),
  algorithms: (value: unknown, where: string) =>
    reader.setOf(value, where, (item, place) => reader.oneOf(item, place, NAMES_OF_ALGORITHMS)),
  contentTypes: (value: unknown, where: string) => reader.setOf(value, where, contentTypeOf),
  maxStatementBytes: countOf,
  isSubjectOptional: booleanOf,
  acceptsSingleCertificateArray: booleanOf,
  rules: compiledRules,
  receiptKeys: receiptKeysOf,
} as const;

/**
 * Formats a document as the bytes of a payload, in canonical form: JSON with the members in one
 * order, indented, ending in a newline.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function formatPolicy(document: PolicyDocument): Uint8Array {
  const parsed = parseDocument(encodeJson(document));
  return encodeJson(parsed.document);
}

/**
 * Parses a document. Unknown members are refused, so that a rule of a later format is never
 * silently left out; so is what two readers of JSON could take differently, and what would take long
 * to read.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`, with everything that is wrong with one of the
 * members alone, and if there is nothing of that kind, the first thing that is wrong with two
 */
export function parseDocument(bytes: Uint8Array): PolicyParts {
  const json = readJson(bytes, MAX_POLICY_BYTES);
  requireBounded(json);
  try {
    return partsOf(reader.membersOf(json, "policy", MEMBERS));
  } catch (error) {
    if (!(error instanceof PolicyError) || !isObject(json)) throw error;
    const problems = problemsIn(json);
    throw problems.length === 0 ? error : reader.malformedAll(problems);
  }
}

/**
 * Yields `previous` of a document without reading the rest, `undefined` where it is not one that a
 * policy can have.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`, where it is no JSON
 */
export function previousIn(bytes: Uint8Array): string | null | undefined {
  const json = readJson(bytes, MAX_POLICY_BYTES);
  if (!isObject(json) || !("previous" in json)) return undefined;
  const { previous } = json;
  return previous === null || isEntryId(previous) ? previous : undefined;
}

function partsOf(members: Members): PolicyParts {
  const operators = READ.operators(members["operators"], "operators");
  const approvals = optional(members, "approvals", READ.approvals);
  const issuers = READ.issuers(members["issuers"], "issuers");
  requireQuorum(operators, issuers, approvals ?? 1);
  requireOwnKeys(operators);
  const anchors = optional(members, "anchors", READ.anchors);
  const rules = optional(members, "rules", READ.rules);
  const receiptKeys = optional(members, "receiptKeys", READ.receiptKeys);
  requireOnePurpose(receiptKeys ?? [], [...operators, ...issuers]);
  const document: PolicyDocument = {
    format: READ.format(members["format"]),
    previous: READ.previous(members["previous"]),
    operators: operators.map(issuerDocument),
    ...some("approvals", approvals),
    issuers: issuers.map(issuerDocument),
    ...some(
      "anchors",
      anchors?.map((anchor) => anchor.document),
    ),
    ...termsOf(members),
    ...some("rules", rules?.documents),
    ...some(
      "receiptKeys",
      receiptKeys?.map((key) => key.toJwk()),
    ),
  };
  return {
    document,
    operators: new KeyList(operators, "operators", reader),
    issuers: new KeyList(issuers, "issuers", reader),
    anchors: anchors?.map(({ anchor }) => anchor) ?? [],
    rules: rules?.compiled ?? [],
    receiptKeys,
  };
}

/** Yields what is wrong with the members, each by itself. */
function problemsIn(json: object): readonly string[] {
  const problems = [...memberProblems(json, "policy", MEMBERS)];
  const given = new Map<string, unknown>(Object.entries(json));
  for (const [name, read] of Object.entries(READ)) {
    if (!given.has(name)) continue;
    try {
      read(given.get(name), name);
    } catch (error) {
      problems.push(...reader.problemsIn(error));
    }
  }
  return problems;
}

function formatOf(value: unknown): typeof POLICY_FORMAT {
  if (value === POLICY_FORMAT) return value;
  throw malformed(`format is not "${POLICY_FORMAT}"`);
}

function previousOf(value: unknown): string | null {
  if (value === null || isEntryId(value)) return value;
  throw malformed("previous is neither an EntryID nor null");
}

function listedIssuersOf(value: unknown, where: string): readonly TermedIssuer[] {
  return issuersOf(value, where, { reader });
}

function countOf(value: unknown, where: string): number {
  return reader.integerOf(value, where, { min: 1, max: Number.MAX_SAFE_INTEGER });
}

/**
 * Yields the JSON in a payload.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function readJson(bytes: Uint8Array, maxBytes: number): unknown {
  try {
    return parseJson(bytes, { maxBytes });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

/** Yields JSON as the bytes of a payload. */
export function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** Yields whether the value is an EntryID: an entry in lower-case hexadecimal. */
export function isEntryId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

// A policy that its operators cannot replace could never be mended. Who lost a key says so under
// either list.
function requireQuorum(
  operators: readonly TermedIssuer[],
  issuers: readonly TermedIssuer[],
  approvals: number,
): void {
  const revoked = new Set(
    [...operators, ...issuers]
      .flatMap(({ keys }) => keys.filter((one) => one.revoked !== undefined))
      .map(({ key }) => encodeHex(key.thumbprint())),
  );
  const able = operators.filter(({ keys }) =>
    keys.some(({ key }) => !revoked.has(encodeHex(key.thumbprint()))),
  );
  if (able.length === 0) {
    throw malformed(
      "operators have no key that is not revoked, so the policy could never be changed again",
    );
  }
  if (approvals > able.length) {
    throw malformed(
      `approvals is ${approvals}, and ${able.length} of the operators have a key that is not revoked`,
    );
  }
}

// Whoever holds a key that two operators share would count as both.
function requireOwnKeys(operators: readonly TermedIssuer[]): void {
  const owners = new Map<string, string>();
  for (const { iss, keys } of operators) {
    for (const { key } of keys) {
      const thumbprint = encodeHex(key.thumbprint());
      if ((owners.get(thumbprint) ?? iss) !== iss) {
        throw malformed("operators: two of them have the same key");
      }
      owners.set(thumbprint, iss);
    }
  }
}

type TermMembers = Pick<
  PolicyDocument,
  | "selfContained"
  | "algorithms"
  | "contentTypes"
  | "maxStatementBytes"
  | "isSubjectOptional"
  | "acceptsSingleCertificateArray"
>;

function termsOf(members: Members): TermMembers {
  const isSubjectOptional = optional(members, "isSubjectOptional", READ.isSubjectOptional);
  const acceptsSingleArray = optional(
    members,
    "acceptsSingleCertificateArray",
    READ.acceptsSingleCertificateArray,
  );
  return {
    ...some("selfContained", optional(members, "selfContained", READ.selfContained)),
    algorithms: READ.algorithms(members["algorithms"], "algorithms"),
    ...some("contentTypes", optional(members, "contentTypes", READ.contentTypes)),
    maxStatementBytes: READ.maxStatementBytes(members["maxStatementBytes"], "maxStatementBytes"),
    ...some("isSubjectOptional", isSubjectOptional),
    ...some("acceptsSingleCertificateArray", acceptsSingleArray),
  };
}

// RFC 9052 §3.1: a media type, or the number of a CoAP content format.
function contentTypeOf(value: unknown, where: string): string | number {
  if (typeof value === "number") return reader.integerOf(value, where, { min: 0, max: 65_535 });
  return reader.textOf(value, where, { min: 1, max: 255 });
}

function compiledRules(
  value: unknown,
  where: string,
): { readonly documents: readonly RuleDocument[]; readonly compiled: readonly Rule[] } {
  const documents = ruleDocumentsOf(value, where);
  if (documents.length > MAX_RULES) {
    throw malformed(`${where} are ${documents.length}, want ${MAX_RULES} at most`);
  }
  requireBoundedRules(documents, where);
  const compiled = reader.eachOf(documents, (document, position) => {
    try {
      return compileRule(document);
    } catch (cause) {
      if (!(cause instanceof PolicyError)) throw cause;
      throw malformed(`${where}[${position}]: ${cause.message}`, { cause });
    }
  });
  return { documents, compiled };
}

function optional<T>(
  members: Members,
  name: string,
  read: (value: unknown, where: string) => T,
): T | undefined {
  return Object.hasOwn(members, name) ? read(members[name], name) : undefined;
}

function some<N extends string, T>(name: N, value: T | undefined): Partial<Record<N, T>> {
  return value === undefined ? {} : ({ [name]: value } as Record<N, T>);
}

function booleanOf(value: unknown, where: string): boolean {
  return reader.booleanOf(value, where);
}
