import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** What a hostile witness does with a request whose body it has read. */
export type Behaviour = (
  response: ServerResponse,
  request: { readonly url: string; readonly body: string },
) => void;

/** A server that answers as it is told and keeps what it was asked. */
export class HostileWitness {
  readonly url: string;
  /** The bodies of the requests, in order. */
  readonly bodies: string[] = [];
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${String(port)}`;
  }

  static async start(behave: Behaviour): Promise<HostileWitness> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const hostile = new HostileWitness(server, port);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      response.on("error", () => undefined);
      request.on("error", () => undefined);
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        hostile.bodies.push(body);
        behave(response, { url: request.url ?? "", body });
      });
    });
    return hostile;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }
}
