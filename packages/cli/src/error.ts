/**
 * Why a command came to nothing. Codes are stable; see docs/errors.md.
 *
 * - `CLI_USAGE`: arguments that make no sense, or not together.
 * - `CLI_FILE_FAILED`: a file cannot be read or written.
 * - `CLI_FILE_EXISTS`: a file is there that must not be overwritten.
 * - `CLI_FILE_IN_USE`: another run works with the same file or folder.
 * - `CLI_KEY_INVALID`: a key file does not hold such a key.
 * - `CLI_CHAIN_INVALID`: a file does not hold the certificate chain of the key.
 * - `CLI_DIRECTORY_INVALID`: not a service directory, or not an empty place to make one.
 * - `CLI_DIRECTORY_IN_USE`: another process has the log open.
 * - `CLI_CONTROL_FAILED`: the running server did not do what it was told.
 * - `CLI_ENTRY_UNKNOWN`: the tree does not have the entry.
 * - `CLI_LISTEN_FAILED`: the server cannot bind its address.
 * - `CLI_OPERATOR_UNKNOWN`: the key is none of the operators' of the policy in force.
 * - `CLI_SERVICE_INCONSISTENT`: what a service says of itself does not fit together.
 * - `CLI_TLS_INVALID`: certificates or their key cannot be used.
 * - `CLI_TOKENS_INVALID`: the file of tokens is none.
 * - `CLI_TRUST_CHANGED`: the trust file pins other keys than the service has now.
 * - `CLI_ROTATION_STEP`: not the step that a rotation of the receipt key takes next.
 * - `CLI_SINCE_UNUSABLE`: the older statement has no receipt to start from.
 * - `CLI_INTERRUPTED`: the command was stopped before it came to an end.
 */
export type CliErrorCode =
  | "CLI_USAGE"
  | "CLI_FILE_FAILED"
  | "CLI_FILE_EXISTS"
  | "CLI_FILE_IN_USE"
  | "CLI_KEY_INVALID"
  | "CLI_CHAIN_INVALID"
  | "CLI_DIRECTORY_INVALID"
  | "CLI_DIRECTORY_IN_USE"
  | "CLI_CONTROL_FAILED"
  | "CLI_ENTRY_UNKNOWN"
  | "CLI_LISTEN_FAILED"
  | "CLI_OPERATOR_UNKNOWN"
  | "CLI_SERVICE_INCONSISTENT"
  | "CLI_TLS_INVALID"
  | "CLI_TOKENS_INVALID"
  | "CLI_TRUST_CHANGED"
  | "CLI_ROTATION_STEP"
  | "CLI_SINCE_UNUSABLE"
  | "CLI_INTERRUPTED";

/** The one error of this package. */
export class CliError extends Error {
  readonly code: CliErrorCode;

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.code = code;
  }
}
