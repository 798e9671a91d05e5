import { isObject } from "@tallystick/statement";

import { malformed } from "./member.js";

/** Most keys of operators and issuers together: one of Ed25519 takes two milliseconds to be read. */
const MAX_KEYS = 1024;

/** Most certificate authorities. */
const MAX_ANCHORS = 256;

/** Longest list of rules, in characters of JSON without white space. */
const MAX_RULES_LENGTH = 131_072;

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

function keysIn(issuers: unknown): number {
  if (!Array.isArray(issuers)) return 0;
  return issuers.reduce((sum: number, issuer: unknown) => {
    const keys = isObject(issuer) && "keys" in issuer ? issuer.keys : undefined;
    return sum + (Array.isArray(keys) ? keys.length : 0);
  }, 0);
}
