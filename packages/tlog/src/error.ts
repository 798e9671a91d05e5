/**
 * Why a note, key, checkpoint, policy or proof was refused. Codes are stable; see docs/errors.md.
 *
 * - `TLOG_NOTE_MALFORMED`: the bytes are no signed note.
 * - `TLOG_KEY_MALFORMED`: the text is no verifier key, or its key cannot be used.
 * - `TLOG_KEY_UNSUPPORTED`: the key's signature type is none of those that are verified here.
 * - `TLOG_CHECKPOINT_MALFORMED`: the text of a note is no checkpoint.
 * - `TLOG_SIGNATURE_INVALID`: a known key's signature does not hold.
 * - `TLOG_SIGNATURE_MISSING`: no known key signed.
 * - `TLOG_POLICY_MALFORMED`: the bytes are no witness policy.
 * - `TLOG_QUORUM_MISSING`: a checkpoint lacks cosignatures that the policy asks for.
 * - `TLOG_PROOF_MALFORMED`: the bytes are no proof.
 * - `TLOG_PROOF_INVALID`: a proof does not lead to the root of its checkpoint.
 */
export type TlogErrorCode =
  | "TLOG_NOTE_MALFORMED"
  | "TLOG_KEY_MALFORMED"
  | "TLOG_KEY_UNSUPPORTED"
  | "TLOG_CHECKPOINT_MALFORMED"
  | "TLOG_SIGNATURE_INVALID"
  | "TLOG_SIGNATURE_MISSING"
  | "TLOG_POLICY_MALFORMED"
  | "TLOG_QUORUM_MISSING"
  | "TLOG_PROOF_MALFORMED"
  | "TLOG_PROOF_INVALID";

/** The one error of this package. */
export class TlogError extends Error {
  readonly code: TlogErrorCode;

  constructor(code: TlogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TlogError";
    this.code = code;
  }
}
