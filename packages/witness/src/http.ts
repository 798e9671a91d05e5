import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";

import { isFault, refusalAnswer, textAnswer } from "./answer.js";
import type { Answer } from "./answer.js";
import { readBody } from "./body.js";
import { WitnessError } from "./error.js";
import type { Witness } from "./witness.js";

/** What can be chosen about serving; times are in milliseconds. */
export interface ServingOptions {
  /** Path before the resources, such as `/w1`; none by default. */
  readonly prefix?: string;
  /** Most requests at work at once, 64 by default; more are answered with 503. */
  readonly maxRequests?: number;
  /** Longest body, 131,072 bytes by default: a checkpoint of 16 ML-DSA signatures has 56,000. */
  readonly maxBodyBytes?: number;
  /** Time for a body to arrive, 10 s by default. */
  readonly bodyTimeoutMs?: number;
  /** Told of defects, damage and a clock that is behind; the client is not told what is wrong. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * Yields a handler for `node:http` that serves a witness: `POST add-checkpoint`, and
 * `GET HASH/checkpoint`, where HASH is the SHA-256 of the origin in hex.
 */
export function witnessHandler(witness: Witness, options: ServingOptions = {}): RequestListener {
  const { maxRequests = 64, onFault = () => undefined } = options;
  let atWork = 0;
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    if (atWork >= maxRequests) {
      return refusalAnswer(new WitnessError("WITNESS_BUSY", "too many requests at once"));
    }
    atWork += 1;
    try {
      return await route(witness, request, options);
    } catch (error) {
      if (isFault(error)) onFault(error);
      return refusalAnswer(error);
    } finally {
      atWork -= 1;
    }
  };
  return (request, response) => {
    // A client that hangs up is no defect.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    void answer(request).then((each) => {
      send(request, response, each);
    });
  };
}

async function route(
  witness: Witness,
  request: IncomingMessage,
  options: ServingOptions,
): Promise<Answer> {
  const { prefix = "", maxBodyBytes = 131_072, bodyTimeoutMs = 10_000 } = options;
  const { url = "", method = "" } = request;
  const path = url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : "";
  if (path === "/add-checkpoint") {
    requireMethod(method, ["POST"]);
    const limits = { maxBytes: maxBodyBytes, timeoutMs: bodyTimeoutMs };
    return textAnswer(await witness.addCheckpoint(await readBody(request, limits)));
  }
  const hash = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path)?.[1];
  if (hash === undefined) {
    throw new WitnessError("WITNESS_ROUTE_UNKNOWN", "there is no such resource");
  }
  requireMethod(method, ["GET", "HEAD"]);
  return textAnswer(await witness.checkpoint(hash));
}

function requireMethod(method: string, allowed: readonly string[]): void {
  if (allowed.includes(method)) return;
  throw new WitnessError("WITNESS_METHOD", `want ${allowed.join(" or ")}`);
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, headers, body } = answer;
  if (response.destroyed) return;
  // What was not read of the body would be taken for the next request, or kept coming for ever.
  const isUnread = !request.complete;
  response.writeHead(status, {
    ...headers,
    "content-length": String(body.length),
    ...(status === 405 && {
      allow: request.url?.endsWith("/checkpoint") === true ? "GET, HEAD" : "POST",
    }),
    ...(isUnread && { connection: "close" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** A witness that accepts requests. */
export interface RunningWitness {
  /** Where it listens, with the prefix. */
  readonly url: string;
  /** Takes no more requests, and resolves when those at work are answered. */
  close(): Promise<void>;
}

/** Where to listen. */
export interface Listening {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 512;

/** Serves a witness. Rejects with what the system says where it cannot listen. */
export async function serveWitness(
  witness: Witness,
  { host, port }: Listening,
  options: ServingOptions = {},
): Promise<RunningWitness> {
  const server = createServer(witnessHandler(witness, options));
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = HEADERS_TIMEOUT_MS + (options.bodyTimeoutMs ?? 10_000);
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}${options.prefix ?? ""}`,
    close: () => closeServer(server),
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
  });
}
