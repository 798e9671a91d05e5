import { createServer, request as forward } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An answer that a proxy passes on. */
export interface Passed {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** What a proxy makes of an answer. */
export type Meddle = (answer: Passed, path: string) => Passed;

/** What says how long the body was before. */
const FRAMING: ReadonlySet<string> = new Set(["content-length", "transfer-encoding"]);

/** A proxy before a real service that passes answers on as it likes. */
export class Meddling {
  readonly url: string;
  /** What it does, from the next answer on. */
  meddle: Meddle = (answer) => answer;
  readonly #server: Server;

  private constructor(server: Server, service: string) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#pass(service, request, response);
    });
  }

  static async before(service: string): Promise<Meddling> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Meddling(server, service);
  }

  #pass(service: string, request: IncomingMessage, response: ServerResponse): void {
    const { method, headers, url = "/" } = request;
    const asked = forward(`${service}${url}`, { method, headers }, (answer) => {
      const parts: Uint8Array[] = [];
      answer.on("data", (part: Uint8Array) => parts.push(part));
      answer.on("end", () => {
        const { statusCode: status = 502, headers: sent } = answer;
        const made = this.meddle({ status, headers: sent, body: Buffer.concat(parts) }, url);
        const left = Object.entries(made.headers).filter(([name]) => !FRAMING.has(name));
        response.writeHead(made.status, Object.fromEntries(left)).end(made.body);
      });
    });
    asked.on("error", () => response.destroy());
    request.pipe(asked);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
