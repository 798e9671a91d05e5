import type { Contradiction } from "@tallystick/receipt";

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
 * - `CLIENT_CHECKPOINT_INVALID`: a checkpoint does not hold under the pinned keys.
 * - `CLIENT_CONTRADICTION`: the log signed two trees that cannot both be true; the error has the evidence.
 * - `CLIENT_NOT_EXTENDED`: the service does not show that its log extends what was seen of it.
 * - `CLIENT_EXTENSION_UNKNOWN`: the place has neither receipt nor tiles that show whether it does.
 * - `CLIENT_SEEN_INVALID`: the file of checkpoints seen is damaged, or of other keys.
 */
export type ClientErrorCode =
  | "CLIENT_URL_INVALID"
  | "CLIENT_STATEMENT_MALFORMED"
  | "CLIENT_UNREACHABLE"
  | "CLIENT_TIMEOUT"
  | "CLIENT_REFUSED"
  | "CLIENT_UNAVAILABLE"
  | "CLIENT_PROTOCOL"
  | "CLIENT_RECEIPT_INVALID"
  | "CLIENT_CHECKPOINT_INVALID"
  | "CLIENT_CONTRADICTION"
  | "CLIENT_NOT_EXTENDED"
  | "CLIENT_EXTENSION_UNKNOWN"
  | "CLIENT_SEEN_INVALID";

/** What a service said in the place of an answer. */
export interface Refusal {
  readonly status: number;
  /** Of the problem details (RFC 9290), in printable characters; `undefined` when it gave none. */
  readonly title: string | undefined;
  readonly detail: string | undefined;
}

/** What an error comes with. */
export interface ClientErrorOptions extends ErrorOptions {
  readonly refusal?: Refusal;
  readonly contradiction?: Contradiction;
}

/** The one error of this package. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** Present when the service answered with an error. */
  readonly refusal: Refusal | undefined;
  /** Present for `CLIENT_CONTRADICTION`: what convinces a third party. */
  readonly contradiction: Contradiction | undefined;

  constructor(code: ClientErrorCode, message: string, options: ClientErrorOptions = {}) {
    super(message, options);
    this.name = "ClientError";
    this.code = code;
    this.refusal = options.refusal;
    this.contradiction = options.contradiction;
  }
}
