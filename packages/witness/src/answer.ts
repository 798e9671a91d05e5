import { encodeCbor } from "@tallystick/cose";

import { WitnessError } from "./error.js";
import type { WitnessErrorCode } from "./error.js";

/** An answer as it goes over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface Row {
  readonly status: number;
  readonly title: string;
  /** Whether the client is told why; failures of the witness itself tell nothing. */
  readonly isOpen: boolean;
  /** Seconds after which trying again may help. */
  readonly retryAfter?: number;
}

const BAD = { status: 400, title: "Bad Request", isOpen: true } as const;
const NOT_FOUND = { status: 404, title: "Not Found", isOpen: true } as const;
const FAILED = { status: 500, title: "Internal Server Error", isOpen: false } as const;
const LATER = { status: 503, title: "Service Unavailable", isOpen: true, retryAfter: 5 } as const;

const ROWS: Readonly<Record<WitnessErrorCode, Row>> = {
  WITNESS_REQUEST_MALFORMED: BAD,
  WITNESS_ORIGIN_UNKNOWN: NOT_FOUND,
  WITNESS_SIGNATURE_REFUSED: { status: 403, title: "Forbidden", isOpen: true },
  WITNESS_SIZE_CONFLICT: { status: 409, title: "Conflict", isOpen: true },
  WITNESS_INCONSISTENT: { status: 422, title: "Unprocessable Content", isOpen: true },
  WITNESS_CHECKPOINT_UNKNOWN: NOT_FOUND,
  WITNESS_STATE_DAMAGED: FAILED,
  WITNESS_STORE_FAILED: FAILED,
  WITNESS_STORE_CONFLICT: LATER,
  WITNESS_CLOCK_BACKWARD: LATER,
  WITNESS_BUSY: { ...LATER, retryAfter: 1 },
  WITNESS_BODY_TOO_LARGE: { status: 413, title: "Content Too Large", isOpen: true },
  WITNESS_BODY_TIMEOUT: { status: 408, title: "Request Timeout", isOpen: true },
  WITNESS_ROUTE_UNKNOWN: NOT_FOUND,
  WITNESS_METHOD: { status: 405, title: "Method Not Allowed", isOpen: true },
};

const PROBLEM = "application/concise-problem-details+cbor";
const CLOSED_DETAIL = "The witness failed; the operator has been told";

/** Yields a text as an answer of status 200. */
export function textAnswer(body: Uint8Array | string): Answer {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" };
  return { status: 200, headers, body: bytes };
}

/**
 * Yields what a refusal is answered with: the size for a conflict, as the protocol has it, else a
 * concise problem (RFC 9290).
 */
export function refusalAnswer(error: unknown): Answer {
  const isKnown = error instanceof WitnessError;
  const row: Row = isKnown ? ROWS[error.code] : FAILED;
  if (isKnown && error.size !== undefined) {
    const headers = { "content-type": "text/x.tlog.size", "cache-control": "no-store" };
    return { status: row.status, headers, body: new TextEncoder().encode(`${error.size}\n`) };
  }
  const detail = isKnown && row.isOpen ? error.message : CLOSED_DETAIL;
  const { retryAfter } = row;
  return {
    status: row.status,
    headers: {
      "content-type": PROBLEM,
      "cache-control": "no-store",
      ...(retryAfter !== undefined && { "retry-after": String(retryAfter) }),
    },
    body: encodeCbor(
      new Map([
        [-1, row.title],
        [-2, detail],
      ]),
    ),
  };
}

/** Yields whether the operator has to be told of an error. */
export function isFault(error: unknown): boolean {
  if (!(error instanceof WitnessError)) return true;
  return ROWS[error.code].status === 500 || FAULTS.has(error.code);
}

const FAULTS: ReadonlySet<WitnessErrorCode> = new Set<WitnessErrorCode>([
  "WITNESS_CLOCK_BACKWARD",
  "WITNESS_STORE_CONFLICT",
]);
