import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Answers in place of a file, and yields whether it did. */
export type Twist = (path: string, response: ServerResponse, request: IncomingMessage) => boolean;

/** Yields the type that docs/formats/read-path.md asks a web server for. */
function typeOf(path: string): string {
  if (path === "checkpoint" || path.startsWith("notes/")) return "text/plain; charset=utf-8";
  if (path.startsWith("tile/")) return "application/octet-stream";
  if (path.startsWith("statements/")) return "application/cose";
  const isJson = path === "version" || path.startsWith("policies/");
  return isJson ? "application/json" : "application/cbor";
}

/** A web server with files, as it stands before an export; `twist` makes it lie. */
export class Web {
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  readonly #server: Server;

  private constructor(server: Server, asked: readonly string[]) {
    this.#server = server;
    this.asked = asked;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async serve(folder: string, twist: Twist = () => false): Promise<Web> {
    const asked: string[] = [];
    const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const path = (request.url ?? "/").slice(1);
      asked.push(path);
      if (twist(path, response, request)) return;
      try {
        const body = await readFile(join(folder, path));
        response.writeHead(200, { "content-type": typeOf(path) }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    };
    const server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Web(server, asked);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
