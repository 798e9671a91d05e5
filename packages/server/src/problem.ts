import { CoseError, encodeCbor, printable } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { LogErrorCode } from "@tallystick/log";
import { PolicyError } from "@tallystick/policy";
import type { PolicyErrorCode } from "@tallystick/policy";
import { StatementError } from "@tallystick/statement";
import type { StatementErrorCode } from "@tallystick/statement";

import { ServerError } from "./error.js";
import type { ServerErrorCode } from "./error.js";

/** Media type of every error body (RFC 9290). */
export const PROBLEM_MEDIA_TYPE = "application/concise-problem-details+cbor";

/** An error as it goes over the wire. */
export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  /** Seconds, where trying again may help (S4, S34). */
  readonly retryAfter?: number;
  /** `WWW-Authenticate`, where a credential would help. */
  readonly challenge?: string;
}

type ProblemCode = LogErrorCode | PolicyErrorCode | ServerErrorCode | StatementErrorCode;

interface Row {
  readonly status: number;
  readonly title: string;
  /** The sentence that SCRAPI lists for the title, where it lists one. */
  readonly detail: string;
  /** What the client can do about it. */
  readonly mend?: string;
  readonly retryAfter?: number;
  readonly challenge?: string;
  /** Whether a failure of the service tells its cause, which is public in any case. */
  readonly isOpen?: true;
}

// S22: the listed conditions get the listed title and sentence (SCRAPI-11 §2.3.3).
const MALFORMED = {
  status: 400,
  title: "Malformed request",
  detail: "The request could not be parsed",
} as const;
const ALGORITHM = {
  status: 400,
  title: "Bad Signature Algorithm",
  detail: "Signed Statement contained a non-supported algorithm",
} as const;
const REJECTED = {
  status: 400,
  title: "Rejected",
  detail: "Signed Statement not accepted by the current Registration Policy",
} as const;
const UNAVAILABLE = {
  status: 503,
  title: "Service Unavailable",
  detail: "The service cannot take this request now",
  retryAfter: 5,
} as const;
const READ_ONLY = { status: 503, title: "Read Only" } as const;
const INTERNAL = {
  status: 500,
  title: "Internal Server Error",
  detail: "The service failed; the operator has been told",
} as const;
const NOT_FOUND = { status: 404, title: "Not Found" } as const;

// One row for each code that can reach a client: a code without a row does not compile.
const PROBLEMS: Readonly<Record<ProblemCode, Row>> = {
  STATEMENT_MALFORMED: MALFORMED,
  STATEMENT_TOO_LARGE: {
    status: 413,
    title: "Content Too Large",
    detail: "Signed Statement is larger than this service accepts",
    mend: "Register a hash envelope (RFC 9995) in its place.",
  },
  STATEMENT_ALG_UNSUPPORTED: {
    ...ALGORITHM,
    mend: "Put a supported alg (header 1) into the protected header.",
  },
  STATEMENT_CRIT_UNKNOWN: {
    ...MALFORMED,
    mend: "Leave headers that this service ignores out of crit.",
  },
  STATEMENT_CLAIMS_MISSING: {
    ...MALFORMED,
    mend: "Put CWT claims (header 15) with iss (1) and sub (2) into the protected header.",
  },
  STATEMENT_KEY_ID_MISSING: {
    ...MALFORMED,
    mend: "Put the kid (header 4) of the signing key into the protected header.",
  },
  STATEMENT_PAYLOAD_MISSING: {
    status: 400,
    title: "Payload Missing",
    detail: "Signed Statement payload must be present",
    mend: "Attach the payload, or register a hash envelope (RFC 9995).",
  },
  STATEMENT_HASH_ENVELOPE_INVALID: {
    ...MALFORMED,
    mend: "Follow RFC 9995 for headers 258 to 260.",
  },
  STATEMENT_RECEIPTS_MALFORMED: {
    ...MALFORMED,
    mend: "Leave receipts (header 394) out, or make them an array of byte strings.",
  },
  STATEMENT_PREIMAGE_MISMATCH: MALFORMED,
  STATEMENT_CERTIFICATE_MALFORMED: {
    ...MALFORMED,
    mend: "Send X.509 certificates in strict DER, with keys of a supported kind.",
  },
  STATEMENT_CHAIN_MALFORMED: {
    ...MALFORMED,
    mend: "Follow RFC 9360 for headers 33 and 34: one certificate is a bare byte string, the leaf is first.",
  },
  STATEMENT_CHAIN_UNTRUSTED: {
    ...REJECTED,
    mend: "Send the chain up to an anchor that the policy lists, or ask the operator to add yours.",
  },
  STATEMENT_CHAIN_INVALID: {
    ...REJECTED,
    mend: "Send the certificates that certify the signing key, leaf first, and no others.",
  },
  STATEMENT_IDENTIFIER_MISMATCH: {
    ...REJECTED,
    mend: "Let iss, kid and certificate name one and the same key.",
  },
  STATEMENT_DID_INVALID: {
    ...REJECTED,
    mend: "Use a DID that the key or the certificate chain bears out.",
  },
  STATEMENT_KEY_UNKNOWN: {
    ...REJECTED,
    mend: "Sign with a key that the policy lists for this issuer, or ask the operator to add it.",
  },
  STATEMENT_KEY_MISMATCH: {
    ...ALGORITHM,
    mend: "Use the algorithm that belongs to the key.",
  },
  STATEMENT_SIGNATURE_INVALID: {
    ...REJECTED,
    mend: "Sign the very bytes that are sent, with the key that kid names.",
  },
  POLICY_MALFORMED: { ...REJECTED, mend: "Mend the proposed policy." },
  POLICY_REJECTED: REJECTED,
  POLICY_STALE: REJECTED,
  LOG_ENTRY_NOT_FOUND: {
    ...NOT_FOUND,
    detail: "No such entry is known to this Transparency Service",
  },
  LOG_SIZE_UNKNOWN: { ...NOT_FOUND, detail: "No checkpoint of that tree size was ever signed" },
  LOG_RECEIPT_UNAVAILABLE: {
    ...NOT_FOUND,
    detail: "No receipt covers a log of one entry; there is one after the next registration",
  },
  LOG_RANGE_INVALID: { ...NOT_FOUND, detail: "The log has no such range" },
  LOG_FULL: UNAVAILABLE,
  LOG_CLOSING: UNAVAILABLE,
  LOG_UNAVAILABLE: UNAVAILABLE,
  LOG_PRECONDITION_FAILED: UNAVAILABLE,
  LOG_LOCKED: INTERNAL,
  LOG_EXISTS: INTERNAL,
  LOG_NOT_FOUND: INTERNAL,
  LOG_SCHEMA_UNSUPPORTED: INTERNAL,
  LOG_KEY_MISMATCH: INTERNAL,
  LOG_KEY_IN_USE: {
    ...REJECTED,
    mend: "Name the receipt key in use among receiptKeys, or have the log sign with another first.",
  },
  LOG_CORRUPT: INTERNAL,
  LOG_CLOCK_BACKWARD: {
    ...READ_ONLY,
    detail: "Nothing is registered while the clock is behind the log; what is logged can be read",
  },
  LOG_BEHIND_ANCHOR: {
    ...READ_ONLY,
    detail: "The log lost its end and takes no entries; what is left of it can be read",
  },
  LOG_FORKED: INTERNAL,
  LOG_ANCHOR_BEHIND: INTERNAL,
  LOG_ANCHOR_MISSING: INTERNAL,
  LOG_FROZEN: {
    ...READ_ONLY,
    detail: "The log takes no entries; what is logged can be read",
    isOpen: true,
  },
  LOG_SPACE_LOW: {
    status: 507,
    title: "Insufficient Storage",
    detail: "The disk is nearly full; registrations are taken again when there is room",
    retryAfter: 30,
  },
  SERVER_BODY_TOO_LARGE: {
    status: 413,
    title: "Content Too Large",
    detail: "The body is larger than this service accepts",
    mend: "Register a hash envelope (RFC 9995) in its place.",
  },
  SERVER_BOOTING: {
    status: 503,
    title: "Starting",
    detail: "The service opens its log and answers as soon as it is checked",
    retryAfter: 1,
  },
  SERVER_BUSY: UNAVAILABLE,
  SERVER_ENTRY_UNKNOWN: {
    ...NOT_FOUND,
    detail: "Receipt with entry ID <id> not known to this Transparency Service",
  },
  SERVER_EXPECTATION: {
    status: 417,
    title: "Expectation Failed",
    detail: "The request expects what the service does not do",
  },
  SERVER_FORBIDDEN: {
    status: 403,
    title: "Forbidden",
    detail: "The credential is good, and not for this",
  },
  SERVER_KEY_UNKNOWN: {
    status: 404,
    title: "No such key",
    detail: "No key could be found for this kid value",
  },
  SERVER_LOCATOR_INVALID: {
    status: 400,
    title: "Invalid locator",
    detail: "Operation locator is not in a valid form",
  },
  SERVER_MEDIA_TYPE: {
    status: 415,
    title: "Unsupported Media Type",
    detail: "The body is of a wrong type",
  },
  SERVER_METHOD: {
    status: 405,
    title: "Method Not Allowed",
    detail: "The resource has no such method",
  },
  SERVER_NOT_ACCEPTABLE: {
    status: 406,
    title: "Not Acceptable",
    detail: "The answer cannot be given in an accepted type",
  },
  SERVER_NOT_WITNESSED: {
    status: 503,
    title: "Not Witnessed",
    detail: "No checkpoint can be shown yet",
    retryAfter: 5,
    isOpen: true,
  },
  SERVER_NOT_READY: {
    status: 503,
    title: "Not Ready",
    detail: "Nothing is registered now",
    retryAfter: 5,
    isOpen: true,
  },
  // S33: the listed sentence, with the limit.
  SERVER_RATE_LIMITED: {
    status: 429,
    title: "Too Many Requests",
    detail: "Only <limit> are allowed.",
    retryAfter: 1,
  },
  // S25: the listed sentence, with the ID and the reason.
  SERVER_REGISTRATION_FAILED: {
    status: 404,
    title: "Registration Failed",
    detail: "Signed Statement with entry ID <id> could not be persisted to the log",
  },
  SERVER_REQUEST_MALFORMED: MALFORMED,
  SERVER_REQUEST_TIMEOUT: {
    status: 408,
    title: "Request Timeout",
    detail: "The request did not arrive in time",
  },
  SERVER_HEAD_MISSING: { ...NOT_FOUND, detail: "The index of this log is not committed to yet" },
  SERVER_HEAD_RESERVED: {
    status: 403,
    title: "Forbidden",
    detail: "Heads of the index are registered by the service alone",
  },
  SERVER_HELD: {
    status: 503,
    title: "Held",
    detail: "Nothing is registered while witnesses contradict the log; what is logged can be read",
    retryAfter: 30,
    isOpen: true,
  },
  SERVER_LIST_TOO_LONG: {
    status: 400,
    title: "List Too Long",
    detail: "There are more entries than one answer proves",
  },
  SERVER_QUERY_INVALID: {
    status: 400,
    title: "Bad Request",
    detail: "The query is not one that this resource takes",
  },
  SERVER_SEARCH_OFF: { ...NOT_FOUND, detail: "This service keeps no search index" },
  SERVER_SEARCH_UNAVAILABLE: {
    ...UNAVAILABLE,
    detail: "The search index failed; everything else goes on",
    retryAfter: 60,
  },
  SERVER_ROUTE_UNKNOWN: { ...NOT_FOUND, detail: "There is no such resource" },
  SERVER_UNAUTHENTICATED: {
    status: 401,
    title: "Unauthorized",
    detail: "This needs a credential of this service",
    challenge: 'Bearer realm="tallystick"',
  },
};

/** Longest cause that is told; every reason of a policy is in it, but for endless ones. */
const MAX_CAUSE = 4000;

/** The refusals that have a row; anything else is a defect and shows no detail. */
type Refusal = LogError | PolicyError | ServerError | StatementError;

/** Yields whether a caught value is a refusal that a client may be told about. */
export function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof LogError ||
    error instanceof PolicyError ||
    error instanceof ServerError ||
    error instanceof StatementError
  );
}

/**
 * Makes the problem that a caught value is answered with. A defect, and a failure of the service
 * itself, tell nothing of their cause.
 */
export function problemOf(error: unknown): Problem {
  if (!isRefusal(error)) return INTERNAL;
  const row = told(error);
  if (row.status >= 500 && row.isOpen !== true) return row;
  // Words of the operator are among it, such as the reason of a freeze.
  const message = printable(error.message, MAX_CAUSE);
  if (row.detail.includes("<")) return { ...row, detail: filledIn(row.detail, message) };
  const cause = `${row.detail}: ${message}`;
  const mend = isEncoding(error) ? ENCODING_MEND : row.mend;
  return { ...row, detail: mend === undefined ? cause : `${cause}. ${mend}` };
}

function told(error: Refusal): Row {
  const row = PROBLEMS[error.code];
  if (!(error instanceof ServerError) || error.retryAfter === undefined) return row;
  return { ...row, retryAfter: error.retryAfter };
}

// What stands before the first colon goes into the sentence, the rest behind it.
function filledIn(sentence: string, message: string): string {
  const [value = "", ...rest] = message.split(": ");
  return [sentence.replace(/<[a-z]+>/, () => value), ...rest].join(": ");
}

const ENCODING_MEND = "Send one COSE_Sign1 with tag 18, in definite lengths and shortest heads.";

/** Whether the bytes are at fault, and not what they say. */
function isEncoding(error: Refusal): boolean {
  const { cause } = error;
  if (error.code !== "STATEMENT_MALFORMED" || !(cause instanceof CoseError)) return false;
  return cause.code === "COSE_TAG" || cause.code.startsWith("COSE_CBOR_");
}

/**
 * Encodes a problem as its body. S1, S2: concise problem details with both title and detail. `id`
 * names the request; it makes the instance, a URI reference to the place in the answer's own URI.
 *
 * ```cddl
 * problem = { -1: tstr, -2: tstr, ? -3: tstr } ; title, detail, instance: "#" and the request's id
 * ```
 */
export function encodeProblem({ title, detail }: Problem, id?: string): Uint8Array {
  const instance: readonly [number, string][] = id === undefined ? [] : [[-3, `#${id}`]];
  return encodeCbor(new Map<number, string>([[-1, title], [-2, detail], ...instance]));
}
