import { createServer } from "node:http";
import type {
  IncomingMessage,
  RequestListener,
  Server,
  ServerOptions,
  ServerResponse,
} from "node:http";
import type { Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";

import { createApp } from "./app.js";
import type { AppOptions } from "./app.js";
import { bootingApp } from "./booting.js";
import { ServerError } from "./error.js";
import { markUnmet } from "./expectation.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { onOver } from "./over.js";
import { PROBLEM_MEDIA_TYPE, encodeProblem, problemOf } from "./problem.js";
import type { Problem } from "./problem.js";
import type { RequestLog } from "./request-log.js";
import type { TransparencyService } from "./service.js";
import { createTlsServer, reloadTls } from "./tls.js";
import type { TlsMaterial } from "./tls.js";

/** Where to listen, and how. */
export interface BindOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Longest time that a stop waits for requests under way, in milliseconds; 5,000 by default. */
  readonly stopGraceMs?: number;
  /** Longest time for the headers of a request, in milliseconds; as in DEFAULT_LIMITS by default. */
  readonly headersTimeoutMs?: number;
  /** Speaks TLS with it; plain HTTP unless given. */
  readonly tls?: TlsMaterial;
  /** Where requests are told of until there is a service; nowhere unless given. */
  readonly log?: RequestLog;
}

/** Where to listen, and what with. */
export interface ListenOptions extends AppOptions, BindOptions {}

/** A server that accepts requests. */
export interface RunningServer {
  /** `http://host:port` or `https://host:port`, as bound. */
  readonly url: string;
  /**
   * Has new connections use other material; see `reloadTls`.
   *
   * Throws what the TLS library says about unusable material; TypeError without TLS.
   */
  reload(tls: TlsMaterial): void;
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

/** A server that accepts requests, and says that it is starting until there is a service. */
export interface BootingServer extends RunningServer {
  /** Serves a service from here on. */
  open(service: TransparencyService, options?: AppOptions): void;
}

/**
 * Serves the service over HTTP until closed.
 *
 * Rejects with the system's error when the address cannot be bound.
 */
export async function serve(
  service: TransparencyService,
  { host, port, stopGraceMs, tls, ...options }: ListenOptions,
): Promise<RunningServer> {
  const { headersTimeoutMs } = { ...DEFAULT_LIMITS, ...options.limits };
  const given = { ...(stopGraceMs !== undefined && { stopGraceMs }), ...(tls && { tls }) };
  const server = await listen({ host, port, headersTimeoutMs, ...given });
  server.open(service, options);
  return server;
}

/**
 * Accepts requests before there is a service to answer them, so that whoever watches can tell a start
 * from a failure.
 *
 * Rejects with the system's error when the address cannot be bound, or with what the TLS library says
 * about unusable material.
 */
export async function listen(options: BindOptions): Promise<BootingServer> {
  const { host, port, stopGraceMs = STOP_GRACE_MS, tls } = options;
  const limits = limitsOf(options);
  const secure = tls === undefined ? undefined : createTlsServer(tls, limits);
  const server = secure ?? createServer(limits);
  // Owned by open.
  let app = bootingApp(options.log);
  // Owned by this server's listeners: the answers that are still to be given, and what they go over.
  const running = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const answer: RequestListener = (request, response) => {
    running.add(response);
    onOver(response, () => running.delete(response));
    app(request, response);
  };
  server.on("request", answer);
  // Node would refuse an unknown Expect without a body.
  server.on("checkExpectation", (request, response) => {
    markUnmet(request);
    response.setHeader("connection", "close");
    answer(request, response);
  });
  server.on("clientError", refuseConnection);
  server.on("connect", refuseTunnel);
  await bind(server, host, port);
  return {
    url: urlOf(server, secure === undefined ? "http" : "https"),
    open: (service, appOptions) => {
      const { bodyTimeoutMs } = { ...DEFAULT_LIMITS, ...appOptions?.limits };
      app = createApp(service, appOptions);
      const watching = watchReaders(running, bodyTimeoutMs);
      server.once("close", () => {
        clearInterval(watching);
      });
    },
    reload: (material) => {
      reload(secure, material);
    },
    close: () => stop(server, { running, sockets, stopGraceMs }),
  };
}

/**
 * Hangs up on readers who take nothing of what there is for them for too long, whatever kind of answer
 * it is. Who merely waits for an answer has nothing to take.
 */
function watchReaders(running: ReadonlySet<ServerResponse>, stallMs: number): NodeJS.Timeout {
  const seen = new WeakMap<Socket, { readonly mark: string; readonly at: number }>();
  const look = (): void => {
    const now = performance.now();
    for (const { socket } of running) {
      if (socket === null || socket.writableLength === 0) continue;
      const mark = `${socket.bytesWritten} ${socket.writableLength}`;
      const before = seen.get(socket);
      if (before?.mark !== mark) seen.set(socket, { mark, at: now });
      else if (now - before.at >= stallMs) socket.destroy();
    }
  };
  return setInterval(look, Math.max(stallMs / 4, 1)).unref();
}

function limitsOf({
  headersTimeoutMs = DEFAULT_LIMITS.headersTimeoutMs,
}: BindOptions): ServerOptions {
  return {
    // The application has its own limit for bodies, for some of them may take long.
    requestTimeout: 0,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, headersTimeoutMs),
    // Node would refuse a missing Host without a body; the application does it with a problem (S1).
    requireHostHeader: false,
  };
}

function reload(server: TlsServer | undefined, material: TlsMaterial): void {
  if (server === undefined) throw new TypeError("this server speaks no TLS");
  reloadTls(server, material);
}

function urlOf(server: Server, scheme: string): string {
  const { address, family, port } = server.address() as AddressInfo;
  const name = family === "IPv6" ? `[${address}]` : address;
  return `${scheme}://${name}:${port}`;
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
  readonly sockets: ReadonlySet<Socket>;
  readonly stopGraceMs: number;
}

function stop(server: Server, { running, sockets, stopGraceMs }: Stopping): Promise<void> {
  return new Promise((resolve) => {
    // Node stops watching its own time limits once a server closes.
    const deadline = setTimeout(() => {
      server.closeAllConnections();
      // Those as well that are still in their handshake.
      for (const socket of sockets) socket.destroy();
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

// CONNECT never reaches a handler.
function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  endWithProblem(socket, problemOf(new ServerError("SERVER_METHOD", "this is no proxy")));
}

// What Node refuses before any handler runs; S1 holds for it too.
function refuseConnection(error: Error & { code?: string }, socket: Duplex): void {
  // Where TLS has failed there is no way to say anything.
  const isOfTls = "encrypted" in socket && !/^(HPE|ERR_HTTP)_/.test(error.code ?? "");
  if (!socket.writable || error.code === "ECONNRESET" || isOfTls) {
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
