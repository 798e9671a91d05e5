import { describe, expect, test } from "@jest/globals";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import type { Space } from "@tallystick/log";
import { PrivateKey } from "@tallystick/cose";
import request from "supertest";

import { createApp } from "./app.js";
import { TransparencyService } from "./service.js";
import { ISSUER, ORIGIN, TIME, fixture } from "./testing/service.js";
import { bytes, problemIn } from "./testing/wire.js";

async function spaced(space: Space): Promise<TransparencyService> {
  const [operator, signer] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
  ]);
  const options = { issuer: ISSUER, origin: ORIGIN, signer, now: () => TIME, space };
  const stored = { store: new MemoryStore(), anchor: new MemoryAnchor() };
  return TransparencyService.create({ ...stored, ...options }, operator);
}

describe("GET /ready", () => {
  test("is 200 while registrations are taken, also for HEAD", async () => {
    const { service } = await fixture();
    const app = createApp(service);
    const got = await request(app).get("/ready");
    expect([got.status, got.body]).toEqual([200, { status: "ready", size: service.size() }]);
    const head = await request(app).head("/ready");
    expect([head.status, head.text]).toEqual([200, undefined]);
    await service.close();
  });

  test("says why a frozen log takes none", async () => {
    const { service } = await fixture();
    await service.log.freeze("moved");
    const app = createApp(service);
    const response = await bytes(request(app).get("/ready"));
    expect([response.status, response.headers["retry-after"]]).toEqual([503, "5"]);
    const { title, detail } = problemIn(response);
    expect(title).toBe("Not Ready");
    expect(detail).toMatch(/^Nothing is registered now: LOG_FROZEN: closed .+: moved$/);
    expect((await request(app).head("/ready")).status).toBe(503);
    await service.close();
  });

  test("says so of a service that is stopping", async () => {
    const { service } = await fixture();
    const app = createApp(service);
    await service.close();
    const response = await bytes(request(app).get("/ready"));
    expect(response.status).toBe(503);
    expect(problemIn(response).detail).toContain("LOG_UNAVAILABLE: the service is stopping");
  });

  test("says so while the disk is below its floor, and no longer", async () => {
    let free = 10;
    const service = await spaced({ floorBytes: 20, freeBytes: () => Promise.resolve(free) });
    const app = createApp(service);
    const response = await bytes(request(app).get("/ready"));
    expect(response.status).toBe(503);
    expect(problemIn(response).detail).toContain("LOG_SPACE_LOW: 10 bytes are free, want 20");
    free = 20;
    expect((await request(app).get("/ready")).status).toBe(200);
    await service.close();
  });

  test("says so of a checkpoint that is older than was asked for", async () => {
    let now = TIME;
    const { service } = await fixture(undefined, () => now);
    const app = createApp(service, { maxCheckpointAge: 60 });
    now = TIME + 60;
    expect((await request(app).get("/ready")).status).toBe(200);
    now = TIME + 61;
    const response = await bytes(request(app).get("/ready"));
    expect(response.status).toBe(503);
    expect(problemIn(response).detail).toContain("is 61 s old, more than 60");
    expect((await request(createApp(service)).get("/ready")).status).toBe(200);
    await service.close();
  });
});
