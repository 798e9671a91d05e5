import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { decodeCborMap } from "@tallystick/cose";
import { MemoryStore, missingAnchor } from "@tallystick/log";
import type { Space } from "@tallystick/log";
import supertest from "supertest";

import { SignedStatement } from "@tallystick/statement";

import { createApp } from "./app.js";
import { TransparencyService } from "./service.js";
import type { ServiceOptions } from "./service.js";
import { type Fixture, fixture, ISSUER, ORIGIN, TIME } from "./testing/service.js";

let made: Fixture;
let store: MemoryStore;
let service: TransparencyService | undefined;

beforeEach(async () => {
  store = new MemoryStore();
  made = await fixture(store);
  await made.service.register(await made.sign("logged"));
});

afterEach(async () => {
  await service?.close();
  await made.service.close();
  service = undefined;
});

async function reopen(
  changes: Partial<ServiceOptions> = {},
): Promise<ReturnType<typeof supertest>> {
  const options = { issuer: ISSUER, origin: ORIGIN, signer: made.receiptKey, now: () => TIME };
  const kept = { store: store.reopen(), anchor: made.anchor.reopen() };
  service = await TransparencyService.open({ ...options, ...kept, ...changes });
  return supertest(createApp(service));
}

async function post(
  http: ReturnType<typeof supertest>,
  statement: Uint8Array,
): Promise<readonly [number, string, string, string | undefined]> {
  const response = await http
    .post("/entries")
    .set("content-type", "application/cose")
    .buffer(true)
    .parse(bytesOf)
    .send(Buffer.from(statement));
  if (response.status < 300) return [response.status, "", "", undefined];
  const problem = decodeCborMap(new Uint8Array(response.body as Buffer));
  const [title, detail] = [problem.get(-1), problem.get(-2)].map(String);
  return [response.status, title ?? "", detail ?? "", response.headers["retry-after"]];
}

const bytesOf: Parameters<supertest.Test["parse"]>[0] = (response, done) => {
  const chunks: Uint8Array[] = [];
  const stream = response as unknown as NodeJS.ReadableStream;
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  stream.on("end", () => {
    done(null, Buffer.concat(chunks));
  });
};

const READ_ONLY: readonly (readonly [string, () => Partial<ServiceOptions>, RegExp])[] = [
  [
    "LOG_BEHIND_ANCHOR",
    () => {
      const rows = store.rows();
      return { store: new MemoryStore(rows), anchor: made.anchor.reopen(undefined, "torn") };
    },
    /lost its end/,
  ],
  ["LOG_CLOCK_BACKWARD", () => ({ now: () => TIME - 1 }), /clock is behind/],
];

describe("a service over a log that can only be read", () => {
  test.each(READ_ONLY)("%s", async (code, changes, told) => {
    const http = await reopen(changes());
    expect(service?.standing()).toMatchObject({ kind: "reader", code });
    expect(service?.isWritable()).toBe(false);

    const health = await http.get("/health");
    expect(health.status).toBe(503);
    expect(health.body).toMatchObject({ status: "read-only", size: 3, time: TIME, code });
    expect((health.body as { reason: string }).reason.length).toBeGreaterThan(40);

    const [status, title, detail, retryAfter] = await post(http, await made.sign("new"));
    expect([status, title, retryAfter]).toEqual([503, "Read Only", undefined]);
    expect(detail).toMatch(told);
    // What is logged is read as ever, and who sends it again is told where it is.
    expect((await http.get("/policy")).status).toBe(200);
    const logged = await made.sign("logged");
    const { entryId } = SignedStatement.decode(logged);
    expect((await http.get(`/entries/${entryId}`)).status).toBe(200);
    expect(await service?.register(logged)).toMatchObject({ entryId, isDuplicate: true });
    await expect(made.sign("new").then((one) => service?.register(one))).rejects.toMatchObject({
      code,
    });
  });

  test.each([
    ["LOG_ANCHOR_BEHIND", () => made.anchor.reopen(1)],
    ["LOG_ANCHOR_MISSING", missingAnchor],
  ] as const)("is none that nothing vouches for: %s", async (code, anchor) => {
    await expect(reopen({ anchor: anchor() })).rejects.toMatchObject({ code });
  });

  test("LOG_FROZEN, from one moment to the next", async () => {
    const http = await reopen();
    expect((await http.get("/health")).body).toMatchObject({ status: "ok" });
    const why = "the successor is elsewhere:\nhttps://ts2.example";
    await service?.log.freeze(why);
    const health = await http.get("/health");
    expect(health.body).toMatchObject({
      status: "read-only",
      code: "LOG_FROZEN",
      reason: expect.stringContaining("the successor is elsewhere") as unknown,
    });
    const [status, title, detail] = await post(http, await made.sign("new"));
    expect([status, title]).toEqual([503, "Read Only"]);
    expect(detail).toMatch(
      /^The log takes no entries; what is logged can be read: closed to new entries for good at \S+: the successor is elsewhere: https:\/\/ts2\.example$/,
    );
  });

  test("is none where the clock is to be ignored", async () => {
    const http = await reopen({ now: () => TIME - 1, ignoreClock: true });
    expect((await http.get("/health")).status).toBe(200);
    expect((await post(http, await made.sign("new")))[0]).toBe(201);
  });
});

describe("a service on a disk that is nearly full", () => {
  test("answers 507 with Retry-After, and registers again by itself", async () => {
    let free = 0;
    const space: Space = { floorBytes: 1, freeBytes: () => Promise.resolve(free) };
    const http = await reopen({ space });
    const statement = await made.sign("new");
    const [status, title, detail, retryAfter] = await post(http, statement);
    expect([status, title, retryAfter]).toEqual([507, "Insufficient Storage", "30"]);
    expect(detail).toMatch(/when there is room/);
    expect(service?.isWritable()).toBe(true);
    free = 1;
    expect((await post(http, statement))[0]).toBe(201);
  });
});
