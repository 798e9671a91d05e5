import { createServer } from "node:http";
import type { Server } from "node:http";

import { InvalidArgumentError } from "commander";

import { cannotListen, parsePort } from "./listening.js";
import type { MonitorMetrics } from "./monitor-metrics.js";

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Connections that are taken at once, how long a request may take to come, and how often that is looked at. */
const MAX_CONNECTIONS = 16;
const REQUEST_MS = 5000;
const CHECK_MS = 1000;

/** Reads an address from the command line: a host, in brackets if it has colons, and a port. */
export function parseAddress(text: string): MetricsAddress {
  const [, bracketed, bare, port] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):([0-9]+)$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined || port === undefined) throw new InvalidArgumentError("want HOST:PORT.");
  return { host, port: parsePort(port) };
}

/** Answers `GET /metrics` and nothing else, at an address of the operator's choice. */
export class MetricsServer {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /**
   * Begins to answer; `undefined` without an address.
   *
   * @throws {@link CliError} `CLI_LISTEN_FAILED`
   */
  static async open(
    address: MetricsAddress | undefined,
    metrics: MonitorMetrics,
  ): Promise<MetricsServer | undefined> {
    if (address === undefined) return undefined;
    const server = createServer({
      ...{ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
      connectionsCheckingInterval: CHECK_MS,
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.on("request", (request, response) => {
      const { method, url } = request;
      request.resume();
      const isRead = method === "GET" || method === "HEAD";
      const status = url !== "/metrics" ? 404 : isRead ? 200 : 405;
      const type = status === 200 ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain";
      const text = status === 200 ? metrics.format() : `status ${status}\n`;
      // Whoever asks again makes a connection again: none is held for nobody.
      response
        .writeHead(status, {
          "content-type": type,
          connection: "close",
          "cache-control": "no-store",
        })
        .end(method === "HEAD" ? undefined : text);
    });
    await listening(server, address);
    const bound = server.address();
    const { address: host = "", port = 0 } =
      typeof bound === "object" && bound !== null ? bound : {};
    const name = host.includes(":") ? `[${host}]` : host;
    return new MetricsServer(server, `http://${name}:${port}/metrics`);
  }

  /** Ends, whoever is being answered. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

async function listening(server: Server, address: MetricsAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      reject(cannotListen(address, cause));
    });
    server.listen(address.port, address.host, resolve);
  });
  // One connection that cannot be taken, as with too many files open, is no reason to end the monitor.
  server.removeAllListeners("error").on("error", () => undefined);
}
