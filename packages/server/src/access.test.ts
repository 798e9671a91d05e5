import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";

import type { AccessOptions, TokenRecord } from "./access.js";
import { createApp } from "./app.js";
import { RequestLog } from "./request-log.js";
import { fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { bytes, problemIn } from "./testing/wire.js";

let at: Fixture;

beforeAll(async () => {
  at = await fixture();
});

afterAll(() => at.service.close());

const record = (name: string, scopes: TokenRecord["scopes"]): TokenRecord => ({
  name,
  scopes,
  sha256: new Uint8Array(createHash("sha256").update(`t-${name}`).digest()),
});
const TOKENS = [record("ci", ["register"]), record("ops", ["admin"]), record("none", [])];
const GIVEN: AccessOptions = { tokens: () => TOKENS };

interface Asked {
  readonly path: string;
  readonly token?: string;
  readonly statement?: Uint8Array;
}

function ask(access: AccessOptions, { path, token, statement }: Asked): request.Test {
  const server = request(createApp(at.service, { access }));
  const asked = statement === undefined ? server.get(path) : server.post(path);
  if (token !== undefined) void asked.set("authorization", token);
  if (statement !== undefined) void asked.set("content-type", "application/cose");
  return bytes(asked);
}

const CHALLENGE = 'Bearer realm="tallystick"';

describe("registering where there are tokens", () => {
  test.each([
    ["register", "Bearer t-ci"],
    ["admin, which includes it", "Bearer t-ops"],
    ["register, in another spelling of the scheme", "bearer  t-ci"],
  ])("is for a token with the scope %s", async (_name, token) => {
    const statement = await at.sign(token);
    const asked = ask(GIVEN, { path: "/entries", token, statement });
    expect((await asked.send(Buffer.from(statement))).status).toBe(201);
  });

  test.each([
    ["none", undefined],
    ["an unknown token", "Bearer t-cj"],
    ["no token", "Bearer "],
    ["another scheme", "Basic dC1jaTo="],
    ["a token with something behind it", "Bearer t-ci, t-ops"],
    ["a hash", `Bearer ${createHash("sha256").update("t-ci").digest("hex")}`],
  ])("is refused with 401 and a challenge: %s", async (_name, token) => {
    const statement = await at.sign("refused");
    const given = token === undefined ? {} : { token };
    const asked = ask(GIVEN, { path: "/entries", statement, ...given });
    const response = await asked.send(Buffer.from(statement));
    expect([response.status, response.headers["www-authenticate"]]).toEqual([401, CHALLENGE]);
    const { title, detail } = problemIn(response);
    expect(title).toBe("Unauthorized");
    expect(detail).toMatch(/^This needs a credential of this service: .+$/);
  });

  test("SERVER_FORBIDDEN: a token without the scope is refused with 403", async () => {
    const statement = await at.sign("forbidden");
    const asked = ask(GIVEN, { path: "/entries", token: "Bearer t-none", statement });
    const response = await asked.send(Buffer.from(statement));
    expect([response.status, response.headers["www-authenticate"]]).toEqual([403, undefined]);
    expect(problemIn(response).detail).toContain("it needs the scope register");
  });

  test("a list that changes counts from the next request on", async () => {
    let tokens: readonly TokenRecord[] = [];
    const access = { tokens: () => tokens };
    const path = "/version";
    expect((await ask(access, { path, token: "Bearer t-ci" })).status).toBe(401);
    tokens = TOKENS;
    expect((await ask(access, { path, token: "Bearer t-ci" })).status).toBe(200);
  });

  test("other methods need the scope, too, whatever the route says of them", async () => {
    const response = await request(createApp(at.service, { access: GIVEN })).delete("/policy");
    expect(response.status).toBe(401);
  });
});

describe("reading", () => {
  test("is open unless it is closed", async () => {
    expect((await ask(GIVEN, { path: "/policy" })).status).toBe(200);
    expect((await ask(GIVEN, { path: "/metrics" })).status).toBe(200);
  });

  test.each([
    ["nobody", undefined, { "/policy": 401, "/metrics": 401, "/health": 200, "/ready": 200 }],
    ["a token", "Bearer t-none", { "/policy": 200, "/metrics": 403, "/health": 200, "/none": 404 }],
    ["an admin", "Bearer t-ops", { "/policy": 200, "/metrics": 200, "/%6detrics": 404 }],
    ["the tricky", "Bearer t-ci", { "/metrics?": 403, "/metrics#": 403, "/health?x": 403 }],
  ])("where it is closed: %s", async (_name, token, statuses) => {
    for (const [path, status] of Object.entries(statuses)) {
      const given = token === undefined ? {} : { token };
      const asked = ask({ ...GIVEN, authReads: true }, { path, ...given });
      expect([path, (await asked).status]).toEqual([path, status]);
    }
  });
});

describe("without a single credential", () => {
  test("nothing can be registered, and it is said", async () => {
    const statement = await at.sign("x");
    const response = await ask({}, { path: "/entries", statement }).send(Buffer.from(statement));
    expect(response.status).toBe(401);
    expect(problemIn(response).detail).toContain("nothing can be registered here");
  });
});

test("the log names the credential and never shows a token", async () => {
  const lines: string[] = [];
  const log = RequestLog.open({ level: "trace", write: (line) => lines.push(line) });
  const app = createApp(at.service, { access: GIVEN, log });
  await request(app).get("/version").set("authorization", "Bearer t-ci");
  await request(app).get("/version").set("authorization", "Bearer t-unknown");
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(told).toMatchObject([{ client: "token:ci", status: 200 }, { status: 401 }]);
  expect(lines.join("")).not.toContain("t-ci");
  expect(lines.join("")).not.toContain("t-unknown");
});
