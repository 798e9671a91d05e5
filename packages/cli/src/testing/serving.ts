import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { createApp } from "@tallystick/server";

import { ServiceDirectory } from "../directory.js";
import { openService } from "../opening.js";

/** Serves a directory from this process for as long as `act` takes. */
export async function serving<T>(dir: string, act: (url: string) => Promise<T>): Promise<T> {
  const service = await openService(await ServiceDirectory.open(dir), { advice: "in use" });
  const server = createServer(createApp(service));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  try {
    return await act(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    await service.close();
  }
}
