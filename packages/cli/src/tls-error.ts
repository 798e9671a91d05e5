import { CliError } from "./error.js";

/** Restates what the TLS library said about files. */
export function unusable(paths: readonly (string | undefined)[], cause: unknown): CliError {
  const names = paths.filter((path) => path !== undefined).join(", ");
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `no usable certificate and key in ${names}: ${reason}`;
  return new CliError("CLI_TLS_INVALID", message, { cause });
}
