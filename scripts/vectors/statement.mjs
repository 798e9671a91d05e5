// Signed statements: what a transparency service takes, the entry it makes of them, and what it
// refuses. Every signature holds, except where a vector is about signatures.
import { createHash } from "node:crypto";
import { array, bytes, head, int, map, NULL, text } from "./reference/cbor.mjs";
import { FIXED } from "./reference/fixed.mjs";
import { EDDSA, KEY, KID, message, OTHER_KEY, PAYLOAD, signature } from "./reference/sign1.mjs";
import {
  CLAIMS,
  CONTENT_TYPE,
  entryOf,
  HEADER,
  ISSUER,
  receiptsHeader,
  statement,
  SUBJECT,
} from "./reference/statement.mjs";

const hex = (value) => Buffer.from(value).toString("hex");

function good(behaviour, description, parts, { spec = "RFC 9943 §6", ...context } = {}) {
  const input = { statement: hex(statement(parts)), key: KEY, ...context };
  const rest = { spec, expect: "ok", input, output: { entryId: hex(entryOf(parts)) } };
  return { kind: "statement", behaviour, description, ...rest };
}

function bad(behaviour, description, { expect, spec, ...context }, built) {
  const input = { statement: hex(built), key: KEY, ...context };
  return { kind: "statement", behaviour, description, spec, expect, input, output: null };
}

function withHeader(...entries) {
  return statement({ protectedBytes: map(...entries) });
}

function claims(...entries) {
  return [int(15), map(...entries)];
}

const ARTIFACT = Buffer.from("the artifact itself");
const DIGEST = createHash("sha256").update(ARTIFACT).digest();
const HASH = [int(258), int(-16)];
const PREIMAGE = [int(259), text("text/plain")];
const LOCATION = [int(260), text("https://vendor.example/artifact")];
const ENVELOPE = map(EDDSA, KID, CLAIMS, HASH, PREIMAGE, LOCATION);
const ANY_RECEIPT = bytes(Buffer.from("not looked at"));

const taken = [
  good("inline", "A payload inside the statement", {}),
  good("artifact-is-the-payload", "The file that it carries", {}, { artifact: hex(PAYLOAD) }),
  good(
    "resubmitted-with-a-receipt",
    "A receipt in the unprotected header leaves the entry as it was",
    { unprotected: receiptsHeader(Buffer.from("a receipt")) },
    { spec: "RFC 9943 §6.3" },
  ),
  good(
    "unprotected-header-emptied",
    "Other unprotected headers do not change the entry either",
    { unprotected: map([int(99), text("anything")]) },
    { spec: "RFC 9943 §6.3" },
  ),
  good("protected-keys-out-of-order", "The entry is made of the protected bytes as received", {
    protectedBytes: map(CLAIMS, KID, CONTENT_TYPE, EDDSA),
  }),
  good("payload-empty", "A payload of no bytes", { payload: Buffer.alloc(0) }),
  good(
    "hash-envelope",
    "A digest in the place of the payload",
    { protectedBytes: ENVELOPE, payload: DIGEST },
    { spec: "RFC 9995 §4", artifact: hex(ARTIFACT) },
  ),
];

const MALFORMED = { expect: "STATEMENT_MALFORMED", spec: "RFC 9943 §6" };
const CLAIMS_MISSING = { expect: "STATEMENT_CLAIMS_MISSING", spec: "RFC 9943 §6" };
const KID_MISSING = { expect: "STATEMENT_KEY_ID_MISSING", spec: "RFC 9943 §6" };
const ALGORITHM = { expect: "STATEMENT_ALG_UNSUPPORTED", spec: "RFC 9052 §3.1" };

const headers = [
  bad("untagged", "No tag 18", MALFORMED, statement({}).subarray(1)),
  bad("truncated", "The last byte is missing", MALFORMED, statement({}).subarray(0, -1)),
  bad(
    "protected-duplicate-key",
    "kid twice",
    MALFORMED,
    withHeader(EDDSA, CONTENT_TYPE, KID, KID, CLAIMS),
  ),
  bad("claims-missing", "No CWT claims", CLAIMS_MISSING, withHeader(EDDSA, CONTENT_TYPE, KID)),
  bad(
    "claims-unprotected",
    "Claims in the unprotected header alone",
    CLAIMS_MISSING,
    statement({ protectedBytes: map(EDDSA, CONTENT_TYPE, KID), unprotected: map(CLAIMS) }),
  ),
  bad(
    "iss-missing",
    "Claims without iss",
    CLAIMS_MISSING,
    withHeader(EDDSA, KID, claims([int(2), text(SUBJECT)])),
  ),
  bad(
    "sub-missing",
    "Claims without sub",
    CLAIMS_MISSING,
    withHeader(EDDSA, KID, claims([int(1), text(ISSUER)])),
  ),
  bad(
    "iss-not-text",
    "iss as a number",
    CLAIMS_MISSING,
    withHeader(EDDSA, KID, claims([int(1), int(7)], [int(2), text(SUBJECT)])),
  ),
  bad(
    "sub-empty",
    "sub without characters",
    CLAIMS_MISSING,
    withHeader(EDDSA, KID, claims([int(1), text(ISSUER)], [int(2), text("")])),
  ),
  bad("kid-missing", "No key identifier", KID_MISSING, withHeader(EDDSA, CONTENT_TYPE, CLAIMS)),
  bad(
    "kid-unprotected",
    "kid in the unprotected header alone",
    KID_MISSING,
    statement({ protectedBytes: map(EDDSA, CONTENT_TYPE, CLAIMS), unprotected: map(KID) }),
  ),
  bad(
    "kid-text",
    "kid as text",
    MALFORMED,
    withHeader(EDDSA, CONTENT_TYPE, [int(4), text("vector")], CLAIMS),
  ),
  bad(
    "alg-unprotected",
    "alg in the unprotected header alone",
    ALGORITHM,
    statement({ protectedBytes: map(CONTENT_TYPE, KID, CLAIMS), unprotected: map(EDDSA) }),
  ),
  bad(
    "alg-unassigned",
    "An algorithm nobody knows",
    ALGORITHM,
    withHeader([int(1), int(-65_000)], CONTENT_TYPE, KID, CLAIMS),
  ),
  bad(
    "crit-unknown",
    "A critical label that nobody processes",
    { expect: "STATEMENT_CRIT_UNKNOWN", spec: "RFC 9052 §3.1" },
    withHeader(EDDSA, [int(2), array(int(99))], CONTENT_TYPE, KID, CLAIMS, [int(99), int(0)]),
  ),
  bad(
    "typ-unprotected",
    "typ where anybody can change it",
    { ...MALFORMED, spec: "RFC 9596 §2" },
    statement({ unprotected: map([int(16), text("application/scitt-statement+cose")]) }),
  ),
  bad(
    "payload-detached",
    "A detached payload",
    { expect: "STATEMENT_PAYLOAD_MISSING", spec: "SCRAPI §2.3.3" },
    statement({ payload: null }),
  ),
];

const ENVELOPE_INVALID = { expect: "STATEMENT_HASH_ENVELOPE_INVALID", spec: "RFC 9995 §4" };

function envelope(behaviour, description, parts) {
  return bad(behaviour, description, ENVELOPE_INVALID, statement({ payload: DIGEST, ...parts }));
}

const envelopes = [
  envelope("envelope-with-content-type", "Content type beside the hash algorithm", {
    protectedBytes: map(EDDSA, CONTENT_TYPE, KID, CLAIMS, HASH),
  }),
  envelope("envelope-content-type-unprotected", "The same, hidden in the unprotected header", {
    protectedBytes: ENVELOPE,
    unprotected: map(CONTENT_TYPE),
  }),
  envelope("envelope-hash-unprotected", "The hash algorithm where anybody can change it", {
    protectedBytes: map(EDDSA, KID, CLAIMS),
    unprotected: map(HASH),
  }),
  envelope("envelope-location-unprotected", "The location where anybody can change it", {
    protectedBytes: map(EDDSA, KID, CLAIMS, HASH),
    unprotected: map(LOCATION),
  }),
  envelope("envelope-without-hash", "A preimage content type without a hash algorithm", {
    protectedBytes: map(EDDSA, KID, CLAIMS, PREIMAGE),
  }),
  envelope("envelope-hash-unknown", "A hash algorithm nobody knows", {
    protectedBytes: map(EDDSA, KID, CLAIMS, [int(258), int(-65_000)]),
  }),
  envelope("envelope-digest-too-short", "A digest of 31 bytes", {
    protectedBytes: ENVELOPE,
    payload: DIGEST.subarray(1),
  }),
  bad(
    "envelope-of-another-file",
    "A file with another digest",
    {
      expect: "STATEMENT_PREIMAGE_MISMATCH",
      spec: "RFC 9995 §4",
      artifact: hex(PAYLOAD),
    },
    statement({ protectedBytes: ENVELOPE, payload: DIGEST }),
  ),
  bad(
    "payload-of-another-file",
    "A file that is not the payload",
    { expect: "STATEMENT_PREIMAGE_MISMATCH", spec: "RFC 9943 §6", artifact: hex(ARTIFACT) },
    statement({}),
  ),
];

const RECEIPTS = { expect: "STATEMENT_RECEIPTS_MALFORMED", spec: "RFC 9943 §6" };

function receipts(behaviour, description, value) {
  return bad(behaviour, description, RECEIPTS, statement({ unprotected: map([int(394), value]) }));
}

const attached = [
  receipts("receipts-empty", "An empty list of receipts", array()),
  receipts("receipts-not-wrapped", "A receipt that is no byte string", array(NULL)),
  receipts("receipts-map", "A map in the place of the list", map([int(1), ANY_RECEIPT])),
  receipts("receipts-bare", "One receipt without a list", ANY_RECEIPT),
  bad(
    "receipts-indefinite",
    "A list of indefinite length",
    { ...MALFORMED, spec: "RFC 8949 §4.2.1" },
    statement({
      unprotected: map([
        int(394),
        Buffer.concat([head(4, 0).fill(0x9f), ANY_RECEIPT, Buffer.of(0xff)]),
      ]),
    }),
  ),
];

const SIGNATURE = { expect: "STATEMENT_SIGNATURE_INVALID", spec: "RFC 9052 §4.4" };

const signatures = [
  bad("key-of-another-issuer", "The wrong key", { ...SIGNATURE, key: OTHER_KEY }, statement({})),
  bad(
    "key-of-another-type",
    "A key that alg does not fit",
    { expect: "STATEMENT_KEY_MISMATCH", spec: "RFC 9053 §2", key: FIXED.ES256.key },
    statement({}),
  ),
  bad(
    "payload-changed",
    "A payload that was not signed",
    SIGNATURE,
    message({
      protectedBytes: HEADER,
      payload: ARTIFACT,
      signed: signature(HEADER, PAYLOAD),
    }),
  ),
  bad(
    "claims-changed",
    "Claims that were not signed",
    SIGNATURE,
    message({
      protectedBytes: map(EDDSA, CONTENT_TYPE, KID, [
        int(15),
        map([int(1), text("https://other.example")], [int(2), text(SUBJECT)]),
      ]),
      signed: signature(HEADER, PAYLOAD),
    }),
  ),
];

export const recipes = [...taken, ...headers, ...envelopes, ...attached, ...signatures];
