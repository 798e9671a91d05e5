import { SignedStatement, StatementError, parseEntryId } from "@tallystick/statement";

import { ClientError } from "./error.js";

/**
 * Decodes a statement, and refuses others with `code`.
 *
 * @throws {@link ClientError} `code`
 */
export function decodeStatement(
  bytes: Uint8Array,
  code: "CLIENT_STATEMENT_MALFORMED" | "CLIENT_PROTOCOL",
): SignedStatement {
  try {
    // Whether a subject is needed is for the service's policy to say.
    return SignedStatement.decode(bytes, { isSubjectOptional: true });
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new ClientError(code, `not a signed statement: ${cause.message}`, { cause });
  }
}

/** Yields the entry of an EntryID; throws `TypeError` for what is none. */
export function requireEntryId(entryId: string): Uint8Array {
  const entry = parseEntryId(entryId);
  if (entry !== undefined) return entry;
  throw new TypeError("an entry ID is 64 lower-case hexadecimal digits");
}

/** Makes the error of an answer that is about something else. */
export function otherStatement(): ClientError {
  return new ClientError("CLIENT_PROTOCOL", "answer is another statement than the one asked for");
}

/** Waits, in milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
