import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

import { ServiceClient } from "../service.js";
import type { ClientOptions } from "../options.js";

/** A real server on the loopback interface, one at a time. */
export class LoopbackServer {
  // Owned by clientOf and stop.
  #server: Server | undefined;

  /** Starts a server and yields a client of it. */
  async clientOf(listener: RequestListener, options: ClientOptions = {}): Promise<ServiceClient> {
    const started = createServer(listener);
    this.#server = started;
    await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
    const { port } = started.address() as AddressInfo;
    return new ServiceClient(`http://127.0.0.1:${port}`, options);
  }

  /** Breaks all connections; what has stopped already is left as it is. */
  async stop(): Promise<void> {
    const running = this.#server;
    this.#server = undefined;
    if (running?.listening !== true) return;
    running.closeAllConnections();
    await new Promise<void>((resolve) => {
      running.close(() => {
        resolve();
      });
    });
  }
}
