import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

import { ClientError, exchange } from "@tallystick/client";

import { failed, isThere, syncDirectory } from "./file.js";
import { parseServiceUrl } from "./naming.js";
import type { Output } from "./output.js";
import { statusCode } from "./read-source.js";

/** Something that a monitor tells of: one JSON object, and a line for people. */
export interface Told {
  readonly event: Readonly<Record<string, unknown>>;
  readonly line: string;
}

/** Where it is told; resolves once it is delivered. */
export type Teller = (told: Told) => Promise<void>;

const ATTEMPTS = 4;
const FIRST_WAIT_MS = 250;
const WEBHOOK_TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;

/** Tells on standard output: lines for people, or objects. */
export function tellOutput(output: Output, isJson: boolean): Teller {
  return ({ event, line }) => {
    if (isJson) output.printJson(event);
    else output.print(line);
    return Promise.resolve();
  };
}

/**
 * Tells at the end of a file, one object a line, each on disk before it counts as told. A line that a
 * crash cut short is ended first.
 *
 * Rejects with {@link CliError} `CLI_FILE_FAILED`.
 */
export function tellFile(path: string): Teller {
  return async ({ event }) => {
    try {
      const isNew = !(await isThere(path));
      const file = await open(path, "a+");
      try {
        const end = await endOf(file);
        await file.appendFile(`${end}${JSON.stringify(event)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      if (isNew) await syncDirectory(dirname(path));
    } catch (error) {
      throw failed(`cannot write ${path}`, error);
    }
  };
}

/**
 * Posts each object to an address, which takes it with a status of 2xx. What it does not take is posted
 * again a few times; redirects are not followed.
 *
 * Rejects with {@link ClientError} `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`, `CLIENT_REFUSED`,
 * `CLIENT_UNAVAILABLE`.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function tellWebhook(address: string, ask: typeof fetch = fetch): Teller {
  const url = parseServiceUrl("--webhook", address).href;
  const { host } = new URL(url);
  return async ({ event }) => {
    const body = new TextEncoder().encode(JSON.stringify(event));
    for (let attempt = 1; ; attempt++) {
      const failure = await post(url, body, ask);
      if (failure === undefined) return;
      if (attempt === ATTEMPTS) {
        throw new ClientError(failure.code, `the webhook at ${host}: ${failure.message}`, {
          cause: failure,
        });
      }
      await wait(FIRST_WAIT_MS * 2 ** (attempt - 1));
    }
  };
}

async function post(
  url: string,
  body: Uint8Array,
  ask: typeof fetch,
): Promise<ClientError | undefined> {
  const posted = { mediaType: "application/json", body };
  const request = { url, accept: "*/*", maxBytes: MAX_ANSWER_BYTES, post: posted };
  try {
    const { status } = await exchange(request, {
      ...{ fetch: ask, timeoutMs: WEBHOOK_TIMEOUT_MS, now: () => Date.now() },
    });
    if (status >= 200 && status < 300) return undefined;
    return new ClientError(statusCode(status), `status ${status}`);
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
}

async function endOf(file: Awaited<ReturnType<typeof open>>): Promise<string> {
  const { size } = await file.stat();
  if (size === 0) return "";
  const { buffer } = await file.read(new Uint8Array(1), 0, 1, size - 1);
  return buffer[0] === 0x0a ? "" : "\n";
}
