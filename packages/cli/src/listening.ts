import { InvalidArgumentError } from "commander";

import { CliError } from "./error.js";
import { codeOf } from "./file.js";

/** Reads the number of a port from the command line; 0 is any free one. */
export function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError("want a number from 0 to 65535.");
}

/** Restates why an address cannot be listened on. */
export function cannotListen(
  { host, port }: { readonly host: string; readonly port: number },
  cause: unknown,
): CliError {
  const code = codeOf(cause) ?? "";
  const reason = REASONS.get(code) ?? (code === "" ? "unknown reason" : code);
  const message = `cannot listen on ${host} port ${port}: ${reason}`;
  return new CliError("CLI_LISTEN_FAILED", message, { cause });
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "the port is in use"],
  ["EACCES", "permission denied"],
  ["EADDRNOTAVAIL", "not an address of this machine"],
  ["ENOTFOUND", "no such host"],
]);
