/** Why a request was refused before it reached the service. Codes are stable; see docs/errors.md. */
export type ServerErrorCode =
  | "SERVER_BODY_TOO_LARGE"
  | "SERVER_BOOTING"
  | "SERVER_BUSY"
  | "SERVER_ENTRY_UNKNOWN"
  | "SERVER_EXPECTATION"
  | "SERVER_FORBIDDEN"
  | "SERVER_HEAD_MISSING"
  | "SERVER_HEAD_RESERVED"
  | "SERVER_HELD"
  | "SERVER_KEY_UNKNOWN"
  | "SERVER_LIST_TOO_LONG"
  | "SERVER_LOCATOR_INVALID"
  | "SERVER_MEDIA_TYPE"
  | "SERVER_METHOD"
  | "SERVER_NOT_ACCEPTABLE"
  | "SERVER_NOT_READY"
  | "SERVER_NOT_WITNESSED"
  | "SERVER_QUERY_INVALID"
  | "SERVER_RATE_LIMITED"
  | "SERVER_REGISTRATION_FAILED"
  | "SERVER_REQUEST_MALFORMED"
  | "SERVER_REQUEST_TIMEOUT"
  | "SERVER_ROUTE_UNKNOWN"
  | "SERVER_SEARCH_OFF"
  | "SERVER_SEARCH_UNAVAILABLE"
  | "SERVER_UNAUTHENTICATED";

/** The one error of this package. */
export class ServerError extends Error {
  readonly code: ServerErrorCode;
  /** Seconds after which the request may do better, where that is known. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ServerErrorCode,
    message: string,
    options: ErrorOptions & { readonly retryAfter?: number } = {},
  ) {
    super(message, options);
    this.name = "ServerError";
    this.code = code;
    this.retryAfter = options.retryAfter;
  }
}
