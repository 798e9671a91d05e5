import { ALGORITHMS, CoseError, PublicKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";
import { IssuerKeys, StatementError, parseIssuer } from "@tallystick/statement";
import type { Issuer } from "@tallystick/statement";

import { PolicyError } from "./error.js";

/** Value of the `format` member; another value is another format. */
export const POLICY_FORMAT = "tallystick-policy/1";

/** Media type of a policy as the payload of a statement. */
export const POLICY_MEDIA_TYPE = "application/vnd.tallystick.policy+json";

/** Largest policy document, in bytes of UTF-8. */
const MAX_POLICY_BYTES = 1_048_576;

/** A registration policy as it stands in JSON; docs/formats/policy.md describes each member. */
export interface PolicyDocument {
  readonly format: typeof POLICY_FORMAT;
  /** EntryID of the policy that this one replaces; `null` for the first. */
  readonly previous: string | null;
  /** Who may change the policy. */
  readonly operators: readonly IssuerDocument[];
  /** Who may register statements. */
  readonly issuers: readonly IssuerDocument[];
  /** Names of the signature algorithms that statements may use. */
  readonly algorithms: readonly string[];
  /** Largest statement, in bytes. */
  readonly maxStatementBytes: number;
}

/** An issuer and its public keys in JSON. */
export interface IssuerDocument {
  readonly iss: string;
  readonly keys: readonly Jwk[];
}

/** What the parts of a document mean, once they have been checked. */
export interface PolicyParts {
  readonly document: PolicyDocument;
  readonly issuers: readonly Issuer[];
  readonly operatorKeys: IssuerKeys;
  readonly issuerKeys: IssuerKeys;
}

/**
 * Formats a document as the bytes of a payload: JSON, indented, ending in a newline.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function formatPolicy(document: PolicyDocument): Uint8Array {
  const bytes = new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
  parseDocument(bytes);
  return bytes;
}

/**
 * Parses a document. Unknown members are refused, so that a rule of a later format is never
 * silently left out.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseDocument(bytes: Uint8Array): PolicyParts {
  const json = record(parseJson(bytes), "policy", [
    "format",
    "previous",
    "operators",
    "issuers",
    "algorithms",
    "maxStatementBytes",
  ]);
  const { format, previous, maxStatementBytes } = json;
  if (format !== POLICY_FORMAT) throw malformed(`format is not "${POLICY_FORMAT}"`);
  if (previous !== null && !(typeof previous === "string" && /^[0-9a-f]{64}$/.test(previous))) {
    throw malformed("previous is neither an EntryID nor null");
  }
  if (!isSize(maxStatementBytes)) throw malformed("maxStatementBytes is not a positive integer");
  const operators = issuersOf(json["operators"], "operators");
  if (operators.every(({ keys }) => keys.length === 0)) {
    throw malformed("operators name no key, so the policy could never be changed again");
  }
  const issuers = issuersOf(json["issuers"], "issuers");
  const algorithms = algorithmsOf(json["algorithms"]);
  const document: PolicyDocument = {
    format: POLICY_FORMAT,
    previous,
    operators: operators.map(documentOf),
    issuers: issuers.map(documentOf),
    algorithms,
    maxStatementBytes,
  };
  return {
    document,
    issuers,
    operatorKeys: keysOf(operators, "operators"),
    issuerKeys: keysOf(issuers, "issuers"),
  };
}

function keysOf(issuers: readonly Issuer[], member: string): IssuerKeys {
  try {
    return new IssuerKeys(issuers);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw malformed(`${member}: ${cause.message}`, { cause });
  }
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > MAX_POLICY_BYTES) {
    throw malformed(`${bytes.length} bytes, want ${MAX_POLICY_BYTES} at most`);
  }
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed("not JSON in UTF-8", { cause });
  }
}

function issuersOf(value: unknown, member: string): readonly Issuer[] {
  const seen = new Set<string>();
  return list(value, member).map((item, position) => {
    const where = `${member}[${position}]`;
    const { iss, keys } = record(item, where, ["iss", "keys"]);
    if (typeof iss !== "string") throw malformed(`${where}.iss is not a name`);
    requireIssuer(iss, `${where}.iss`);
    if (seen.has(iss)) throw malformed(`${where}.iss is listed twice`);
    seen.add(iss);
    return {
      iss,
      keys: list(keys, `${where}.keys`).map((key, i) => keyOf(key, `${where}.keys[${i}]`)),
    };
  });
}

// An iss that no statement can have would admit nobody, and look as if it did.
function requireIssuer(iss: string, where: string): void {
  try {
    parseIssuer(iss, where);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

function keyOf(value: unknown, where: string): PublicKey {
  if (typeof value === "object" && value !== null && "d" in value) {
    throw malformed(`${where} is a private key`);
  }
  try {
    return PublicKey.fromJwk(value);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
}

function algorithmsOf(value: unknown): readonly string[] {
  const known = ALGORITHMS.map((algorithm): string => algorithm.name);
  return list(value, "algorithms").map((name) => {
    if (typeof name === "string" && known.includes(name)) return name;
    throw malformed(`algorithms: want names out of ${known.join(", ")}`);
  });
}

function documentOf({ iss, keys }: Issuer): IssuerDocument {
  return { iss, keys: keys.map((key) => key.toJwk()) };
}

function record(
  value: unknown,
  where: string,
  members: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed(`${where} is not an object`);
  }
  const unknown = Object.keys(value).filter((key) => !members.includes(key));
  if (unknown.length > 0)
    throw malformed(`${where} has an unknown member, want ${members.join(", ")}`);
  const missing = members.filter((key) => !Object.hasOwn(value, key));
  if (missing.length > 0) throw malformed(`${where} lacks ${missing.join(", ")}`);
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(`${where} is not a list`);
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function malformed(message: string, options?: ErrorOptions): PolicyError {
  return new PolicyError("POLICY_MALFORMED", [message], options);
}
