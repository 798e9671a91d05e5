import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { hasBody } from "./body.js";
import { conditional } from "./conditional.js";
import { ServerError } from "./error.js";
import { onOver } from "./over.js";
import { PROBLEM_MEDIA_TYPE, encodeProblem, problemOf } from "./problem.js";
import type { Reply } from "./route.js";
import { REQUEST_ID_HEADER, visitOf } from "./visit.js";
import type { Visit } from "./visit.js";

/** Headers of every answer. */
export const COMMON_HEADERS = {
  "x-content-type-options": "nosniff",
  // Everything served is public and needs no credentials, so pages of any origin may read it.
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "etag, location, preference-applied, retry-after, x-request-id",
} as const;

/** How an answer is sent. */
export interface Sending {
  /** Sends the headers alone. */
  readonly isHead?: boolean;
  /** Told of what goes wrong once the answer has begun, but for readers who leave. */
  readonly onDefect?: ((error: unknown) => void) | undefined;
  /** Longest time in which a reader of parts takes none, in milliseconds. */
  readonly stallMs?: number;
}

/** Longest body, in bytes, that is read to its end although its request was refused. */
const MAX_SPARED = 65_536;

/** How much longer a refused sender is listened to, so that it finds time to read the answer. */
const LINGER = { ms: 2000, bytes: 4_194_304 } as const;

/** Longest body that is sent in one piece. */
const WHOLE_BYTES = 65_536;

/** Longest time in which a reader takes nothing. */
const STALL_MS = 30_000;

/**
 * Sends an answer. Parts are made as fast as they are read. After an error among them the connection
 * is cut: an answer that looks whole is whole (I5).
 */
export function sendReply(
  response: ServerResponse,
  reply: Reply,
  { isHead = false, onDefect, stallMs = STALL_MS }: Sending = {},
): void {
  if (reply.onOver !== undefined) onOver(response, reply.onOver);
  const { status, headers, body } = conditional(response.req, reply);
  const all: OutgoingHttpHeaders = { ...COMMON_HEADERS, ...headers };
  const visit = visitOf(response.req);
  if (visit !== undefined) all[REQUEST_ID_HEADER] = visit.id;
  const isEarly = hasBody(response.req) && !response.req.complete;
  // 204 has no body, no type and no length (SCRAPI-11 §2.4.2); nor has 304 (RFC 9110 §15.4.5).
  if (status === 204 || status === 304) {
    response.writeHead(status, all).end();
    return;
  }
  if (body instanceof Uint8Array && (body.length <= WHOLE_BYTES || isHead || isEarly)) {
    all["content-length"] = body.length;
    if (visit !== undefined && !isHead) visit.bytes = body.length;
    if (isEarly) sendEarly(response, { status, headers: all, body });
    else response.writeHead(status, all).end(isHead ? undefined : body);
    return;
  }
  const isWhole = body instanceof Uint8Array;
  if (isWhole) all["content-length"] = body.length;
  response.writeHead(status, all);
  const parts = isWhole ? piecesOf(body) : body;
  if (isHead) response.end();
  else void sendParts(response, counted(parts, visit), { onDefect, stallMs });
}

// In pieces, so that it shows whether the reader takes any.
function* piecesOf(body: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < body.length; at += WHOLE_BYTES) yield body.subarray(at, at + WHOLE_BYTES);
}

async function* counted(
  parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  visit: Visit | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const part of parts) {
    if (visit !== undefined) visit.bytes += part.length;
    yield part;
  }
}

// Before the body is there. A short one may still come, so that the connection can be kept; a long one
// is cut off, but not at once: a reset would overtake the answer.
function sendEarly(
  response: ServerResponse,
  { status, headers, body }: { status: number; headers: OutgoingHttpHeaders; body: Uint8Array },
): void {
  const request = response.req;
  const isSpared = Number(request.headers["content-length"] ?? Infinity) <= MAX_SPARED;
  if (isSpared) response.writeHead(status, headers).end(body);
  else response.writeHead(status, { ...headers, connection: "close" }).write(body);
  linger(request, (isWhole) => {
    // Closes behind the answer, all of which has been sent.
    if (!isSpared) response.end();
    else if (!isWhole) request.socket.destroy();
  });
}

/** Reads on for a moment and throws away what comes, then tells whether that was all. */
function linger(request: IncomingMessage, tell: (isWhole: boolean) => void): void {
  let left: number = LINGER.bytes;
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    tell(request.complete);
  };
  const timer = setTimeout(end, LINGER.ms);
  request.on("data", (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) end();
  });
  request.once("end", end).once("close", end);
  request.on("error", () => undefined);
  request.resume();
}

async function sendParts(
  response: ServerResponse,
  parts: AsyncIterable<Uint8Array>,
  { onDefect, stallMs }: { onDefect: Sending["onDefect"]; stallMs: number },
): Promise<void> {
  const taken = impatient(parts, stallMs, () => response.destroy());
  try {
    // One part waits at most; the reader's pace is everyone's.
    await pipeline(Readable.from(taken, { objectMode: true, highWaterMark: 1 }), response);
  } catch (error) {
    if (!isDeparture(error)) onDefect?.(error);
  }
  const { req: request } = response;
  if (!hasBody(request) || request.complete) return;
  // All has been said, whatever may still be on its way.
  linger(request, () => request.socket.destroy());
}

async function* impatient(
  parts: AsyncIterable<Uint8Array>,
  stallMs: number,
  giveUp: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const part of parts) {
    const timer = setTimeout(giveUp, stallMs);
    try {
      yield part;
    } finally {
      clearTimeout(timer);
    }
  }
}

// Whoever reads may hang up at any time, and that is nothing to be told about.
function isDeparture(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error && error.code;
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

const HOST = "host";

// Owned by originOf: the last one that was found good, for most requests name the same.
let knownOrigin = "";

/**
 * Yields scheme and authority by which a client reached the service over this connection.
 *
 * @throws {@link ServerError} `SERVER_REQUEST_MALFORMED`
 */
export function originOf(request: IncomingMessage): string {
  const { host = "" } = request.headers;
  let hosts = 0;
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i];
    if (name?.length === HOST.length && name.toLowerCase() === HOST) hosts++;
  }
  const scheme = "encrypted" in request.socket ? "https" : "http";
  const url = `${scheme}://${host}`;
  // What is reflected into Location is a host and a port, and nothing that merely looks like one.
  if (hosts === 1 && (url === knownOrigin || isOrigin(host, url))) return (knownOrigin = url);
  throw new ServerError("SERVER_REQUEST_MALFORMED", "the Host header is missing or broken");
}

function isOrigin(host: string, url: string): boolean {
  return /^[A-Za-z0-9.\-:[\]]{1,255}$/.test(host) && URL.canParse(url);
}
