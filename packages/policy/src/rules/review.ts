import { termRefusal, type ReviewKey } from "@tallystick/content";
import { CoseError, PublicKey } from "@tallystick/cose";

import type { ContentFacts } from "../content-facts.js";
import type { Facts } from "../facts.js";
import { Finding } from "../finding.js";
import { thumbprintOf } from "../report-signature.js";
import { concerns } from "./content.js";
import { Parameters, isRecord } from "./parameters.js";
import type { ReadyRule } from "./ready.js";

/** Most keys of review providers in one rule; each may be tried on every report. */
const MAX_KEYS = 64;

/** Signature algorithms of reports. */
const ALGORITHMS = "ES384, ES512, PS384 or PS512";

/**
 * A report is signed by a review provider, with a key that is in force when the statement is
 * registered; what has one of the content types is such a report.
 */
export const reviewSignature: ReadyRule = {
  parameters: ["keys", "contentTypes", "allowUnsigned"],
  compile: (parameters) => {
    const keys = keysOf(parameters);
    const types = parameters.contentTypes("contentTypes");
    const allowsUnsigned = parameters.flag("allowUnsigned");
    const byThumbprint = new Map(keys.map((key) => [thumbprintOf(key.key), key]));
    return {
      reviewKeys: keys,
      check: (facts, meter) => {
        const found = facts.content(meter);
        if (found.content === undefined) {
          return `the payload cannot be read: ${String(found.problem)}`;
        }
        const form = formOf(found);
        if (form === undefined) {
          return types !== undefined && concerns(types, facts.statement)
            ? `the payload is of kind ${found.content.kind}, want a signed report`
            : undefined;
        }
        if (form === "json" || form === "corim") {
          return allowsUnsigned ? undefined : "the report is signed by no review provider";
        }
        return signatureRefusal(facts, keys, byThumbprint);
      },
    };
  },
};

function formOf({ content }: ContentFacts): string | undefined {
  return content !== undefined && "reports" in content ? content.form : undefined;
}

function signatureRefusal(
  { finding, time }: Facts,
  keys: readonly ReviewKey[],
  byThumbprint: ReadonlyMap<string, ReviewKey>,
): string | undefined {
  // Another policy may have been in force when the statement was verified.
  const signature = finding !== undefined && Finding.is(finding) ? finding.signature : undefined;
  if (signature?.covers(keys) !== true) {
    return "cannot be decided: the signature inside was not looked at under this policy";
  }
  const key = signature.signer === undefined ? undefined : byThumbprint.get(signature.signer);
  if (key === undefined) return "the signature of the report is of no review provider's key";
  const why = termRefusal(key, time);
  return why === undefined ? undefined : `the key of ${key.provider} ${why}`;
}

/**
 * Yields the keys of review providers as they stand in JSON, a list of at most 64.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseReviewKeys(keys: unknown): readonly ReviewKey[] {
  return keysOf(new Parameters("reviewKeys", { keys }, ["keys"]));
}

function keysOf(parameters: Parameters): readonly ReviewKey[] {
  const value = parameters.value("keys");
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  if (items.length === 0 || items.length > MAX_KEYS) {
    throw parameters.malformed("keys", `is not a list of 1 to ${MAX_KEYS} keys`);
  }
  const keys = items.map((item, position) => keyOf(item, parameters, `[${position}]`));
  if (new Set(keys.map(({ key }) => thumbprintOf(key))).size !== keys.length) {
    throw parameters.malformed("keys", "has one key twice");
  }
  return keys;
}

const MEMBERS: readonly string[] = ["provider", "key", "kids", "notBefore", "expires", "revoked"];

function keyOf(item: unknown, parameters: Parameters, where: string): ReviewKey {
  const refuse = (why: string): Error => parameters.malformed("keys", `${where} ${why}`);
  if (!isRecord(item)) throw refuse("is not an object");
  const unknown = Object.keys(item).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw refuse(`has an unknown member, want ${MEMBERS.join(", ")}`);
  const { provider, kids = [] } = item;
  if (typeof provider !== "string" || provider === "" || provider.length > 256) {
    throw refuse("has no provider of 1 to 256 characters");
  }
  const names: readonly unknown[] = Array.isArray(kids) ? kids : [undefined];
  if (!names.every((kid) => typeof kid === "string") || names.length > 16) {
    throw refuse("has kids that are no list of up to 16 texts");
  }
  const times = ["notBefore", "expires", "revoked"].filter((name) => Object.hasOwn(item, name));
  for (const name of times) {
    if (!Number.isSafeInteger(item[name])) throw refuse(`has ${name} that is no whole number`);
  }
  return {
    provider,
    key: publicKeyOf(item["key"], refuse),
    kids: names,
    ...(Object.fromEntries(times.map((name) => [name, item[name]])) as Partial<ReviewKey>),
  };
}

function publicKeyOf(jwk: unknown, refuse: (why: string) => Error): PublicKey {
  if (!isRecord(jwk)) throw refuse("has no key, want a public JSON Web Key");
  try {
    const key = PublicKey.fromJwk(jwk);
    const isForReports = key.kty === "RSA" || key.curve === "P-384" || key.curve === "P-521";
    if (isForReports) return key;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw refuse(`has a key that cannot be read: ${cause.message}`);
  }
  throw refuse(`has a key that is not for ${ALGORITHMS}`);
}
