import { CLAIM, LABEL, isCborMap } from "@tallystick/cose";
import type { CborMap, CborValue, Sign1 } from "@tallystick/cose";

import { StatementError } from "./error.js";

/** Longest `iss` in characters (RFC 9943 §6). */
const MAX_ISSUER_LENGTH = 8192;

/** The CWT claims of a statement: who says it, about what (RFC 9943 §6, RFC 9597). */
export interface Claims {
  readonly issuer: string;
  /** `undefined` only where the caller allowed it to be left out. */
  readonly subject: string | undefined;
  /** `iat`, in seconds since the epoch. */
  readonly issuedAt: number | undefined;
  /** Every claim as decoded, the three above included. */
  readonly all: CborMap;
}

/**
 * Yields the claims in the protected header. IS7: label 15 is protected, with `iss` and `sub`; some
 * deployed signers leave `sub` out, which `isSubjectOptional` lets pass.
 *
 * @throws {@link StatementError} `STATEMENT_CLAIMS_MISSING`
 */
export function claimsOf(message: Sign1, isSubjectOptional = false): Claims {
  const all = message.protectedHeader.get(LABEL.cwtClaims);
  if (all === undefined) {
    const where = message.unprotectedHeader.has(LABEL.cwtClaims) ? "only unprotected" : "missing";
    throw missing(`CWT claims (header 15) are ${where}`);
  }
  if (!isCborMap(all)) throw missing("CWT claims (header 15) are not a map");
  const issuer = parseIssuer(textClaim(all, "iss"), "claim iss");
  const isLeftOut = isSubjectOptional && !all.has(CLAIM.sub);
  const subject = isLeftOut ? undefined : textClaim(all, "sub");
  return { issuer, subject, issuedAt: timeClaim(all), all };
}

/**
 * Yields the text once a statement can name its issuer so (RFC 9943 §6, RFC 8392 §2): not empty, not
 * too long, and a URI if it has a colon. `name` is what a refusal calls it.
 *
 * @throws {@link StatementError} `STATEMENT_CLAIMS_MISSING`
 */
export function parseIssuer(text: string, name: string): string {
  if (text === "") throw missing(`${name} is empty`);
  // IS5: characters, of which there are never more than UTF-16 units.
  const length = text.length > MAX_ISSUER_LENGTH ? Array.from(text).length : text.length;
  if (length > MAX_ISSUER_LENGTH) {
    throw missing(`${name} has ${length} characters, want at most ${MAX_ISSUER_LENGTH}`);
  }
  // RFC 8392 §2 (IS5): a StringOrURI with a colon is a URI.
  if (text.includes(":") && !isUri(text)) throw missing(`${name} has a colon but is no URI`);
  return text;
}

function textClaim(claims: CborMap, name: "iss" | "sub"): string {
  const value = claims.get(CLAIM[name]);
  if (value === undefined) throw missing(`claim ${name} (${CLAIM[name]}) is missing`);
  if (typeof value !== "string") throw missing(`claim ${name} (${CLAIM[name]}) is not text`);
  if (value === "") throw missing(`claim ${name} (${CLAIM[name]}) is empty`);
  return value;
}

function timeClaim(claims: CborMap): number | undefined {
  const value: CborValue = claims.get(CLAIM.iat);
  if (value === undefined) return undefined;
  if (typeof value === "number" && value >= 0) return value;
  throw new StatementError("STATEMENT_MALFORMED", "claim iat (6) is not a NumericDate");
}

// RFC 3986 §2, §3.1: a scheme, then the characters that a URI may hold.
function isUri(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:(?:[!#$&-;=?-Z[\]_a-z~]|%[0-9A-Fa-f]{2})*$/.test(text);
}

function missing(message: string): StatementError {
  return new StatementError("STATEMENT_CLAIMS_MISSING", message);
}
