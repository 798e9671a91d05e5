import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { connect } from "node:net";
import { decodeCborMap } from "@tallystick/cose";

import { listen, serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { RequestLog } from "./request-log.js";
import { fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

let at: Fixture;
let server: RunningServer;

beforeEach(async () => {
  at = await fixture();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
});

afterEach(async () => {
  await server.close();
  await at.service.close();
});

/** Sends raw text and yields everything that comes back until the server hangs up. */
function exchange(text: string, { url }: RunningServer = server): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", () => {
      resolve(Buffer.concat(chunks));
    });
    socket.on("error", reject);
  });
}

describe("serve", () => {
  test("names the address that it is bound to", () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/);
  });

  test("rejects when the port is taken", async () => {
    const port = Number(new URL(server.url).port);
    await expect(serve(at.service, { host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
  });

  test.each([
    ["garbage", "\u0000\u0001garbage\r\n\r\n"],
    ["a header without end", `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}`],
    ["a broken header", "GET / HTTP/1.1\r\nbroken header\r\n\r\n"],
  ])("S1: answers %s with a problem and hangs up", async (_name, text) => {
    const answer = await exchange(text);
    const end = answer.indexOf("\r\n\r\n");
    const head = answer.subarray(0, end).toString("latin1");
    expect(head).toMatch(/^HTTP\/1\.1 400 Malformed request\r\n/);
    expect(head).toContain("application/concise-problem-details+cbor");
    const problem = decodeCborMap(new Uint8Array(answer.subarray(end + 4)));
    expect(problem.get(-1)).toBe("Malformed request");
  });

  test.each([
    ["HTTP/1.0 without Host", "GET /version HTTP/1.0\r\n\r\n", 400],
    ["HTTP/1.1 without Host", "GET /version HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["a broken Host", "GET /version HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", 400],
    ["two Hosts", "GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n", 400],
    ["a Host that is none", "GET /version HTTP/1.1\r\nHost: [[[\r\nConnection: close\r\n\r\n", 400],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405],
    ["an unknown Expect", "GET /version HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", 417],
  ])("S1: %s is answered with a problem", async (_name, text, status) => {
    const answer = await exchange(text);
    const end = answer.indexOf("\r\n\r\n");
    const head = answer.subarray(0, end).toString("latin1");
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toContain("application/concise-problem-details+cbor");
    const problem = decodeCborMap(new Uint8Array(answer.subarray(end + 4)));
    expect(typeof problem.get(-1)).toBe("string");
    expect(typeof problem.get(-2)).toBe("string");
  });

  test.each([
    ["a service", true],
    ["none yet", false],
  ])("SERVER_EXPECTATION: with %s, its refusal has an id and a line", async (_name, isOpen) => {
    const lines: string[] = [];
    const log = RequestLog.open({ level: "info", write: (line) => lines.push(line) });
    const other = await listen({ host: "127.0.0.1", port: 0, log });
    if (isOpen) other.open(at.service, { log });
    const asked = "GET /version HTTP/1.1\r\nHost: x\r\nExpect: more\r\nX-Request-Id: mine\r\n\r\n";
    const answer = await exchange(asked, other);
    const end = answer.indexOf("\r\n\r\n");
    expect(answer.subarray(0, end).toString("latin1")).toMatch(/\r\nx-request-id: mine\r\n/);
    expect(decodeCborMap(new Uint8Array(answer.subarray(end + 4))).get(-3)).toBe("#mine");
    await other.close();
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { id: "mine", status: 417, msg: "request" },
    ]);
  });

  test("a graceful stop lets a request that has begun finish", async () => {
    const body = await at.sign("last");
    const { hostname, port } = new URL(server.url);
    const head = `POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answer = new Promise<string>((resolve, reject) => {
      const chunks: Buffer[] = [];
      const socket = connect(Number(port), hostname, () => {
        // Headers and half of the body are on their way before the stop begins.
        socket.write(Buffer.concat([Buffer.from(head), body.subarray(0, 10)]), () => {
          void fetch(`${server.url}/version`).then(() => {
            void server.close();
            socket.write(body.subarray(10));
          }, reject);
        });
      });
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("end", () => {
        resolve(Buffer.concat(chunks).toString("latin1"));
      });
      socket.on("error", reject);
    });
    expect(await answer).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
    expect(await answer).toMatch(/\r\nconnection: close\r\n/i);
    await expect(fetch(`${server.url}/version`)).rejects.toThrow();
  });

  test.each([
    ["half a request line", "GET /health HTTP/1.1\r\nHo"],
    [
      "half a body",
      "POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\nContent-Length: 100\r\n\r\nx",
    ],
  ])("a graceful stop hangs up on a client that stalls after %s", async (_name, text) => {
    const brief = await serve(at.service, { host: "127.0.0.1", port: 0, stopGraceMs: 20 });
    const { hostname, port } = new URL(brief.url);
    const hungUp = new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(text, () => {
          // Answered on another connection: what was written before has arrived.
          void fetch(`${brief.url}/version`).then(() => brief.close());
        });
      });
      socket.on("error", () => undefined);
      socket.on("close", () => {
        resolve();
      });
    });
    await hungUp;
    await expect(fetch(`${brief.url}/version`)).rejects.toThrow();
  });
});
