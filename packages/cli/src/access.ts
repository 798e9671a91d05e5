import { createSecureContext } from "node:tls";

import type { Command } from "commander";
import { ServiceClient } from "@tallystick/client";
import type { ClientOptions, Fetch } from "@tallystick/client";

import { CliError } from "./error.js";
import { readWhole } from "./file.js";
import { contextOf, fetchOver } from "./https-fetch.js";
import type { ClientTls } from "./https-fetch.js";
import { unusable } from "./tls-error.js";

/** How a command gets through to a service: options of the command line. */
export interface AccessOptions {
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/** How a client gets through to a service. */
export interface Access {
  readonly token?: string;
  readonly fetch?: Fetch;
}

/** Environment variable with a bearer token; a file that is named on the command line comes first. */
const TOKEN_VARIABLE = "TALLYSTICK_TOKEN";

/** Adds the options of {@link AccessOptions} to a command. */
export function withAccess(command: Command): Command {
  return command
    .option("--token-file <file>", `bearer token; else that in ${TOKEN_VARIABLE}, if any`)
    .option("--ca <ca.pem>", "trust these authorities alone for the service's TLS")
    .option("--client-cert <cert.pem>", "client certificate to show the service")
    .option("--client-key <key.pem>", "private key of the client certificate");
}

/**
 * Makes a client that gets through to a service.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`, `CLI_TLS_INVALID`; ClientError
 * `CLIENT_URL_INVALID`
 */
export async function openClient(
  url: string,
  options: AccessOptions,
  rest: ClientOptions = {},
): Promise<ServiceClient> {
  return new ServiceClient(url, { ...(await readAccess(url, options)), ...rest });
}

/**
 * Reads what a client shows and trusts.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`, `CLI_TLS_INVALID`
 */
export async function readAccess(url: string, options: AccessOptions): Promise<Access> {
  const { tokenFile, ca, clientCert: cert, clientKey: key } = options;
  const token = await readToken(tokenFile);
  const given = token === undefined ? {} : { token };
  if (ca === undefined && cert === undefined && key === undefined) return given;
  if ((cert === undefined) !== (key === undefined)) {
    throw new CliError("CLI_USAGE", "want --client-cert together with --client-key");
  }
  if (!/^https:/i.test(url)) {
    throw new CliError("CLI_USAGE", "--ca, --client-cert and --client-key are for https addresses");
  }
  const tls: ClientTls = {
    ...(ca !== undefined && { ca: await readWhole(ca) }),
    ...(cert !== undefined && { cert: await readWhole(cert) }),
    ...(key !== undefined && { key: await readWhole(key) }),
  };
  try {
    createSecureContext(contextOf(tls));
    return { ...given, fetch: fetchOver(tls) };
  } catch (cause) {
    throw unusable([ca, cert, key], cause);
  }
}

/**
 * Refuses options for a service where there is none.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function refuseAccess({ tokenFile, ca, clientCert, clientKey }: AccessOptions): void {
  if ([tokenFile, ca, clientCert, clientKey].every((one) => one === undefined)) return;
  throw new CliError(
    "CLI_USAGE",
    "--token-file, --ca, --client-cert and --client-key go with --service",
  );
}

async function readToken(path: string | undefined): Promise<string | undefined> {
  const { [TOKEN_VARIABLE]: fromEnvironment = "" } = process.env;
  if (path === undefined && fromEnvironment === "") return undefined;
  const text =
    path === undefined ? fromEnvironment : new TextDecoder().decode(await readWhole(path));
  const token = text.trim();
  if (/^[A-Za-z0-9\-._~+/]{1,500}=*$/.test(token)) return token;
  // What it holds is not shown: it may be a secret of another kind.
  throw new CliError("CLI_KEY_INVALID", `no bearer token in ${path ?? TOKEN_VARIABLE}`);
}
