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

/**
 * Yields what a statement is found by, from its bytes alone: `iss`, `sub` if it has one, the type of
 * its payload or of what its hash envelope is about, and the digest of that, in hexadecimal: the
 * envelope's own, else the SHA-256 of the payload.
 *
 * A content type that is a number is its decimal form.
 */
export function termsOf(statement: SignedStatement): readonly Term[] {
  const { claims, contentType, hashEnvelope, payload } = statement;
  const type = hashEnvelope === undefined ? contentType : hashEnvelope.preimageContentType;
  const bytes = payload ?? new Uint8Array();
  const stated = hashEnvelope === undefined ? digest("sha-256", bytes) : bytes;
  return [
    ...committedTermsOf(claims),
    ...(type === undefined ? [] : [{ kind: "contentType", value: String(type) } as const]),
    { kind: "payload", value: encodeHex(stated) },
  ];
}

/** Yields the key of a term: SHA-256 of the domain, the number of its kind and its value in UTF-8. */
export function termKey({ kind, value }: Term): Uint8Array {
  return sha256(DOMAIN, CODES[kind], utf8.encode(value));
}

/** Yields the keys of a statement under which it is in the committed lists. */
export function committedKeys({ claims }: SignedStatement): readonly Uint8Array[] {
  return committedTermsOf(claims).map(termKey);
}

function committedTermsOf({ issuer, subject }: SignedStatement["claims"]): readonly Term[] {
  const named: Term = { kind: "issuer", value: issuer };
  return subject === undefined ? [named] : [named, { kind: "subject", value: subject }];
}
