/**
 * Why evidence was refused. Codes are stable; see docs/errors.md.
 *
 * - `EVIDENCE_TOO_LARGE`: more bytes than are read.
 * - `EVIDENCE_MALFORMED`: not evidence of a form that is known, or not as that form has to be.
 * - `EVIDENCE_UNSUPPORTED`: of a version, an algorithm, a profile or a form that is not read here.
 * - `EVIDENCE_UNSIGNED`: nothing in it is signed.
 * - `EVIDENCE_CHAIN_INVALID`: its certificates lead to no root that is pinned.
 * - `EVIDENCE_NAMES_UNCHAINED`: each key signed the next certificate, but their names do not chain.
 * - `EVIDENCE_SIGNATURE_INVALID`: its signature does not hold under the key of the certificate.
 * - `EVIDENCE_NONCE_MISMATCH`: it answers another challenge.
 */
export type EvidenceErrorCode =
  | "EVIDENCE_TOO_LARGE"
  | "EVIDENCE_MALFORMED"
  | "EVIDENCE_UNSUPPORTED"
  | "EVIDENCE_UNSIGNED"
  | "EVIDENCE_CHAIN_INVALID"
  | "EVIDENCE_NAMES_UNCHAINED"
  | "EVIDENCE_SIGNATURE_INVALID"
  | "EVIDENCE_NONCE_MISMATCH";

/** The one error of this package for refused input; misuse by the caller is a `TypeError`. */
export class EvidenceError extends Error {
  readonly code: EvidenceErrorCode;

  constructor(code: EvidenceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EvidenceError";
    this.code = code;
  }
}

/** Makes the refusal of bytes that are not as they have to be. */
export function malformed(message: string, options?: ErrorOptions): EvidenceError {
  return new EvidenceError("EVIDENCE_MALFORMED", message, options);
}

/** Makes the refusal of what is sound and not read here. */
export function unsupported(message: string): EvidenceError {
  return new EvidenceError("EVIDENCE_UNSUPPORTED", message);
}
