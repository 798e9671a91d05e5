import type { IncomingMessage } from "node:http";

import { Accumulator } from "@tallystick/cose";

import { ServerError } from "./error.js";

/** What bounds a body. */
export interface BodyLimits {
  /** Most bytes of it. */
  readonly maxBytes: number;
  /** Longest time for all of it, in milliseconds. */
  readonly timeoutMs: number;
}

/** Yields whether a request has a body, whether or not it has arrived. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/**
 * Yields how long the body says it is, `undefined` where it does not say.
 *
 * @throws {@link ServerError} `SERVER_BODY_TOO_LARGE`, `SERVER_MEDIA_TYPE` where it is compressed
 */
export function declaredLength({ headers }: IncomingMessage, maxBytes: number): number | undefined {
  const { "content-encoding": encoding = "identity", "content-length": length } = headers;
  if (encoding.toLowerCase() !== "identity") {
    throw new ServerError("SERVER_MEDIA_TYPE", "send the body uncompressed");
  }
  if (length === undefined) return undefined;
  if (Number(length) > maxBytes) throw tooLarge();
  return Number(length);
}

/**
 * Reads a body whole. Stops reading where it is too long or too slow. Where the connection breaks it
 * never settles: the response closes with it, and there is nobody left to be told.
 *
 * @throws {@link ServerError} `SERVER_BODY_TOO_LARGE`, `SERVER_REQUEST_TIMEOUT`
 */
export function readBody(
  request: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const body = new Accumulator();
    const stop = (): void => {
      clearTimeout(timer);
      request.off("data", take).off("end", finish).pause();
    };
    const take = (chunk: Buffer): void => {
      body.add(chunk);
      if (body.length <= maxBytes) return;
      stop();
      reject(tooLarge());
    };
    const finish = (): void => {
      clearTimeout(timer);
      resolve(body.bytes());
    };
    const timer = setTimeout(() => {
      stop();
      reject(new ServerError("SERVER_REQUEST_TIMEOUT", "send it without pause"));
    }, timeoutMs);
    request.on("data", take).once("end", finish);
    request.once("close", () => {
      clearTimeout(timer);
    });
    request.on("error", () => undefined);
  });
}

/**
 * Yields the parts of a body as they come, none read before it is asked for. A sender may be as slow
 * as whoever takes the parts, but must not fall silent for `timeoutMs`.
 *
 * Rejects with the system's error where the connection breaks.
 *
 * @throws {@link ServerError} `SERVER_REQUEST_TIMEOUT`
 */
export async function* receiveParts(
  request: IncomingMessage,
  timeoutMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The request must outlive the reading, or there would be no connection to answer on.
  const parts = request.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = parts.next() as Promise<IteratorResult<Uint8Array, undefined>>;
    const part = await inTime(next, timeoutMs);
    if (part.done === true) return;
    yield part.value;
  }
}

async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new ServerError("SERVER_REQUEST_TIMEOUT", "send it without pause"));
    }, timeoutMs);
  });
  // What comes after the time is up concerns nobody any more.
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(): ServerError {
  return new ServerError("SERVER_BODY_TOO_LARGE", "see the policy's maxStatementBytes");
}
