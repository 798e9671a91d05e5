/**
 * Why a call came to nothing. Codes are stable; see docs/errors.md.
 *
 * - `CLIENT_URL_INVALID`: the service's address is no HTTP URL to build on.
 * - `CLIENT_STATEMENT_MALFORMED`: what was to be registered is no signed statement.
 * - `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`: no answer, or not all of it, or not in time.
 * - `CLIENT_REFUSED`: the service said no (4xx); title and detail say why.
 * - `CLIENT_UNAVAILABLE`: the service cannot answer now (5xx, 429, or still running); try again later.
 * - `CLIENT_PROTOCOL`: the answer is not what the API says.
 * - `CLIENT_RECEIPT_INVALID`: the receipt does not hold for the entry that it was asked for.
 */
export type ClientErrorCode =
  | "CLIENT_URL_INVALID"
  | "CLIENT_STATEMENT_MALFORMED"
  | "CLIENT_UNREACHABLE"
  | "CLIENT_TIMEOUT"
  | "CLIENT_REFUSED"
  | "CLIENT_UNAVAILABLE"
  | "CLIENT_PROTOCOL"
  | "CLIENT_RECEIPT_INVALID";

/** What a service said in the place of an answer. */
export interface Refusal {
  readonly status: number;
  /** Of the problem details (RFC 9290), in printable characters; `undefined` when it gave none. */
  readonly title: string | undefined;
  readonly detail: string | undefined;
}

/** The one error of this package. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** Present when the service answered with an error. */
  readonly refusal: Refusal | undefined;

  constructor(
    code: ClientErrorCode,
    message: string,
    options: ErrorOptions & { readonly refusal?: Refusal } = {},
  ) {
    super(message, options);
    this.name = "ClientError";
    this.code = code;
    this.refusal = options.refusal;
  }
}
