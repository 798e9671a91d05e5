import { digest, encodeHex } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

import { sha256 } from "./bytes.js";

/** What statements are found by. */
export type TermKind = "issuer" | "subject" | "contentType" | "payload";

/** One thing that a statement is found by. */
export interface Term {
  readonly kind: TermKind;
  readonly value: string;
}

/** The first bytes of what a key is the digest of, which no other digest here begins with. */
const DOMAIN: Uint8Array = new TextEncoder().encode("tallystick-index/1\0");

const CODES: Readonly<Record<TermKind, Uint8Array>> = {
  issuer: Uint8Array.of(1),
  subject: Uint8Array.of(2),
  contentType: Uint8Array.of(3),
  payload: Uint8Array.of(4),
};

const utf8 = new TextEncoder();

/** The kinds whose lists are committed to; the others are for searches alone. */
export const COMMITTED_KINDS = ["issuer", "subject"] as const;

/** A kind whose lists are committed to. */
export type CommittedKind = (typeof COMMITTED_KINDS)[number];

/** Yields whether the lists of a kind are committed to. */
export function isCommitted(kind: string): kind is CommittedKind {
  return COMMITTED_KINDS.some((one) => one === kind);
}

/** A term that stands in the header of a statement. */
export interface HeaderTerm extends Term {
  readonly kind: Exclude<TermKind, "payload">;
}

/**
 * Yields what a statement is found by, from its bytes alone: {@link headerTermsOf}, and
 * {@link payloadDigestOf} in hexadecimal.
 */
export function termsOf(statement: SignedStatement): readonly Term[] {
  const payload = encodeHex(payloadDigestOf(statement));
  return [...headerTermsOf(statement), { kind: "payload", value: payload }];
}

/**
 * Yields what a statement is found by in its header: `iss`, `sub` if it has one, and the type of its
 * payload or of what its hash envelope is about, if one is stated.
 *
 * A content type that is a number is its decimal form.
 */
export function headerTermsOf(statement: SignedStatement): readonly HeaderTerm[] {
  const { claims, contentType, hashEnvelope } = statement;
  const type = hashEnvelope === undefined ? contentType : hashEnvelope.preimageContentType;
  const terms = committedTermsOf(claims);
  return type === undefined ? terms : [...terms, { kind: "contentType", value: String(type) }];
}

/** Yields the digest that a statement is about: its hash envelope's own, else the SHA-256 of the payload. */
export function payloadDigestOf({ hashEnvelope, payload }: SignedStatement): Uint8Array {
  const bytes = payload ?? new Uint8Array();
  return hashEnvelope === undefined ? digest("sha-256", bytes) : bytes;
}

/** Yields the key of a term: SHA-256 of the domain, the number of its kind and its value in UTF-8. */
export function termKey({ kind, value }: Term): Uint8Array {
  return sha256(DOMAIN, CODES[kind], utf8.encode(value));
}

/** Yields the keys of a statement under which it is in the committed lists. */
export function committedKeys({ claims }: SignedStatement): readonly Uint8Array[] {
  return committedTermsOf(claims).map(termKey);
}

function committedTermsOf({ issuer, subject }: SignedStatement["claims"]): readonly HeaderTerm[] {
  const named: HeaderTerm = { kind: "issuer", value: issuer };
  return subject === undefined ? [named] : [named, { kind: "subject", value: subject }];
}
