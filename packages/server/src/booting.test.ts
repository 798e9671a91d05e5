import { expect, test } from "@jest/globals";

import { decodeCborMap } from "@tallystick/cose";

import { listen } from "./listen.js";
import { RequestLog } from "./request-log.js";
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

test("a request before there is a service has an id, in answer, problem and log", async () => {
  const lines: string[] = [];
  const log = RequestLog.open({ level: "info", write: (line) => lines.push(line) });
  const server = await listen({ host: "127.0.0.1", port: 0, log });
  const told = async (path: string, id: string): Promise<readonly unknown[]> => {
    const response = await fetch(server.url + path, { headers: { "x-request-id": id } });
    const body = new Uint8Array(await response.arrayBuffer());
    const instance = response.ok ? undefined : decodeCborMap(body).get(-3);
    return [response.headers.get("x-request-id"), instance];
  };
  expect(await told("/health", "probe")).toEqual(["probe", undefined]);
  expect(await told("/version", "early")).toEqual(["early", "#early"]);
  await server.close();
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { id: "probe", route: "/health", status: 200, msg: "request" },
    { id: "early", route: "none", status: 503, msg: "request" },
  ]);
});
