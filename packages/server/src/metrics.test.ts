import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RequestListener } from "node:http";
import { PrivateKey } from "@tallystick/cose";
import type { ScrubAges } from "@tallystick/log";
import { PolicyError } from "@tallystick/policy";
import request from "supertest";

import { createApp } from "./app.js";
import { Metrics } from "./metrics.js";
import { TIME, fixture, statement } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { bytes } from "./testing/wire.js";

let at: Fixture;
let app: RequestListener;
let clock: number;

beforeEach(async () => {
  clock = TIME;
  at = await fixture(undefined, () => clock);
  app = createApp(at.service);
});

afterEach(() => at.service.close());

async function samples(): Promise<ReadonlyMap<string, number>> {
  const { text } = await request(app).get("/metrics");
  return samplesIn(text);
}

function samplesIn(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

async function post(body: Uint8Array): Promise<number> {
  const posted = bytes(request(app).post("/entries"));
  return (await posted.set("content-type", "application/cose").send(Buffer.from(body))).status;
}

const outcome = (name: string): string => `tallystick_registrations_total{outcome="${name}"}`;
const reason = (name: string): string => `tallystick_registration_reasons_total{reason="${name}"}`;

describe("GET /metrics", () => {
  test("is text as Prometheus reads it, also for what Prometheus asks for", async () => {
    const accept =
      "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
    const response = await request(app).get("/metrics").set("accept", accept);
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(response.headers["cache-control"]).toBe("no-store");
  });

  test("counts registrations by outcome, and each reason of a refusal", async () => {
    const one = await at.sign("one");
    expect(await post(one)).toBe(201);
    expect(await post(one)).toBe(201);
    expect(await post(Uint8Array.of(1))).toBe(400);
    const strict = { algorithms: ["ES256"], contentTypes: ["text/html"] };
    expect(await post(await at.propose(strict))).toBe(201);
    expect(await post(await at.sign("two"))).toBe(400);
    const counted = await samples();
    expect(counted.get(outcome("registered"))).toBe(2);
    expect(counted.get(outcome("duplicate"))).toBe(1);
    expect(counted.get(outcome("refused"))).toBe(2);
    expect(counted.get(outcome("failed"))).toBe(0);
    expect(counted.get(reason("STATEMENT_MALFORMED"))).toBe(1);
    expect(counted.get(reason("algorithm"))).toBe(1);
    expect(counted.get(reason("contentType"))).toBe(1);
  });

  test("names the field or the rule of each refusal, and nothing that a statement says", async () => {
    const secret = "https://secret.example";
    const second = await PrivateKey.generate("ES256");
    const { policy } = await at.service.policyInForce();
    const known = policy.document.issuers;
    const expired = [{ iss: secret, keys: [{ ...second.publicKey.toJwk(), exp: TIME }] }];
    const change = {
      issuers: [...known, ...expired],
      algorithms: ["ES256"],
      contentTypes: ["text/html"],
      maxStatementBytes: 8,
      rules: [
        { name: "from.us_1", use: "issuers", with: { any: ["https://us.example"] } },
        { name: "no-sense", cel: "payload.x.y > 3", reason: "secret: never" },
      ] as const,
    };
    expect(await post(await at.propose(change))).toBe(201);
    expect(await post(await statement("secret", second, secret))).toBe(400);
    expect(await post(await at.sign("secret"))).toBe(400);
    expect(await post(await statement("secret", second, "https://nobody.example"))).toBe(400);
    expect(await post(await at.propose({ previous: "00".repeat(32) }))).toBe(400);
    const counted = await samples();
    const reasons = [...counted].filter(([name]) => name.includes("reason="));
    expect(new Map(reasons)).toEqual(
      new Map([
        [reason("algorithm"), 1],
        [reason("contentType"), 2],
        [reason("size"), 2],
        [reason("key"), 1],
        [reason("rule from.us_1"), 2],
        [reason("rule no-sense"), 2],
        [reason("STATEMENT_KEY_UNKNOWN"), 1],
        [reason("POLICY_STALE"), 1],
      ]),
    );
    expect([...counted.keys()].join()).not.toContain("secret");
  });

  test.each([
    ["subject", "https://us.example"],
    ["issuer", "https://us.example"],
    ["certificate", "CN=Us is not valid"],
    ["proposal", "approved before"],
  ])("counts the field %s by its name", async (field, text) => {
    const metrics = new Metrics(at.service);
    const error = new PolicyError("POLICY_REJECTED", [`${field}: ${text}`]);
    await expect(metrics.registration(() => Promise.reject(error))).rejects.toBe(error);
    expect(samplesIn(await metrics.format()).get(reason(field))).toBe(1);
  });

  test("counts what the service could not take as failed", async () => {
    const two = await at.sign("two");
    await at.service.close();
    expect(await post(two)).toBe(503);
    const counted = await samples();
    expect(counted.get(outcome("failed"))).toBe(1);
    expect([...counted.keys()].filter((name) => name.includes("reason="))).toEqual([
      reason("LOG_UNAVAILABLE"),
    ]);
    expect(counted.get("tallystick_writable")).toBe(0);
  });

  test("tells size and age of the newest checkpoint", async () => {
    clock = TIME + 90;
    const counted = await samples();
    expect(counted.get("tallystick_tree_size")).toBe(2);
    expect(counted.get("tallystick_checkpoint_age_seconds")).toBe(90);
    expect(counted.get("tallystick_writable")).toBe(1);
  });

  test("counts requests by template and status, and no path that was asked for", async () => {
    const id = "0".repeat(64);
    await request(app).get(`/entries/${id}`);
    await request(app).get(`/entries/${id}/collateral`);
    await request(app).head("/version");
    await request(app).put("/version");
    await request(app).get("/secret/path");
    const text = [...(await samples())].map(([name, value]) => `${name} ${value}`).join("\n");
    for (const [method, route, status] of [
      ["GET", "/entries/:id", 404],
      ["GET", "/entries/:id/collateral", 404],
      ["HEAD", "/version", 200],
      ["PUT", "/version", 405],
      ["GET", "none", 404],
    ] as const) {
      const labels = `method="${method}",route="${route}",status="${status}"`;
      expect(text).toContain(`tallystick_http_requests_total{${labels}} 1`);
    }
    expect(text).not.toContain("secret");
    expect(text).not.toContain(id);
  });

  test("tells no more than 200 rules apart", async () => {
    const metrics = new Metrics(at.service);
    for (let i = 0; i < 300; i++) {
      const error = new PolicyError("POLICY_REJECTED", [`rule r${i}: no`]);
      await expect(metrics.registration(() => Promise.reject(error))).rejects.toBe(error);
    }
    const counted = samplesIn(await metrics.format());
    expect([...counted.keys()].filter((name) => name.includes('reason="rule r'))).toHaveLength(200);
    expect(counted.get(reason("other"))).toBe(100);
  });

  test.each([
    "no name at all",
    "a name: with a space",
    "rule a b: no",
    "rule : no",
    ": nothing",
    "unheard: of",
    "algorithm:",
    `rule ${"x".repeat(65)}: no`,
  ])("a reason without a name, %p, counts as other", async (text) => {
    const metrics = new Metrics(at.service);
    const error = new PolicyError("POLICY_REJECTED", [text]);
    await expect(metrics.registration(() => Promise.reject(error))).rejects.toBe(error);
    expect(samplesIn(await metrics.format()).get(reason("other"))).toBe(1);
  });
});

describe("what takes time", () => {
  test("is counted for commits, batches, verification and requests", async () => {
    const before = await samples();
    expect(before.get("tallystick_batch_entries_count")).toBe(0);
    expect(await post(await at.sign("one"))).toBe(201);
    expect(await post(await at.sign("two"))).toBe(201);
    const after = await samples();
    for (const name of [
      "commit_seconds",
      "sync_seconds",
      "anchor_sync_seconds",
      "verify_seconds",
    ]) {
      expect([name, after.get(`tallystick_${name}_count`)]).toEqual([name, 2]);
      expect([name, (after.get(`tallystick_${name}_sum`) ?? 0) > 0]).toEqual([name, true]);
    }
    expect(after.get("tallystick_batch_entries_sum")).toBe(2);
    const labels = 'method="POST",route="/entries"';
    expect(after.get(`tallystick_http_request_seconds_count{${labels}}`)).toBe(2);
    expect(after.get("tallystick_queue_entries")).toBe(0);
    expect(after.get("tallystick_queue_bytes")).toBe(0);
  });
});

describe("ages", () => {
  test("of anchor and checkpoint", async () => {
    expect(await post(await at.sign("one"))).toBe(201);
    clock = TIME + 30;
    const after = await samples();
    expect(after.get("tallystick_checkpoint_age_seconds")).toBe(30);
    expect(after.get("tallystick_anchor_age_seconds")).toBeGreaterThanOrEqual(0);
  });

  test("and the time of a synced write at the start, once it is known", async () => {
    const known: { seconds?: number } = {};
    const app = createApp(at.service, { syncSeconds: () => known.seconds });
    const told = async (): Promise<number | undefined> => {
      const { text } = await request(app).get("/metrics");
      return samplesIn(text).get("tallystick_start_sync_seconds");
    };
    expect(await told()).toBeNaN();
    known.seconds = 0.002;
    expect(await told()).toBe(0.002);
    const { text } = await request(createApp(at.service)).get("/metrics");
    expect(samplesIn(text).has("tallystick_start_sync_seconds")).toBe(false);
  });

  test("of the scrub, by pass, where there is one", async () => {
    const scrub = (): ScrubAges => ({
      tree: { ageSeconds: 12, verified: 3 },
      bodies: { ageSeconds: null, verified: 0 },
      errors: 1,
      suspicions: 2,
    });
    const { text } = await request(createApp(at.service, { scrub })).get("/metrics");
    const told = samplesIn(text);
    expect(told.get('tallystick_scrub_age_seconds{pass="tree"}')).toBe(12);
    expect(told.get('tallystick_scrub_age_seconds{pass="bodies"}')).toBeNaN();
    expect(told.get("tallystick_scrub_problems")).toBe(1);
    expect(told.get("tallystick_scrub_suspicions")).toBe(2);
    expect([...(await samples()).keys()].filter((name) => name.includes("scrub"))).toEqual([]);
  });

  test("of a route that nobody has named is none: labels are bounded", async () => {
    await request(app).get("/made-up");
    const after = await samples();
    expect(after.get('tallystick_http_request_seconds_count{method="GET",route="none"}')).toBe(1);
    expect([...after.keys()].filter((name) => name.includes("made-up"))).toEqual([]);
  });
});
