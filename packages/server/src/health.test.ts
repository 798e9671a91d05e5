import { describe, expect, test } from "@jest/globals";
import request from "supertest";

import { createApp } from "./app.js";
import { fixture, TIME } from "./testing/service.js";

const AGES = {
  tree: { ageSeconds: 12, verified: 3 },
  bodies: { ageSeconds: null, verified: 0 },
  errors: 0,
  suspicions: 0,
};

describe("GET /health with a scrub", () => {
  test("tells how old its last passes are, as of the request", async () => {
    const { service } = await fixture();
    let ageSeconds = 12;
    const scrub = (): typeof AGES => ({ ...AGES, tree: { ageSeconds, verified: 3 } });
    const app = createApp(service, { scrub });
    const first = await request(app).get("/health");
    expect(first.body).toEqual({ status: "ok", size: service.size(), time: TIME, scrub: AGES });
    ageSeconds = 13;
    const second = await request(app).get("/health");
    expect(second.body).toMatchObject({ scrub: { tree: { ageSeconds: 13 } } });
    await service.close();
  });

  test("tells it, and why, of a log that was frozen", async () => {
    const { service } = await fixture();
    await service.log.freeze("scrub: mismatch");
    const response = await request(createApp(service, { scrub: () => AGES })).get("/health");
    expect(response.status).toBe(503);
    expect(response.body).toEqual({
      status: "read-only",
      size: service.size(),
      time: TIME,
      scrub: AGES,
      code: "LOG_FROZEN",
      reason: expect.stringMatching(/: scrub: mismatch$/) as unknown,
    });
    await service.close();
  });

  test("has no such member without one", async () => {
    const { service } = await fixture();
    expect((await request(createApp(service)).get("/health")).body).not.toHaveProperty("scrub");
    await service.close();
  });
});
