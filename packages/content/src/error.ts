/** Why a payload was refused. Codes are stable; see docs/errors.md. */
export type ContentErrorCode =
  | "CONTENT_TOO_LARGE"
  | "CONTENT_MALFORMED"
  | "CONTENT_STRUCTURE_INVALID"
  | "CONTENT_TYPE_MISMATCH"
  | "CONTENT_ALG_UNSUPPORTED"
  | "CONTENT_HEADER_REFUSED"
  | "CONTENT_KEY_UNKNOWN"
  | "CONTENT_KEY_OUT_OF_TERM"
  | "CONTENT_SIGNATURE_INVALID"
  | "CONTENT_PART_MISSING";

/** The one error of this package for refused input; misuse by the caller is a `TypeError`. */
export class ContentError extends Error {
  readonly code: ContentErrorCode;

  constructor(code: ContentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ContentError";
    this.code = code;
  }
}
