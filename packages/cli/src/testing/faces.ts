import { createServer, request as forward } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A service at one address that chooses by its client which of two real services answers. */
export class Faces {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Shows `one` to whoever has the token, and `all` to everybody else. */
  static async serve(all: string, one: string, token: string): Promise<Faces> {
    const server = createServer((request, response) => {
      const isOne = request.headers.authorization === `Bearer ${token}`;
      pass(request, response, isOne ? one : all);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Faces(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function pass(request: IncomingMessage, response: ServerResponse, url: string): void {
  const { method, headers } = request;
  const asked = forward(`${url}${request.url ?? "/"}`, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  asked.on("error", () => response.destroy());
  request.pipe(asked);
}
