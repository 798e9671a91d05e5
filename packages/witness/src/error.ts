/**
 * Why a witness refuses, or cannot answer. Codes are stable; see docs/errors.md.
 *
 * - `WITNESS_REQUEST_MALFORMED`: the request is not of the form that the protocol gives it.
 * - `WITNESS_ORIGIN_UNKNOWN`: no log of that name is watched.
 * - `WITNESS_SIGNATURE_REFUSED`: no key of the log signed the checkpoint, or one did wrongly.
 * - `WITNESS_SIZE_CONFLICT`: the request starts from another size than the last one cosigned.
 * - `WITNESS_INCONSISTENT`: the checkpoint is not shown to extend the last one cosigned.
 * - `WITNESS_CHECKPOINT_UNKNOWN`: nothing was cosigned for that log yet.
 * - `WITNESS_STATE_DAMAGED`: what is stored about a log is missing or damaged.
 * - `WITNESS_STORE_FAILED`: the state of a log could not be read or written.
 * - `WITNESS_STORE_CONFLICT`: another process has written the state of the log.
 * - `WITNESS_CLOCK_BACKWARD`: the clock is behind the last cosignature.
 * - `WITNESS_BUSY`: too many requests at once.
 * - `WITNESS_BODY_TOO_LARGE`: the body is over the limit.
 * - `WITNESS_BODY_TIMEOUT`: the body did not arrive in time.
 * - `WITNESS_ROUTE_UNKNOWN`: no such resource.
 * - `WITNESS_METHOD`: the resource has no such method.
 */
export type WitnessErrorCode =
  | "WITNESS_REQUEST_MALFORMED"
  | "WITNESS_ORIGIN_UNKNOWN"
  | "WITNESS_SIGNATURE_REFUSED"
  | "WITNESS_SIZE_CONFLICT"
  | "WITNESS_INCONSISTENT"
  | "WITNESS_CHECKPOINT_UNKNOWN"
  | "WITNESS_STATE_DAMAGED"
  | "WITNESS_STORE_FAILED"
  | "WITNESS_STORE_CONFLICT"
  | "WITNESS_CLOCK_BACKWARD"
  | "WITNESS_BUSY"
  | "WITNESS_BODY_TOO_LARGE"
  | "WITNESS_BODY_TIMEOUT"
  | "WITNESS_ROUTE_UNKNOWN"
  | "WITNESS_METHOD";

/** What an error says beside its code. */
export interface WitnessErrorOptions extends ErrorOptions {
  /** Of `WITNESS_SIZE_CONFLICT`: the size that was cosigned last. */
  readonly size?: number;
}

/** The one error of this package. */
export class WitnessError extends Error {
  readonly code: WitnessErrorCode;
  readonly size: number | undefined;

  constructor(code: WitnessErrorCode, message: string, options: WitnessErrorOptions = {}) {
    super(message, options);
    this.name = "WitnessError";
    this.code = code;
    this.size = options.size;
  }
}
