import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RequestListener } from "node:http";
import request from "supertest";
import { MemoryStore } from "@tallystick/log";
import { SignedStatement } from "@tallystick/statement";

import { createApp } from "./app.js";
import { ISSUER, ORIGIN, TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { bytes, problemIn } from "./testing/wire.js";

let at: Fixture;
let app: RequestListener;

beforeAll(async () => {
  at = await fixture();
  app = createApp(at.service);
});

afterAll(() => at.service.close());

describe("about the service", () => {
  test("GET /policy names the policy in force and its entry", async () => {
    const { entryId, index, policy } = await at.service.policyInForce();
    const response = await request(app).get("/policy");
    expect(response.body).toEqual({ entryId, index, policy: policy.document, proposals: [] });
  });

  test("GET /version names issuer, origin and interface", async () => {
    const response = await request(app).get("/version");
    expect(response.body).toMatchObject({
      name: "tallystick",
      api: "draft-ietf-scitt-scrapi-11",
      issuer: ISSUER,
      origin: ORIGIN,
    });
  });

  test("GET /health is ok while registrations are taken, 503 after", async () => {
    expect((await request(app).get("/health")).body).toEqual({
      status: "ok",
      size: at.service.size(),
      time: TIME,
    });
    const other = await fixture();
    const otherApp = createApp(other.service);
    await other.service.close();
    const response = await request(otherApp).get("/health");
    expect([response.status, (response.body as { status: string }).status]).toEqual([
      503,
      "unavailable",
    ]);
    const refused = await bytes(request(otherApp).post("/entries"))
      .set("content-type", "application/cose")
      .send(Buffer.from(await at.sign("closed")));
    expect(refused.status).toBe(503);
    expect(refused.headers["retry-after"]).toBe("5");
    problemIn(refused);
  });
});

describe("S1: every error is a concise problem", () => {
  test.each([
    ["get", "/nothing", 404],
    ["get", "/entries", 405],
    ["put", "/entries", 405],
    ["delete", "/version", 405],
    ["post", "/policy", 405],
    ["get", "/Entries", 404],
    ["get", "/version/", 404],
    ["get", "/%zz", 404],
    ["get", "/statements/%ff", 400],
  ] as const)("%s %s → %d", async (method, path, status) => {
    const response = await bytes(request(app)[method](path));
    expect(response.status).toBe(status);
    const { title, detail } = problemIn(response);
    expect(typeof title).toBe("string");
    expect(typeof detail).toBe("string");
    expect(response.headers["x-powered-by"]).toBeUndefined();
    if (status === 405) expect(response.headers["allow"]).toBeDefined();
  });

  test("a defect is a 500 that tells nothing, and the operator is told", async () => {
    const seen: unknown[] = [];
    const policyInForce = (): Promise<never> => Promise.reject(new Error("secret"));
    const broken = createApp(
      { policyInForce, watch: () => undefined } as unknown as typeof at.service,
      { onDefect: (defect) => seen.push(defect) },
    );
    const response = await bytes(request(broken).get("/policy"));
    expect(response.status).toBe(500);
    expect(JSON.stringify(problemIn(response))).not.toContain("secret");
    expect(seen).toHaveLength(1);
  });

  test("I5: damaged storage is a 500, and the operator is told", async () => {
    const seen: unknown[] = [];
    const store = new MemoryStore();
    const other = await fixture(store);
    const damaged = createApp(other.service, { onDefect: (defect) => seen.push(defect) });
    const { entryId } = SignedStatement.decode(await other.sign("damaged"));
    const { index } = await other.service.register(await other.sign("damaged"));
    const key = Uint8Array.of("s".charCodeAt(0), 0, 0, 0, 0, 0, 0, 0, index);
    const value = await store.get(key);
    if (value === undefined) throw new Error("no body");
    value[40] = (value[40] ?? 0) ^ 1;
    await store.write([{ key, value }]);
    const response = await bytes(request(damaged).get(`/statements/${entryId}`));
    expect([response.status, problemIn(response).title]).toEqual([500, "Internal Server Error"]);
    expect(seen).toMatchObject([{ code: "LOG_CORRUPT" }]);
    await other.service.close();
  });
});
