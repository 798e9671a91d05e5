import { join } from "node:path";

import { ClientError } from "@tallystick/client";
import type { Fetch } from "@tallystick/client";
import { concatBytes } from "@tallystick/cose";

import { parseServiceUrl } from "./naming.js";
import { readWhole } from "./file.js";

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

/** Yields whether a text names an address, and no folder. */
export function isAddress(text: string): boolean {
  return /^https?:/i.test(text);
}

/** Yields the files of an export as a source. */
export function folderSource(path: string): ReadSource {
  return { read: (resource) => readWhole(join(path, resource)) };
}

/**
 * Yields the resources below an address as a source: of a service, or of any web server with an export.
 *
 * @throws {@link CliError} `CLI_USAGE`; ClientError `CLIENT_URL_INVALID` where a token would go in clear
 */
export function addressSource(text: string, options: ReadOptions): ReadSource {
  const url = parseServiceUrl("--from-tiles", text);
  const isHere = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url.hostname);
  if (options.token !== undefined && url.protocol !== "https:" && !isHere) {
    throw new ClientError("CLIENT_URL_INVALID", "a token goes to an https address, or to loopback");
  }
  const base = url.href.endsWith("/") ? url.href : `${url.href}/`;
  return { read: (resource) => readAddress(`${base}${resource}`, options) };
}

async function readAddress(url: string, options: ReadOptions): Promise<Uint8Array> {
  const { fetch: ask = fetch, token, timeoutMs } = options;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await ask(url, { headers, redirect: "error", signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      const code = response.status < 500 ? "CLIENT_REFUSED" : "CLIENT_UNAVAILABLE";
      throw new ClientError(code, `${url}: status ${response.status}`);
    }
    return await wholeBody(response, url);
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    const isLate = cause instanceof Error && cause.name === "TimeoutError";
    const code = isLate ? "CLIENT_TIMEOUT" : "CLIENT_UNREACHABLE";
    throw new ClientError(code, `${url} cannot be read`, { cause });
  }
}

async function wholeBody({ body }: Response, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new ClientError("CLIENT_PROTOCOL", `${url} is too long`);
    chunks.push(chunk);
  }
  return concatBytes(chunks);
}
