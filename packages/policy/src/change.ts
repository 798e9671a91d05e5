import type { Jwk, PublicKey, Signer } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";
import type { IssuerDocument } from "@tallystick/statement";

import { POLICY_FORMAT, POLICY_MEDIA_TYPE, formatPolicy } from "./document.js";
import type { PolicyDocument } from "./document.js";

/** Subject of every statement that proposes or approves a policy. */
export const POLICY_SUBJECT = "registration-policy";

/** Algorithms that a first policy accepts: one of each kind of key. */
const FIRST_ALGORITHMS = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "PS256",
  "PS384",
  "PS512",
  "ESP256",
  "ESP384",
  "ESP512",
  "Ed25519",
  "ML-DSA-44",
  "ML-DSA-65",
  "ML-DSA-87",
] as const;

/** Largest statement that a first policy accepts, in bytes. */
const FIRST_MAX_STATEMENT_BYTES = 1_048_576;

/** Makes the first policy of a log: one operator, and nobody else admitted yet. */
export function firstPolicy(operator: { iss: string; key: PublicKey }): PolicyDocument {
  return {
    format: POLICY_FORMAT,
    previous: null,
    operators: [{ iss: operator.iss, keys: [operator.key.toJwk()] }],
    issuers: [],
    algorithms: [...FIRST_ALGORITHMS],
    maxStatementBytes: FIRST_MAX_STATEMENT_BYTES,
  };
}

/**
 * Makes the policy that follows `document` and lets `iss` sign with `key` too.
 *
 * `inForce` is the EntryID of the entry that put `document` in force. A key that is already there
 * under its kid stays as it is, with its terms; another key under that kid stays too, and the
 * document is then malformed.
 */
export function withIssuerKey(
  document: PolicyDocument,
  inForce: string,
  { iss, key }: { readonly iss: string; readonly key: PublicKey },
): PolicyDocument {
  const known = document.issuers.find((issuer) => issuer.iss === iss);
  const others = document.issuers.filter((issuer) => issuer !== known);
  const added = key.toJwk();
  const keys = known?.keys ?? [];
  const isThere = keys.some((jwk) => isSameKey(jwk, added));
  const extended: IssuerDocument = { iss, keys: isThere ? keys : [...keys, added] };
  return { ...document, previous: inForce, issuers: [...others, extended] };
}

/**
 * Makes the policy that follows `document` and names these receipt keys, and no others.
 *
 * `inForce` is the EntryID of the entry that put `document` in force.
 */
export function withReceiptKeys(
  document: PolicyDocument,
  inForce: string,
  keys: readonly PublicKey[],
): PolicyDocument {
  return { ...document, previous: inForce, receiptKeys: keys.map((key) => key.toJwk()) };
}

// The texts are canonical, so equal numbers are equal texts.
function isSameKey(a: Jwk, b: Jwk): boolean {
  const members = ["kid", "kty", "crv", "x", "y", "n", "e", "pub"] as const;
  return members.every((member) => a[member] === b[member]);
}

/**
 * Signs a policy as a statement, fit to be registered.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export async function signPolicy(
  document: PolicyDocument,
  { issuer, issuedAt }: { readonly issuer: string; readonly issuedAt: number },
  operator: Signer,
): Promise<Uint8Array> {
  const payload = formatPolicy(document);
  return signStatement(
    { payload, contentType: POLICY_MEDIA_TYPE, issuer, subject: POLICY_SUBJECT, issuedAt },
    operator,
  );
}
