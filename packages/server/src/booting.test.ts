import { expect, test } from "@jest/globals";

import { listen } from "./listen.js";
import { fixture } from "./testing/service.js";

test("SERVER_BOOTING: a server without a service says that it is starting, and then serves", async () => {
  const { service } = await fixture();
  const server = await listen({ host: "127.0.0.1", port: 0 });
  const statusOf = async (path: string): Promise<number> => (await fetch(server.url + path)).status;
  expect(await (await fetch(`${server.url}/health`)).json()).toEqual({ status: "starting" });
  const response = await fetch(`${server.url}/ready`);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.text()).toContain("Starting");
  expect(await statusOf("/version")).toBe(503);
  server.open(service);
  expect([await statusOf("/ready"), await statusOf("/version")]).toEqual([200, 200]);
  await server.close();
  await service.close();
});
