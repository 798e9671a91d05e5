import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { Server } from "node:http";

import { MetricsServer, parseAddress } from "./metrics-server.js";
import { MonitorMetrics } from "./monitor-metrics.js";

describe("an address", () => {
  test.each([
    ["127.0.0.1:9464", "127.0.0.1", 9464],
    ["localhost:0", "localhost", 0],
    ["[::1]:80", "::1", 80],
  ])("%s", (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  test.each(["", "9464", ":9464", "127.0.0.1", "::1:80", "[::1]", "a:65536", "a:b", "http://a:1"])(
    "is not %j",
    (text) => {
      expect(() => parseAddress(text)).toThrow(/want/);
    },
  );
});

describe("metrics that are served", () => {
  const metrics = new MonitorMetrics();
  let server: MetricsServer;

  beforeAll(async () => {
    const opened = await MetricsServer.open({ host: "127.0.0.1", port: 0 }, metrics);
    if (opened === undefined) throw new Error("nothing is served");
    server = opened;
  });

  afterAll(() => server.close());

  test("are those of now", async () => {
    metrics.setChecked(41);
    const first = await fetch(server.url);
    expect(first.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await first.text()).toContain("tallystick_monitor_checked_entries 41\n");
    metrics.setChecked(42);
    expect(await (await fetch(server.url)).text()).toBe(metrics.format());
  });

  test.each([
    ["HEAD", "", 200],
    ["POST", "", 405],
    ["GET", "?x", 404],
    ["GET", "/more", 404],
    ["DELETE", "/..", 404],
  ])("%s /metrics%s: %d", async (method, more, status) => {
    const response = await fetch(`${server.url}${more}`, { method });
    expect([response.status, await response.text()]).toEqual([
      ...[status, method === "HEAD" ? "" : `status ${status}\n`],
    ]);
  });

  test("are served still after connections that could not be taken", async () => {
    const listen = jest.spyOn(Server.prototype, "listen");
    const other = await MetricsServer.open({ host: "127.0.0.1", port: 0 }, metrics);
    const [listening] = listen.mock.contexts as readonly Server[];
    listen.mockRestore();
    if (other === undefined || listening === undefined) throw new Error("nothing is served");
    try {
      for (let count = 0; count < 2; count++) {
        listening.emit("error", Object.assign(new Error("accept EMFILE"), { code: "EMFILE" }));
      }
      expect((await fetch(other.url)).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  test("are nowhere without an address, nor at one that is taken: CLI_LISTEN_FAILED", async () => {
    expect(await MetricsServer.open(undefined, metrics)).toBeUndefined();
    const taken = { host: "127.0.0.1", port: Number(new URL(server.url).port) };
    await expect(MetricsServer.open(taken, metrics)).rejects.toMatchObject({
      code: "CLI_LISTEN_FAILED",
    });
  });
});
