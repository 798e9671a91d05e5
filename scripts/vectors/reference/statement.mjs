// Signed and transparent statements (RFC 9943) put together from parts.
import { createHash } from "node:crypto";
import { array, bytes, int, map, text } from "./cbor.mjs";
import { EDDSA, KID, message, PAYLOAD, signature } from "./sign1.mjs";

export const ISSUER = "https://vendor.example";
export const SUBJECT = "vendor.example/product";

export const CONTENT_TYPE = [int(3), text("text/plain")];
export const CLAIMS = [int(15), map([int(1), text(ISSUER)], [int(2), text(SUBJECT)])];

/** The protected header of most vectors. */
export const HEADER = map(EDDSA, CONTENT_TYPE, KID, CLAIMS);

/** A statement whose signature holds, whatever its headers say; a null payload is detached. */
export function statement({ protectedBytes = HEADER, payload = PAYLOAD, unprotected = map() }) {
  const signed = signature(protectedBytes, payload ?? PAYLOAD);
  return message({ protectedBytes, unprotected, payload, signed });
}

/** What a log records: SHA-256 of the statement with an empty unprotected header. */
export function entryOf({ protectedBytes, payload }) {
  return createHash("sha256").update(statement({ protectedBytes, payload })).digest();
}

/** An unprotected header with receipts (394). */
export function receiptsHeader(...receipts) {
  return map([int(394), array(...receipts.map(bytes))]);
}
