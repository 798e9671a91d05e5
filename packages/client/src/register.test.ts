import { beforeAll, describe, expect, test } from "@jest/globals";
import { encodeBase64url } from "@tallystick/cose";
import { TrustStore } from "@tallystick/verifier";

import { ISSUER, ORIGIN, SERVICE, makeScene } from "./testing/scene.js";
import type { Scene } from "./testing/scene.js";
import { refusalOf } from "./testing/refusal.js";
import { Wire, answer, cose, oneKey, problem } from "./testing/wire.js";

let scene: Scene;
let keyPath: string;

beforeAll(async () => {
  scene = await makeScene();
  keyPath = `GET /.well-known/scitt-keys/${encodeBase64url(scene.serviceKey.publicKey.kid)}`;
});

function entryPath(): string {
  return `/entries/${scene.entryId}`;
}

/** A wire that answers the POST as given and knows the service's key. */
function wireOf(...posts: readonly ReturnType<typeof answer>[]): Wire {
  return new Wire({ "POST /entries": posts, [keyPath]: [oneKey(scene.serviceKey)] });
}

describe("register", () => {
  test("201: yields the receipt, verified", async () => {
    const location = `${SERVICE}${entryPath()}`;
    const wire = wireOf(cose(201, scene.receipt, { location }));
    const registered = await wire.client().register(scene.statement);
    expect(registered).toMatchObject({ entryId: scene.entryId, location });
    expect(registered.receipt).toEqual(scene.receipt);
    expect(registered.inclusion).toMatchObject({ size: 2, index: 1 });
    const [post] = wire.sent;
    expect(post?.headers.get("content-type")).toBe("application/cose");
    expect(post?.headers.get("accept")).toBe("application/cbor, application/cose");
    expect(post?.body).toEqual(scene.statement);
    // S10
    expect(wire.sent[1]?.headers.get("accept")).toBe("application/cbor");
    expect(wire.waits).toEqual([]);
  });

  test("any other 2xx with a receipt is a success too (S3)", async () => {
    const registered = await wireOf(cose(200, scene.receipt)).client().register(scene.statement);
    expect(registered.location).toBe(`${SERVICE}${entryPath()}`);
  });

  test("202: follows Location until the receipt is there, waiting as told", async () => {
    const place = "/entries/somewhere?v=1";
    const wire = new Wire({
      "POST /entries": [answer(202, { location: place, "retry-after": "2" })],
      [`GET ${place}`]: [
        answer(204, { "retry-after": "3" }),
        answer(204),
        cose(200, scene.receipt, { location: place }),
      ],
      [keyPath]: [oneKey(scene.serviceKey)],
    });
    const registered = await wire.client().register(scene.statement);
    expect(registered.location).toBe(`${SERVICE}${place}`);
    expect(registered.receipt).toEqual(scene.receipt);
    // S32: Retry-After where it is given, backoff where it is not.
    expect(wire.waits).toEqual([2000, 3000, 1000]);
    expect(wire.sent[1]?.headers.get("accept")).toBe("application/cose");
  });

  test.each([
    ["on another origin", "https://evil.example/entries/1"],
    ["missing", undefined],
  ])("a Location %s is replaced by the entry computed here", async (_, location) => {
    const headers = location === undefined ? {} : { location };
    const wire = new Wire({
      "POST /entries": [answer(202, headers)],
      [`GET ${entryPath()}`]: [cose(200, scene.receipt)],
      [keyPath]: [oneKey(scene.serviceKey)],
    });
    const registered = await wire.client().register(scene.statement);
    expect(registered.location).toBe(`${SERVICE}${entryPath()}`);
    expect(wire.sent.every(({ path }) => path.startsWith("/"))).toBe(true);
  });

  test("404 after 202: the registration failed", async () => {
    const wire = new Wire({
      "POST /entries": [answer(202)],
      [`GET ${entryPath()}`]: [answer(204), problem(404, ["Registration Failed", "not persisted"])],
    });
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_REFUSED");
    expect(error.refusal).toEqual({
      status: 404,
      title: "Registration Failed",
      detail: "not persisted",
    });
  });

  test("a registration that never ends is given up", async () => {
    const wire = new Wire({
      "POST /entries": [answer(202)],
      [`GET ${entryPath()}`]: [answer(204, { "retry-after": "0" })],
    });
    const error = await refusalOf(() => wire.client({ maxRetries: 4 }).register(scene.statement));
    expect(error.code).toBe("CLIENT_UNAVAILABLE");
    expect(error.message).toContain("still running after 4 retries");
    expect(wire.waits).toHaveLength(4);
  });

  test.each([
    ["429", 429],
    ["503", 503],
  ])("%s is tried again, the same statement", async (_, status) => {
    const busy = problem(status, ["Busy", "later"], { "retry-after": "1" });
    const wire = wireOf(busy, busy, cose(201, scene.receipt));
    await wire.client().register(scene.statement);
    expect(wire.waits).toEqual([1000, 1000]);
    const posts = wire.sent.filter(({ method }) => method === "POST");
    expect(posts.map(({ body }) => body)).toEqual(Array(3).fill(scene.statement));
  });

  test.each([
    ["has said so", {}, 0],
    ["asks for time all the same", { "retry-after": "1" }, 4],
  ])("a log that is read-only and %s", async (_, headers, waits) => {
    const closed = problem(503, ["Read Only", "closed for good"], headers);
    const wire = wireOf(closed);
    const error = await refusalOf(() => wire.client({ maxRetries: 4 }).register(scene.statement));
    expect([error.code, error.refusal?.title]).toEqual(["CLIENT_UNAVAILABLE", "Read Only"]);
    expect(error.message).toContain("Read Only: closed for good");
    expect(wire.waits).toHaveLength(waits);
  });

  test("what is no statement is not sent", async () => {
    const wire = wireOf(cose(201, scene.receipt));
    const error = await refusalOf(() => wire.client().register(Uint8Array.of(0xa0)));
    expect(error.code).toBe("CLIENT_STATEMENT_MALFORMED");
    expect(wire.sent).toEqual([]);
  });
});

describe("the receipt that comes back", () => {
  test("of another entry is refused", async () => {
    const wire = wireOf(cose(201, scene.otherReceipt));
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
  });

  test("with one bit flipped is refused, whichever it is", async () => {
    const step = Math.ceil(scene.receipt.length / 40);
    for (let at = 0; at < scene.receipt.length; at += step) {
      const broken = scene.receipt.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      const wire = wireOf(cose(201, broken));
      const error = await refusalOf(() => wire.client().register(scene.statement));
      // A flipped kid leads to a key that the wire does not know.
      expect(["CLIENT_RECEIPT_INVALID", "CLIENT_UNREACHABLE"]).toContain(error.code);
    }
  });

  test.each([
    ["of consistency", (): Uint8Array => scene.consistency],
    ["that is a statement", (): Uint8Array => scene.statement],
    ["of garbage", (): Uint8Array => Uint8Array.of(1, 2, 3)],
  ])("%s is refused", async (_, body) => {
    const error = await refusalOf(() =>
      wireOf(cose(201, body())).client().register(scene.statement),
    );
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
  });

  test("under a key that the service does not publish is refused", async () => {
    const wire = new Wire({
      "POST /entries": [cose(201, scene.receipt)],
      [keyPath]: [problem(404, ["No such key", "none"])],
    });
    const error = await refusalOf(() => wire.client().register(scene.statement));
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
    expect(error.message).toContain("publishes no key");
  });

  test("has its key fetched once", async () => {
    const wire = wireOf(cose(201, scene.receipt));
    const client = wire.client();
    await client.register(scene.statement);
    await client.register(scene.statement);
    expect(wire.paths()).toEqual(["POST /entries", keyPath, "POST /entries"]);
  });

  function trusting(service: { issuer?: string; origin?: string; key?: "stranger" }): TrustStore {
    const { publicKey } = service.key === "stranger" ? scene.strangerKey : scene.serviceKey;
    const { issuer = ISSUER, origin = ORIGIN } = service;
    return TrustStore.parse(
      JSON.stringify({ services: [{ issuer, origin, keys: [publicKey.toJwk()] }] }),
    );
  }

  test("holds under pinned keys, and none is fetched", async () => {
    const wire = wireOf(cose(201, scene.receipt));
    await wire.client({ trust: trusting({}) }).register(scene.statement);
    expect(wire.paths()).toEqual(["POST /entries"]);
  });

  test.each([
    ["another key", { key: "stranger" }, "not pinned"],
    ["another issuer", { issuer: "https://other.example" }, "not pinned"],
    ["another log", { origin: "other.example/log" }, "another log"],
  ] as const)("is refused where %s is pinned", async (_, service, want) => {
    const wire = wireOf(cose(201, scene.receipt));
    const client = wire.client({ trust: trusting(service) });
    const error = await refusalOf(() => client.register(scene.statement));
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
    expect(error.message).toContain(want);
  });
});
