/**
 * Where a log and its audit come apart. Codes are stable; see docs/errors.md.
 */
export type AuditorErrorCode =
  | "AUDITOR_STATEMENT_MISMATCH"
  | "AUDITOR_STATEMENT_UNVERIFIED"
  | "AUDITOR_COLLATERAL_MALFORMED"
  | "AUDITOR_DUPLICATE"
  | "AUDITOR_POLICY_MISMATCH"
  | "AUDITOR_TIME_INVALID"
  | "AUDITOR_DECISION_DIFFERS"
  | "AUDITOR_CONTROL_SHARED"
  | "AUDITOR_CHECKPOINT_INVALID"
  | "AUDITOR_KEY_UNPINNED"
  | "AUDITOR_KEY_UNNAMED"
  | "AUDITOR_CHAIN_BROKEN"
  | "AUDITOR_ROOT_MISMATCH"
  | "AUDITOR_SOURCE_TRUNCATED"
  | "AUDITOR_INDEX_MISMATCH"
  | "AUDITOR_STATE_INVALID";

/** Where on the log it is. */
export interface Whereabouts {
  /** Leaf index of the entry; for a checkpoint, of the last entry that it covers. */
  readonly index?: number | undefined;
  readonly entryId?: string | undefined;
}

/** The one error of this package. */
export class AuditorError extends Error {
  readonly code: AuditorErrorCode;
  readonly index: number | undefined;
  readonly entryId: string | undefined;
  /** What is wrong, without where. */
  readonly reason: string;

  constructor(
    code: AuditorErrorCode,
    reason: string,
    { index, entryId, ...options }: Whereabouts & ErrorOptions = {},
  ) {
    const place = entryId === undefined ? "" : ` (${entryId})`;
    super(index === undefined ? reason : `entry ${index}${place}: ${reason}`, options);
    this.name = "AuditorError";
    this.code = code;
    this.index = index;
    this.entryId = entryId;
    this.reason = reason;
  }
}
