import { CoseError, decodeCborMap, isCborMap, printable } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { ClientError } from "./error.js";
import type { Refusal } from "./error.js";

/** Media type of an error's body (RFC 9290 §6.3). */
export const PROBLEM_MEDIA_TYPE = "application/concise-problem-details+cbor";

/** Keys of concise problem details (RFC 9290 §2). */
const TITLE = -1;
const DETAIL = -2;

/** What a log is that takes no entries, and will not by waiting: frozen, or until its operator acts. */
const READ_ONLY = "Read Only";

const MAX_TITLE_LENGTH = 200;
const MAX_DETAIL_LENGTH = 2000;

/**
 * Decodes concise problem details. What is no such thing, or carries text in another form than
 * plain text, yields a refusal without words: the status still counts (S3).
 */
export function decodeProblem(status: number, body: Uint8Array): Refusal {
  try {
    return refusalFrom(status, decodeCborMap(body));
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    return refusalFrom(status, null);
  }
}

/** Yields the refusal of problem details that are decoded already; anything else has no words. */
export function refusalFrom(status: number, problem: CborValue): Refusal {
  if (!isCborMap(problem)) return { status, title: undefined, detail: undefined };
  return {
    status,
    title: textOf(problem.get(TITLE), MAX_TITLE_LENGTH),
    detail: textOf(problem.get(DETAIL), MAX_DETAIL_LENGTH),
  };
}

/** Formats what a service said as the end of a sentence. */
export function formatRefusal({ status, title, detail }: Refusal): string {
  const words = [title, detail].filter((text) => text !== undefined);
  return words.length === 0 ? `with status ${status}` : words.join(": ");
}

/**
 * Yields the error of a log that takes no entries however long it is asked; `undefined` for any other
 * refusal.
 */
export function readOnlyError(refusal: Refusal): ClientError | undefined {
  if (refusal.status !== 503 || refusal.title !== READ_ONLY) return undefined;
  const message = `the log takes no entries (${formatRefusal(refusal)})`;
  return new ClientError("CLIENT_UNAVAILABLE", message, { refusal });
}

// The text is another party's and is shown on terminals and in logs.
function textOf(value: CborValue | undefined, maxLength: number): string | undefined {
  return typeof value === "string" && value !== "" ? printable(value, maxLength) : undefined;
}
