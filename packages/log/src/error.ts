/**
 * Why the log refused, or cannot serve. Codes are stable; see docs/errors.md.
 *
 * - `LOG_EXISTS`, `LOG_NOT_FOUND`: a log is, or is not, at this place.
 * - `LOG_LOCKED`: another process, or another part of this one, has the store open.
 * - `LOG_SCHEMA_UNSUPPORTED`: stored in a format that this version does not know.
 * - `LOG_KEY_MISMATCH`: issuer or origin are not those the log was created with, or the key is none
 *   that its control entries name.
 * - `LOG_KEY_IN_USE`: a control entry does not name the key that the log signs with.
 * - `LOG_CORRUPT`: stored bytes contradict their checksum, their hash or each other.
 * - `LOG_CLOCK_BACKWARD`: the clock reads earlier than the newest checkpoint.
 * - `LOG_BEHIND_ANCHOR`: the store lacks what the anchor shows was once signed.
 * - `LOG_FORKED`: store and anchor hold checkpoints of one size that contradict.
 * - `LOG_ANCHOR_BEHIND`, `LOG_ANCHOR_MISSING`: the anchor cannot vouch for the store.
 * - `LOG_FROZEN`: closed to new entries for good.
 * - `LOG_SPACE_LOW`: less disk space is free than the log demands; goes by when there is more.
 * - `LOG_ENTRY_NOT_FOUND`, `LOG_SIZE_UNKNOWN`: no such entry, or no kept checkpoint of that size.
 * - `LOG_RECEIPT_UNAVAILABLE`: a tree of size 1 has no receipt that RFC 9942 can express.
 * - `LOG_RANGE_INVALID`: an index, size or tile that the published tree does not cover.
 * - `LOG_FULL`, `LOG_CLOSING`: pushback; the same request may succeed later or elsewhere.
 * - `LOG_UNAVAILABLE`: the store failed; after a failed write this process must end.
 * - `LOG_PRECONDITION_FAILED`: another control entry is in force than the caller admitted
 *   under, or the newest checkpoint is of a later time than the admission.
 */
export type LogErrorCode =
  | "LOG_EXISTS"
  | "LOG_NOT_FOUND"
  | "LOG_LOCKED"
  | "LOG_SCHEMA_UNSUPPORTED"
  | "LOG_KEY_MISMATCH"
  | "LOG_KEY_IN_USE"
  | "LOG_CORRUPT"
  | "LOG_CLOCK_BACKWARD"
  | "LOG_BEHIND_ANCHOR"
  | "LOG_FORKED"
  | "LOG_ANCHOR_BEHIND"
  | "LOG_ANCHOR_MISSING"
  | "LOG_FROZEN"
  | "LOG_SPACE_LOW"
  | "LOG_ENTRY_NOT_FOUND"
  | "LOG_SIZE_UNKNOWN"
  | "LOG_RECEIPT_UNAVAILABLE"
  | "LOG_RANGE_INVALID"
  | "LOG_FULL"
  | "LOG_CLOSING"
  | "LOG_UNAVAILABLE"
  | "LOG_PRECONDITION_FAILED";

/** The one error of this package; {@link LogError.code} tells the cases apart. */
export class LogError extends Error {
  readonly code: LogErrorCode;

  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LogError";
    this.code = code;
  }
}

/** Restates whatever a store or a lower package threw as `code`; a {@link LogError} passes unchanged. */
export function toLogError(
  error: unknown,
  code: "LOG_UNAVAILABLE" | "LOG_CORRUPT",
  doing: string,
): LogError {
  if (error instanceof LogError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new LogError(code, `${doing}: ${reason}`, { cause: error });
}

/** Yields whether a call failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error && error.code;
  return code === "ENOENT" || code === "ENOTDIR";
}
