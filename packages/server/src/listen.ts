import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import { createApp } from "./app.js";
import type { AppOptions } from "./app.js";
import { ServerError } from "./error.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { PROBLEM_MEDIA_TYPE, encodeProblem, problemOf } from "./problem.js";
import type { Problem } from "./problem.js";
import type { TransparencyService } from "./service.js";

/** Where to listen. */
export interface ListenOptions extends AppOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Longest time that a stop waits for requests under way, in milliseconds; 5,000 by default. */
  readonly stopGraceMs?: number;
}

/** A server that accepts requests. */
export interface RunningServer {
  /** `http://host:port`, as bound. */
  readonly url: string;
  /**
   * Stops accepting, lets the requests that run finish within the grace, then hangs up on the rest
   * and resolves. The service stays open.
   */
  close(): Promise<void>;
}

/** How long a stop waits for a sender who has stalled, in milliseconds. */
const STOP_GRACE_MS = 5_000;

/** How often connections are looked at for headers that are late, in milliseconds. */
const CHECK_EVERY_MS = 1000;

/**
 * Serves the service over HTTP until closed.
 *
 * Rejects with the system's error when the address cannot be bound.
 */
export async function serve(
  service: TransparencyService,
  { host, port, stopGraceMs = STOP_GRACE_MS, ...options }: ListenOptions,
): Promise<RunningServer> {
  const app = createApp(service, options);
  const { headersTimeoutMs } = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createServer({
    // The application has its own limit for bodies, for some of them may take long.
    requestTimeout: 0,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, headersTimeoutMs),
    // Node would refuse a missing Host without a body; the application does it with a problem (S1).
    requireHostHeader: false,
  });
  // Owned by this server's request listener: the answers that are still to be given.
  const running = new Set<ServerResponse>();
  server.on("request", (request, response) => {
    running.add(response);
    response.on("close", () => running.delete(response));
    app(request, response);
  });
  server.on("checkExpectation", refuseExpectation);
  server.on("clientError", refuseConnection);
  server.on("connect", refuseTunnel);
  await bind(server, host, port);
  const { address, family, port: bound } = server.address() as AddressInfo;
  const name = family === "IPv6" ? `[${address}]` : address;
  return { url: `http://${name}:${bound}`, close: () => stop(server, { running, stopGraceMs }) };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

interface Stopping {
  readonly running: ReadonlySet<ServerResponse>;
  readonly stopGraceMs: number;
}

function stop(server: Server, { running, stopGraceMs }: Stopping): Promise<void> {
  return new Promise((resolve) => {
    // Node stops watching its own time limits once a server closes.
    const deadline = setTimeout(() => {
      server.closeAllConnections();
    }, stopGraceMs);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
    // A kept connection would hold the stop up until it times out.
    for (const response of running) {
      if (!response.headersSent) response.setHeader("connection", "close");
    }
  });
}

// An unknown Expect, which Node would refuse without a body.
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const problem = problemOf(
    new ServerError("SERVER_EXPECTATION", "leave the Expect header out, or expect 100-continue"),
  );
  const body = encodeProblem(problem);
  response.writeHead(problem.status, {
    "content-type": PROBLEM_MEDIA_TYPE,
    "content-length": body.length,
    connection: "close",
  });
  response.end(body);
}

// CONNECT never reaches a handler.
function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  endWithProblem(socket, problemOf(new ServerError("SERVER_METHOD", "this is no proxy")));
}

// What Node refuses before any handler runs; S1 holds for it too.
function refuseConnection(error: Error & { code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const isLate = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const problem = problemOf(
    isLate
      ? new ServerError("SERVER_REQUEST_TIMEOUT", "send it without pause")
      : new ServerError("SERVER_REQUEST_MALFORMED", "not an HTTP request"),
  );
  endWithProblem(socket, problem);
}

function endWithProblem(socket: Duplex, problem: Problem): void {
  const body = encodeProblem(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  socket.end(body);
}
