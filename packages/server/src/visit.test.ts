import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { decodeCborMap } from "@tallystick/cose";
import request from "supertest";

import { createApp } from "./app.js";
import type { AppOptions } from "./app.js";
import { LOG_LEVELS, RequestLog } from "./request-log.js";
import type { RequestLogOptions } from "./request-log.js";
import { fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { bodyOf, bytes } from "./testing/wire.js";

let at: Fixture;
let lines: string[];

beforeEach(async () => {
  at = await fixture();
  lines = [];
});

afterEach(() => at.service.close());

function logged(options: Partial<RequestLogOptions> = {}): RequestLog {
  return RequestLog.open({ level: "info", write: (line) => lines.push(line), ...options });
}

function app(options: AppOptions = {}): ReturnType<typeof createApp> {
  return createApp(at.service, { log: logged(), ...options });
}

const entries = (): Record<string, unknown>[] =>
  lines.map((line) => JSON.parse(line) as Record<string, unknown>);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe("X-Forwarded-For", () => {
  const unheeded = async (at: ReturnType<typeof createApp>): Promise<number> => {
    const { text } = await request(at).get("/metrics");
    return Number(/^tallystick_http_forwarded_unheeded_total (\d+)$/m.exec(text)?.[1]);
  };
  const warned = (): unknown[] =>
    entries().filter(
      ({ level, msg }) => level === "warn" && String(msg).includes("--proxies is 0"),
    );

  test("is warned of once, and not at each request, where the server knows of no proxy", async () => {
    const at = app();
    await request(at).get("/version");
    expect(warned()).toEqual([]);
    for (let i = 0; i < 2; i++)
      await request(at).get("/version").set("x-forwarded-for", "192.0.2.1");
    expect(warned()).toHaveLength(1);
    // Whoever sends it is not repeated.
    expect(lines.join("")).not.toContain("192.0.2.1");
  });

  test("and what else proxies add is counted, request by request", async () => {
    const at = app();
    expect(await unheeded(at)).toBe(0);
    await request(at).get("/version");
    for (const header of ["x-forwarded-for", "x-real-ip", "forwarded"]) {
      await request(at).get("/version").set(header, "192.0.2.1");
    }
    expect(await unheeded(at)).toBe(3);
    // Whoever watches the process is none of those that share.
    await request(at).get("/health").set("x-forwarded-for", "192.0.2.1");
    expect(await unheeded(at)).toBe(3);
  });

  test.each([
    ["x-real-ip", "X-Real-IP"],
    ["forwarded", "Forwarded"],
  ])("in the form of %s is warned of by its name", async (header, title) => {
    await request(app()).get("/version").set(header, "192.0.2.1");
    expect(warned()).toEqual([
      expect.objectContaining({ msg: expect.stringContaining(`came with ${title},`) as unknown }),
    ]);
  });

  test("is no matter where it knows of one", async () => {
    const at = app({ limits: { proxies: 1 } });
    await request(at).get("/version").set("x-forwarded-for", "192.0.2.1");
    expect(entries()).toHaveLength(1);
    expect(await unheeded(at)).toBe(0);
  });
});

describe("the id of a request", () => {
  test.each([
    ["of the hot path", "/version"],
    ["of the framework", "/consistency/1/2"],
    ["of nothing", "/none"],
  ])("is made, and stands in answer and log: %s", async (_name, path) => {
    const response = await request(app()).get(path);
    const id = response.headers["x-request-id"];
    expect(id).toMatch(UUID);
    expect(entries()).toMatchObject([{ id, msg: "request", status: response.status }]);
  });

  test("is the sender's where it is well-formed", async () => {
    const response = await request(app()).get("/version").set("x-request-id", "a-B_1.2");
    expect(response.headers["x-request-id"]).toBe("a-B_1.2");
  });

  test.each([
    ["too long", "x".repeat(65)],
    ["with a space", "a b"],
    ["that could end a line of a log", 'a","level":"error'],
  ])("is made anew for one that is %s", async (_name, id) => {
    const response = await request(app()).get("/version").set("x-request-id", id);
    expect(response.headers["x-request-id"]).toMatch(UUID);
    expect(lines.join("")).not.toContain(id);
  });

  test.each([
    ["the hot path", "/entries/none"],
    ["the framework", "/none"],
  ])("stands in the problem as its instance: %s", async (_name, path) => {
    const asked = request(app()).get(path).set("x-request-id", "mine");
    const response = await bytes(asked);
    expect(decodeCborMap(bodyOf(response)).get(-3)).toBe("#mine");
  });
});

describe("the line of a request", () => {
  test("has template, status, bytes and time of a registration, and nothing of its content", async () => {
    const statement = await at.sign("a secret");
    const type = "application/cose";
    const posted = request(app()).post("/entries").set("content-type", type);
    const response = await bytes(posted.set("authorization", "Bearer s3cret")).send(
      Buffer.from(statement),
    );
    const [entry = {}] = entries();
    expect(Object.keys(entry).sort()).toEqual(
      ["bytes", "id", "level", "method", "ms", "msg", "route", "status", "time"].sort(),
    );
    const { length } = bodyOf(response);
    const answer = { method: "POST", route: "/entries", status: 201, bytes: length };
    expect(entry).toMatchObject({ level: "info", ...answer });
    expect(lines.join("")).not.toMatch(/secret|s3cret/);
  });

  test.each([
    ["GET", "/entries/0", "/entries/:id", 400],
    ["GET", "/consistency/0/1", "/consistency/:old/:new", 400],
    ["GET", "/entries/0?secret", "/entries/:id", 400],
    ["GET", "/secret", "none", 404],
    ["DELETE", "/policy", "/policy", 405],
    ["HEAD", "/policy", "/policy", 200],
  ])("%s %s is told as %s, %d", async (...row) => {
    const [method, path, route, status] = row;
    const server = request(app());
    const asked = { GET: server.get(path), DELETE: server.delete(path), HEAD: server.head(path) };
    await asked[method as keyof typeof asked];
    expect(entries()).toMatchObject([{ method, route, status }]);
    expect(lines.join("")).not.toContain("secret");
  });

  test("counts the bytes of an answer that comes in parts", async () => {
    const response = await bytes(request(app()).get("/replay/entries/0"));
    expect(entries()).toMatchObject([{ bytes: bodyOf(response).length, status: 200 }]);
  });

  test("tells of a sender who left before there was an answer", async () => {
    const told = new Promise<void>((resolve) => {
      const write = (line: string): void => {
        lines.push(line);
        resolve();
      };
      const server = createServer(app({ log: logged({ write }) })).listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        const head = "POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n";
        const socket = connect(port, "127.0.0.1", () => {
          socket.write(`${head}Content-Length: 9\r\n\r\nx`, () => {
            socket.destroy();
            server.close();
          });
        });
      });
    });
    await told;
    expect(entries()).toMatchObject([{ method: "POST", status: 499, bytes: 0, cut: true }]);
  });
});

describe("a request log", () => {
  test("has no lines of requests where they are switched off, and tells of the rest", async () => {
    const log = logged({ requests: false });
    await request(app({ log })).get("/version");
    log.note("read-only");
    log.defect("LOG_CORRUPT", "id");
    expect(entries()).toMatchObject([
      { level: "warn", msg: "read-only" },
      { level: "error", msg: "request failed", reason: "LOG_CORRUPT", id: "id" },
    ]);
  });

  test.each(LOG_LEVELS)("tells by its level: %s", async (level) => {
    const log = logged({ level });
    await request(app({ log })).get("/version");
    log.note("a note");
    log.defect("a defect", undefined);
    const order = ["silent", "fatal", "error", "warn", "info"];
    const place = order.indexOf(level);
    const want = ["request", "a note", "request failed"].filter((_what, i) => {
      const need = [4, 3, 2][i] ?? 0;
      return place === -1 || place >= need;
    });
    expect(entries().map(({ msg }) => msg)).toEqual(want);
  });

  test("is handed a defect with the id of its request", async () => {
    const seen: unknown[] = [];
    const onDefect = (_error: unknown, id?: string): number => seen.push(id);
    const broken = app({ onDefect, maxBodyBytes: 1e9 });
    at.service.log.queue = () => {
      throw new Error("broken");
    };
    const response = await request(broken).get("/metrics").set("x-request-id", "defect-1");
    expect([response.status, seen]).toEqual([500, ["defect-1"]]);
  });
});
