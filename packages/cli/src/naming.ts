import { StatementError, parseIssuer } from "@tallystick/statement";

import { CliError } from "./error.js";

/**
 * Yields an issuer's name once a statement can state it as `iss`; `option` is where it was given.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function requireIssuer(option: string, text: string): string {
  try {
    return parseIssuer(text, option);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new CliError("CLI_USAGE", cause.message, { cause });
  }
}

/**
 * Yields a log's name once it can be read, copied and compared: printable and without white space. A
 * plus would end the name of the key that signs its notes (W4).
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function requireOrigin(option: string, text: string): string {
  if (text === "") throw new CliError("CLI_USAGE", `${option} is empty`);
  if (/^[^+\s\p{C}]{1,255}$/u.test(text)) return text;
  const want = "want at most 255 printable characters without white space or +";
  throw new CliError("CLI_USAGE", `${option} is no name of a log, ${want}`);
}

/**
 * Parses a URL that others are to find a service by: its origin, or a path on it.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function parseServiceUrl(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // The parser takes more than it shows: other slashes, or none, and white space, which it drops.
  if (url === undefined || !/^https?:\/\/[^/\\]/i.test(text)) {
    throw new CliError("CLI_USAGE", `${option} is no http or https URL`);
  }
  if (/[\s\p{C}]/u.test(text)) {
    throw new CliError("CLI_USAGE", `${option} has white space or control characters`);
  }
  if (/[?#]/.test(text) || /^https?:\/\/[^/\\]*@/i.test(text)) {
    throw new CliError("CLI_USAGE", `${option} has credentials, a query or a fragment`);
  }
  return url;
}
