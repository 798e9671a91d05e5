import { join } from "node:path";

import { ClientError, exchange, requirePrivate } from "@tallystick/client";
import type { ClientErrorCode, Fetch } from "@tallystick/client";

import { CliError } from "./error.js";
import { readBounded } from "./file.js";
import { parseServiceUrl } from "./naming.js";

/** Where the read path of a log is to be had: at an address, or as the files of an export. */
export interface ReadSource {
  /**
   * Reads a resource by its path, without the slash before it. Nothing of it is checked.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`; ClientError
   */
  read(path: string): Promise<Uint8Array>;
}

/** Longest resource that is read: many times a tile or a checkpoint. */
const MAX_BYTES = 1_048_576;

/** How an address is read. */
export interface ReadOptions {
  readonly fetch?: Fetch;
  readonly token?: string;
  readonly timeoutMs: number;
}

/** Yields the files of an export as a source. */
export function folderSource(path: string): ReadSource {
  return { read: (resource) => readFile(join(path, resource)) };
}

async function readFile(path: string): Promise<Uint8Array> {
  const found = await readBounded(path, MAX_BYTES);
  if (found instanceof Uint8Array) return found;
  const why = found === "absent" ? "there is no such file" : `it is longer than ${MAX_BYTES} bytes`;
  throw new CliError("CLI_FILE_FAILED", `cannot read ${path}: ${why}`);
}

/**
 * Yields the resources below an address as a source: of a service, or of any web server with an export.
 *
 * @throws {@link CliError} `CLI_USAGE`; ClientError `CLIENT_URL_INVALID` where a token would go in clear
 */
export function addressSource(text: string, options: ReadOptions): ReadSource {
  const url = parseServiceUrl("--from-tiles", text);
  if (options.token !== undefined) requirePrivate(url);
  const base = url.href.endsWith("/") ? url.href : `${url.href}/`;
  return { read: (resource) => readAddress(`${base}${resource}`, options) };
}

async function readAddress(
  url: string,
  { fetch: ask = fetch, token, timeoutMs }: ReadOptions,
): Promise<Uint8Array> {
  const request = { url, accept: "*/*", maxBytes: MAX_BYTES };
  const { status, body } = await exchange(request, {
    ...{ fetch: ask, timeoutMs, token },
    now: () => Date.now(),
  });
  if (status === 200) return body;
  throw new ClientError(statusCode(status), `${url}: status ${status}`);
}

/** Yields what a status that is no success means. */
export function statusCode(status: number): ClientErrorCode {
  if (status >= 500) return "CLIENT_UNAVAILABLE";
  // What is elsewhere is not this source's.
  return status < 400 ? "CLIENT_UNREACHABLE" : "CLIENT_REFUSED";
}
