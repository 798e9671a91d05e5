import { beforeAll, describe, expect, test } from "@jest/globals";

import type { ClientErrorCode } from "./error.js";
import { makeScene } from "./testing/scene.js";
import type { Scene } from "./testing/scene.js";
import { refusalOf } from "./testing/refusal.js";
import { Wire, answer, cose, problem } from "./testing/wire.js";

let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
});

const html = new TextEncoder().encode("<html><body>Hello</body></html>");
const HTML = { "content-type": "text/html" };

type Row = readonly [status: number, code: ClientErrorCode, retries: number];

// S3: each by its class, also those that the API does not list.
const STATUSES: readonly Row[] = [
  [300, "CLIENT_PROTOCOL", 0],
  [302, "CLIENT_PROTOCOL", 0],
  [303, "CLIENT_PROTOCOL", 0],
  [307, "CLIENT_PROTOCOL", 0],
  [399, "CLIENT_PROTOCOL", 0],
  [400, "CLIENT_REFUSED", 0],
  [401, "CLIENT_REFUSED", 0],
  [404, "CLIENT_REFUSED", 0],
  [413, "CLIENT_REFUSED", 0],
  [418, "CLIENT_REFUSED", 0],
  [499, "CLIENT_REFUSED", 0],
  [429, "CLIENT_UNAVAILABLE", 3],
  [500, "CLIENT_UNAVAILABLE", 0],
  [502, "CLIENT_UNAVAILABLE", 0],
  [503, "CLIENT_UNAVAILABLE", 3],
  [599, "CLIENT_UNAVAILABLE", 0],
];

describe("a status", () => {
  test.each(STATUSES)("%d is %s after %d retries", async (status, code, retries) => {
    for (const headers of [{}, HTML]) {
      const location = "https://evil.example/";
      const wire = new Wire({ "POST /entries": [answer(status, { ...headers, location }, html)] });
      const client = wire.client({ maxRetries: 3 });
      const error = await refusalOf(() => client.register(scene.statement));
      expect(error.code).toBe(code);
      expect(error.refusal).toEqual({ status, title: undefined, detail: undefined });
      expect(wire.waits).toHaveLength(retries);
      expect(wire.paths()).toEqual(Array(retries + 1).fill("POST /entries"));
    }
  });

  test.each(STATUSES.filter(([, code]) => code !== "CLIENT_PROTOCOL"))(
    "%d brings the problem details along",
    async (status, code) => {
      const wire = new Wire({ "POST /entries": [problem(status, ["A title", "a detail"])] });
      const client = wire.client({ maxRetries: 1 });
      const error = await refusalOf(() => client.register(scene.statement));
      expect(error.code).toBe(code);
      expect(error.refusal).toEqual({ status, title: "A title", detail: "a detail" });
      expect(error.message).toContain("A title: a detail");
    },
  );

  test.each([200, 201, 302])("%d with problem details is a refusal (S3)", async (status) => {
    const wire = new Wire({ "POST /entries": [problem(status, ["Rejected", "no"])] });
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_REFUSED");
    expect(error.refusal?.title).toBe("Rejected");
  });

  test("500 with Retry-After is tried again (S4)", async () => {
    const wire = new Wire({ "GET /version": [answer(500, { "retry-after": "7" }), answer(404)] });
    const error = await refusalOf(() => wire.client().version());
    expect(error.code).toBe("CLIENT_REFUSED");
    expect(wire.waits).toEqual([7000]);
  });

  test("a Retry-After date is read against the clock", async () => {
    const date = "Thu, 01 Jan 2026 00:00:09 GMT";
    const wire = new Wire({ "GET /version": [answer(503, { "retry-after": date }), answer(404)] });
    await refusalOf(() => wire.client().version());
    expect(wire.waits).toEqual([9000]);
  });
});

describe("an answer that is not what was asked for", () => {
  test.each([
    ["HTML", answer(200, HTML, html), "answer is text/html, want application/cose"],
    ["no type", answer(200, {}, html), "want application/cose"],
    ["a broken type", answer(200, { "content-type": "a; b/c\t" }, html), "of no type"],
    ["another type", answer(200, { "content-type": "application/cbor" }, html), "application/cbor"],
  ])("%s is refused", async (_, given, want) => {
    const wire = new Wire({ "POST /entries": [given] });
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toContain(want);
  });

  test("a type in capitals and with parameters is taken", async () => {
    const type = { "content-type": "Application/COSE; cose-type=cose-sign1" };
    const wire = new Wire({ "POST /entries": [cose(201, scene.otherReceipt, type)] });
    // It got past the type to its content.
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_UNREACHABLE");
    expect(wire.paths()[1]).toMatch(/^GET \/\.well-known\/scitt-keys\//);
  });

  test("an empty one is refused", async () => {
    const wire = new Wire({
      "GET /version": [answer(200, { "content-type": "application/json" })],
    });
    const error = await refusalOf(() => wire.client().version());
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toContain("without a body");
  });

  test("one that is too long for a receipt is refused", async () => {
    const wire = new Wire({ "POST /entries": [cose(201, new Uint8Array(65_537))] });
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toBe("answer is longer than 65536 bytes");
  });

  test("one that is longer than the caller allows is refused", async () => {
    const path = `GET /statements/${scene.entryId}`;
    const wire = new Wire({ [path]: [cose(200, scene.statement)] });
    const maxResponseBytes = scene.statement.length - 1;
    const error = await refusalOf(() => wire.client({ maxResponseBytes }).statement(scene.entryId));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});
