import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { ClientError, exchange, requirePrivate } from "@tallystick/client";
import type { Answer } from "@tallystick/client";
import { MirrorError } from "@tallystick/mirror";
import type { KeptPath, ReadPath } from "@tallystick/mirror";

import { readAccess, refuseAccess } from "./access.js";
import type { AccessOptions } from "./access.js";
import { isAddress } from "./address.js";
import { codeOf, failed, makeDirectory, readBounded, writeWhole } from "./file.js";
import { parseServiceUrl } from "./naming.js";
import { addressSource, folderSource, statusCode } from "./read-source.js";
import type { ReadOptions, ReadSource } from "./read-source.js";

/** What is served may be read by the web server, whoever that is. */
const DIRECTORY_MODE = 0o755;

/** How often a server that asks for time is asked again, and how long at most each time. */
const MAX_RETRIES = 8;
const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 30_000;

/** How often a server is asked again that did not answer; each time may take as long as --timeout. */
const MAX_FAILURES = 2;
const UNANSWERED: ReadonlySet<string> = new Set(["CLIENT_UNREACHABLE", "CLIENT_TIMEOUT"]);

/** Folders that are remembered as made. */
const MAX_FOLDERS = 4096;

/** Yields the files of an export or a mirror. */
export function folderPath(path: string): ReadPath {
  return {
    find: (resource, maxBytes) => findFile(join(path, resource), maxBytes),
    list: (folder) => namesIn(join(path, folder)),
  };
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw failed(`cannot read ${path}`, error);
  }
}

/** Yields a folder that a copy is kept in. */
export function keptFolder(path: string): KeptPath {
  const folders = new Folders(path);
  return {
    ...folderPath(path),
    keep: async (resource, bytes) => {
      const at = join(path, resource);
      await folders.make(dirname(at));
      await writeWhole(at, bytes);
    },
  };
}

/**
 * Yields the resources below an address: of a service, or of any web server with an export. A server
 * that asks for time gets it, and one that does not answer is asked twice more; redirects are not followed.
 *
 * @throws {@link CliError} `CLI_USAGE`; ClientError `CLIENT_URL_INVALID` where a token would go in clear
 */
export function addressPath(text: string, options: ReadOptions): ReadPath {
  const url = parseServiceUrl("<url>", text);
  if (options.token !== undefined) requirePrivate(url);
  const base = url.href.endsWith("/") ? url.href : `${url.href}/`;
  return { find: (resource, maxBytes) => ask(`${base}${resource}`, maxBytes, options) };
}

/** A place that shows a log by its files, opened once: a token that came from a pipe can be read once. */
export interface ReadPlace {
  /** Asks a server that wants time, or does not answer, again. */
  readonly path: ReadPath;
  /** Asks once. */
  readonly source: ReadSource;
}

/**
 * Opens what `--from-tiles` names: an address, or a folder.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`, `CLI_TLS_INVALID`; ClientError
 * `CLIENT_URL_INVALID`
 */
export async function openPlace(
  text: string,
  { timeoutMs, ...access }: AccessOptions & { readonly timeoutMs: number },
): Promise<ReadPlace> {
  if (isAddress(text))
    return addressPlace(text, { ...(await readAccess(text, access)), timeoutMs });
  refuseAccess(access);
  return { path: folderPath(text), source: folderSource(text) };
}

/**
 * Yields a place at an address, as {@link openPlace} for whoever has read the access already.
 *
 * @throws {@link CliError} `CLI_USAGE`; ClientError `CLIENT_URL_INVALID`
 */
export function addressPlace(text: string, reading: ReadOptions): ReadPlace {
  return { source: addressSource(text, reading), path: addressPath(text, reading) };
}

async function ask(
  url: string,
  maxBytes: number,
  options: ReadOptions,
): Promise<Uint8Array | undefined> {
  for (let retries = 0; ; retries++) {
    const { status, body, retryAfterMs } = await askPatiently(url, maxBytes, options);
    if (status === 200) return body;
    // RFC 9110 §15.5: what was never there, and what is gone.
    if (status === 404 || status === 410) return undefined;
    if ((status !== 429 && status !== 503) || retries >= MAX_RETRIES) {
      throw new ClientError(statusCode(status), `${url}: status ${status}`);
    }
    const own = FIRST_WAIT_MS * 2 ** retries;
    await wait(Math.min(retryAfterMs ?? own, MAX_WAIT_MS));
  }
}

async function askPatiently(url: string, maxBytes: number, options: ReadOptions): Promise<Answer> {
  for (let failures = 0; ; failures++) {
    try {
      return await askOnce(url, maxBytes, options);
    } catch (error) {
      const isUnanswered = error instanceof ClientError && UNANSWERED.has(error.code);
      if (!isUnanswered || failures >= MAX_FAILURES) throw error;
      await wait(FIRST_WAIT_MS * 2 ** failures);
    }
  }
}

function askOnce(
  url: string,
  maxBytes: number,
  { fetch: asked = fetch, token, timeoutMs }: ReadOptions,
): Promise<Answer> {
  return exchange(
    // A problem that tells of a refusal may be longer than a tile.
    { url, accept: "*/*", maxBytes: Math.max(maxBytes, 65_536) },
    { fetch: asked, timeoutMs, token, now: () => Date.now() },
  ).then((answer) => {
    if (answer.status !== 200 || answer.body.length <= maxBytes) return answer;
    throw tooLong(url, maxBytes);
  });
}

async function findFile(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  // A folder where a file is wanted is no resource: index pages are another server's.
  const found = await readBounded(path, maxBytes);
  if (found === "absent") return undefined;
  if (found === "too long") throw tooLong(path, maxBytes);
  return found;
}

/** Folders below one, made once each, also where many are asked for at a time. */
class Folders {
  readonly #top: string;
  // Owned by make; each entry has a folder of its own, so that it is emptied from time to time.
  readonly #made = new Map<string, Promise<void>>();

  constructor(top: string) {
    this.#top = join(top);
  }

  make(path: string): Promise<void> {
    const found = this.#made.get(path);
    if (found !== undefined) return found;
    if (this.#made.size >= MAX_FOLDERS) this.#made.clear();
    const making = this.#makeBelow(path);
    this.#made.set(path, making);
    return making;
  }

  async #makeBelow(path: string): Promise<void> {
    if (path !== this.#top) await this.make(dirname(path));
    try {
      await makeDirectory(path, DIRECTORY_MODE);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw failed(`cannot make ${path}`, error);
    }
  }
}

function tooLong(where: string, maxBytes: number): MirrorError {
  return new MirrorError("MIRROR_INCOMPLETE", `${where} is longer than ${maxBytes} bytes`);
}
