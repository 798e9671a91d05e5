import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { ServerError } from "./error.js";
import { PROBLEM_MEDIA_TYPE, encodeProblem, problemOf } from "./problem.js";
import type { Reply } from "./route.js";
import { REQUEST_ID_HEADER, visitOf } from "./visit.js";
import type { Visit } from "./visit.js";

/** Headers of every answer. */
export const COMMON_HEADERS = {
  "x-content-type-options": "nosniff",
  // Everything served is public and needs no credentials, so pages of any origin may read it.
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "location, retry-after, x-request-id",
} as const;

/** How an answer is sent. */
export interface Sending {
  /** Sends the headers alone. */
  readonly isHead?: boolean;
  /** Told of what goes wrong once the answer has begun, but for readers who leave. */
  readonly onDefect?: ((error: unknown) => void) | undefined;
}

/**
 * Sends an answer. Parts are made as fast as they are read. After an error among them the connection
 * is cut: an answer that looks whole is whole (I5).
 */
export function sendReply(
  response: ServerResponse,
  { status, headers, body }: Reply,
  { isHead = false, onDefect }: Sending = {},
): void {
  const all: OutgoingHttpHeaders = { ...COMMON_HEADERS, ...headers };
  const visit = visitOf(response.req);
  if (visit !== undefined) all[REQUEST_ID_HEADER] = visit.id;
  // 204 has no body, no type and no length (SCRAPI-11 §2.4.2).
  if (status === 204) {
    response.writeHead(status, all).end();
    return;
  }
  if (body instanceof Uint8Array) {
    all["content-length"] = body.length;
    if (visit !== undefined && !isHead) visit.bytes = body.length;
    response.writeHead(status, all).end(isHead ? undefined : body);
    return;
  }
  response.writeHead(status, all);
  if (isHead) response.end();
  else void sendParts(response, counted(body, visit), onDefect);
}

async function* counted(
  parts: AsyncIterable<Uint8Array>,
  visit: Visit | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const part of parts) {
    if (visit !== undefined) visit.bytes += part.length;
    yield part;
  }
}

async function sendParts(
  response: ServerResponse,
  parts: AsyncIterable<Uint8Array>,
  onDefect: Sending["onDefect"],
): Promise<void> {
  try {
    // One part waits at most; the reader's pace is everyone's.
    await pipeline(Readable.from(parts, { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if (!isDeparture(error)) onDefect?.(error);
  }
}

// Whoever reads may hang up at any time, and that is nothing to be told about.
function isDeparture(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ECONNRESET" || code === "EPIPE";
}

/** Told of a defect, and of the request that it was found by. */
export type OnDefect = (error: unknown, id?: string) => void;

/** Makes the answer to what was thrown: a concise problem (S1), with the request's id in it. */
export function refusalReply(error: unknown, onDefect?: OnDefect, id?: string): Reply {
  const problem = problemOf(error);
  const { status, retryAfter, challenge } = problem;
  if (status === 500) onDefect?.(error, id);
  const retry = retryAfter === undefined ? {} : { "retry-after": `${retryAfter}` };
  const asked = challenge === undefined ? {} : { "www-authenticate": challenge };
  const common = { "content-type": PROBLEM_MEDIA_TYPE, "cache-control": "no-store" };
  const headers = { ...common, ...retry, ...asked };
  return { status, headers, body: encodeProblem(problem, id) };
}

/**
 * Yields scheme and authority by which a client reached the service over this connection.
 *
 * @throws {@link ServerError} `SERVER_REQUEST_MALFORMED`
 */
export function originOf(request: IncomingMessage): string {
  const { host = "" } = request.headers;
  let hosts = 0;
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    if (request.rawHeaders[i]?.toLowerCase() === "host") hosts++;
  }
  const scheme = "encrypted" in request.socket ? "https" : "http";
  const url = `${scheme}://${host}`;
  // What is reflected into Location is a host and a port, and nothing that merely looks like one.
  if (hosts === 1 && /^[A-Za-z0-9.\-:[\]]{1,255}$/.test(host) && URL.canParse(url)) return url;
  throw new ServerError("SERVER_REQUEST_MALFORMED", "the Host header is missing or broken");
}
