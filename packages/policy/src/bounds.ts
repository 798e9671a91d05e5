import { isObject } from "@tallystick/statement";

import { PolicyError } from "./error.js";
import { malformed } from "./member.js";
import type { RuleDocument } from "./rule.js";
import { requireBounded as requireBoundedSchema } from "./rules/schema-bounds.js";

/** Most keys of operators and issuers together: one of Ed25519 takes two milliseconds to be read. */
const MAX_KEYS = 1024;

/** Most certificate authorities. */
const MAX_ANCHORS = 256;

/** Longest list of rules, in characters of JSON without white space. */
const MAX_RULES_LENGTH = 131_072;

/** Longest expressions of all rules together, in characters: ten thousand take 0.2 seconds. */
const MAX_CEL_LENGTH = 32_768;

/** Most keys of review providers in all rules together: each may be tried on every report. */
const MAX_REVIEW_KEYS = 64;

/** Most keys and anchors of manifests in all rules together: each may be tried on every manifest. */
const MAX_RIM_SIGNERS = 64;

/** Most subschemas of all rules together: a thousand take 1.3 seconds to be compiled. */
const MAX_SUBSCHEMAS = 2000;

/** What a schema counts beside its subschemas, for what is done once for each. */
const SCHEMA_WEIGHT = 100;

/**
 * Refuses a document that would take long to read, before any of its keys, certificates and rules is
 * read: whoever parses one does nothing else meanwhile.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function requireBounded(json: unknown): void {
  if (!isObject(json)) return;
  const members = new Map<string, unknown>(Object.entries(json));
  const keys = keysIn(members.get("operators")) + keysIn(members.get("issuers"));
  if (keys > MAX_KEYS) {
    throw malformed(`operators and issuers have ${keys} keys, want ${MAX_KEYS} at most`);
  }
  const anchors = members.get("anchors");
  if (Array.isArray(anchors) && anchors.length > MAX_ANCHORS) {
    throw malformed(`anchors are ${anchors.length}, want ${MAX_ANCHORS} at most`);
  }
  const { length } = JSON.stringify(members.get("rules") ?? null);
  if (length > MAX_RULES_LENGTH) {
    throw malformed(`rules have ${length} characters, want ${MAX_RULES_LENGTH} at most`);
  }
}

/**
 * Refuses rules that would take long to compile, before any of them is.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function requireBoundedRules(documents: readonly RuleDocument[], where: string): void {
  let [characters, subschemas, reviewKeys, rimSigners] = [0, 0, 0, 0];
  for (const document of documents) {
    if ("cel" in document) characters += document.cel.length;
    else if (document.use === "payloadSchema")
      subschemas += SCHEMA_WEIGHT + subschemasOf(document.with["schema"]);
    else if (document.use === "reviewSignature") reviewKeys += countIn(document.with["keys"]);
    else if (document.use === "rimSignature") {
      rimSigners += countIn(document.with["keys"]) + countIn(document.with["anchors"]);
    }
  }
  if (rimSigners > MAX_RIM_SIGNERS) {
    throw malformed(
      `${where}: they have ${rimSigners} keys and anchors of manifests, want ${MAX_RIM_SIGNERS} at most`,
    );
  }
  if (reviewKeys > MAX_REVIEW_KEYS) {
    throw malformed(
      `${where}: they have ${reviewKeys} keys of review providers, want ${MAX_REVIEW_KEYS} at most`,
    );
  }
  if (characters > MAX_CEL_LENGTH) {
    throw malformed(
      `${where}: their expressions have ${characters} characters, want ${MAX_CEL_LENGTH} at most`,
    );
  }
  if (subschemas > MAX_SUBSCHEMAS) {
    throw malformed(
      `${where}: their schemas come to ${subschemas} subschemas, ${SCHEMA_WEIGHT} for each schema among them, want ${MAX_SUBSCHEMAS} at most`,
    );
  }
}

/** Yields how many subschemas a schema comes to; of one that is refused anyway, none. */
function subschemasOf(schema: unknown): number {
  try {
    return requireBoundedSchema(schema, malformed).subschemas;
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return 0;
  }
}

function countIn(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function keysIn(issuers: unknown): number {
  if (!Array.isArray(issuers)) return 0;
  return issuers.reduce((sum: number, issuer: unknown) => {
    const keys = isObject(issuer) && "keys" in issuer ? issuer.keys : undefined;
    return sum + countIn(keys);
  }, 0);
}
