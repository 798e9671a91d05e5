import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { get } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import {
  decodeCbor,
  encodeHex,
  isCborArray,
  spliceByteStrings,
  spliceBytes,
} from "@tallystick/cose";
import { MemoryStore } from "@tallystick/log";
import { SignedCheckpoint, chainDigest, decodeChainLink } from "@tallystick/receipt";
import request from "supertest";

import { createApp } from "../app.js";
import { serve } from "../listen.js";
import type { RunningServer } from "../listen.js";
import { fixture } from "../testing/service.js";
import type { Fixture } from "../testing/service.js";
import { bodyOf, bytes, problemIn } from "../testing/wire.js";

const IMMUTABLE = "public, max-age=31536000, immutable";
const BODY_KIND = 0x73;

let at: Fixture;
let app: RequestListener;

/** 260 entries: two policies, and statements in one round up to 254, then one by one. */
beforeAll(async () => {
  at = await fixture();
  app = createApp(at.service);
  const texts = Array.from({ length: 252 }, (_, i) => `statement ${i}`);
  const signed = await Promise.all(texts.map((text) => at.sign(text)));
  await Promise.all(signed.map((statement) => at.service.register(statement)));
  while (at.service.size() < 260) {
    await at.service.register(await at.sign(`single ${at.service.size()}`));
  }
});

afterAll(() => at.service.close());

async function read(path: string): Promise<request.Response> {
  return bytes(request(app).get(path));
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function expectedEntries(bundle: number): Promise<string> {
  const entries = await all(at.service.log.replay().entries(bundle));
  return entries
    .map(({ statement, collateral }) => encodeHex(spliceByteStrings([statement, collateral])))
    .join("");
}

async function expectedRecords(bundle: number): Promise<string> {
  const records = await all(at.service.log.replay().checkpoints(bundle));
  return records.map((record) => encodeHex(spliceBytes(record))).join("");
}

describe("GET /replay/entries/{n}", () => {
  test.each([
    [0, IMMUTABLE],
    [1, "no-store"],
  ])("is the CBOR sequence of bundle %d, %s", async (bundle, cache) => {
    const response = await read(`/replay/entries/${bundle}`);
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("application/cbor-seq");
    expect(response.headers["cache-control"]).toBe(cache);
    expect(encodeHex(bodyOf(response))).toBe(await expectedEntries(bundle));
  });

  test("each item is a statement and its collateral, as their own resources give them", async () => {
    const body = bodyOf(await read("/replay/entries/1"));
    const [first] = await all(at.service.log.replay().entries(1));
    if (first === undefined) throw new Error("no entry");
    const length = spliceByteStrings([first.statement, first.collateral]).length;
    const item = decodeCbor(body.slice(0, length));
    const [statement, collateral] = isCborArray(item) ? item : [];
    const id = encodeHex(await at.service.log.entryAt(256));
    expect(statement).toEqual(new Uint8Array(bodyOf(await read(`/statements/${id}`))));
    expect(collateral).toEqual(new Uint8Array(bodyOf(await read(`/entries/${id}/collateral`))));
  });
});

describe("GET /replay/checkpoints/{n}", () => {
  test.each([
    [0, IMMUTABLE],
    [1, "no-store"],
  ])("is the CBOR sequence of the records of bundle %d, %s", async (bundle, cache) => {
    const response = await read(`/replay/checkpoints/${bundle}`);
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("application/cbor-seq");
    expect(response.headers["cache-control"]).toBe(cache);
    const expected = await expectedRecords(bundle);
    expect(expected).not.toBe("");
    expect(encodeHex(bodyOf(response))).toBe(expected);
  });
});

describe("GET /checkpoints/{size}", () => {
  test.each([
    ["256", IMMUTABLE],
    ["latest", "no-store"],
  ])("%s is a chain record in a byte string, %s", async (size, cache) => {
    const response = await read(`/checkpoints/${size}`);
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("application/cbor");
    expect(response.headers["cache-control"]).toBe(cache);
    const record = decodeCbor(bodyOf(response));
    if (!(record instanceof Uint8Array)) throw new Error("no byte string");
    const { checkpoint } = decodeChainLink(record);
    const signed = await SignedCheckpoint.verify(checkpoint, at.receiptKey.publicKey);
    expect(signed.checkpoint.size).toBe(size === "latest" ? 260 : 256);
  });

  test("each record names the one before", async () => {
    const recordOf = async (size: number): Promise<Uint8Array> => {
      const record = decodeCbor(bodyOf(await read(`/checkpoints/${size}`)));
      if (!(record instanceof Uint8Array)) throw new Error("no byte string");
      return record;
    };
    const link = decodeChainLink(await recordOf(260));
    expect(link.previousSize).toBe(259);
    expect(link.previousDigest).toEqual(chainDigest(await recordOf(259)));
  });

  test("404 for a size that no checkpoint was signed at", async () => {
    const response = await read("/checkpoints/100");
    expect(response.status).toBe(404);
    expect(problemIn(response).title).toBe("Not Found");
  });
});

const PATHS = ["/checkpoints/", "/replay/entries/", "/replay/checkpoints/"] as const;

describe.each(PATHS)("%s…", (path) => {
  test.each([
    ["a negative number", "-1", 400],
    ["a leading zero", "01", 400],
    ["no number", "one", 400],
    ["a fraction", "1.5", 400],
    ["an exponent", "1e1", 400],
    ["a number beyond 2^53", "9007199254740993", 400],
    ["twenty digits", "10000000000000000000", 400],
    ["a space", "%201", 400],
    ["a number past the end", "261", 404],
    ["the largest number", "9007199254740991", 404],
    ["nothing", "", 404],
    ["one segment more", "1/1", 404],
  ])("%s is refused with a problem", async (_name, number, status) => {
    const response = await read(`${path}${number}`);
    expect(response.status).toBe(status);
    problemIn(response);
  });

  test("HEAD has the headers alone, and other methods are refused", async () => {
    const number = path === "/checkpoints/" ? "256" : "1";
    const head = await request(app).head(`${path}${number}`);
    const whole = await read(`${path}${number}`);
    expect(head.status).toBe(200);
    expect(head.text).toBeUndefined();
    for (const name of ["content-type", "cache-control"]) {
      expect(head.headers[name]).toBe(whole.headers[name]);
    }
    const deleted = await bytes(request(app).delete(`${path}${number}`));
    expect([deleted.status, deleted.headers["allow"]]).toEqual([405, "GET, HEAD"]);
    const picky = await bytes(request(app).get(`${path}${number}`).set("accept", "text/html"));
    expect([picky.status, problemIn(picky).title]).toEqual([406, "Not Acceptable"]);
  });
});

describe("a streamed answer", () => {
  let server: RunningServer | undefined;
  let other: Fixture | undefined;

  afterEach(async () => {
    await server?.close();
    await other?.service.close();
    server = undefined;
    other = undefined;
  });

  const damaged = async (index: number): Promise<{ url: string; defects: unknown[] }> => {
    const store = new MemoryStore();
    other = await fixture(store);
    for (const text of ["first", "second", "third"]) {
      await other.service.register(await other.sign(text));
    }
    store.damage(Uint8Array.of(BODY_KIND, 0, 0, 0, 0, 0, 0, 0, index), undefined);
    const defects: unknown[] = [];
    const onDefect = (error: unknown): void => {
      defects.push(error);
    };
    server = await serve(other.service, { host: "127.0.0.1", port: 0, onDefect });
    return { url: server.url, defects };
  };
  const corrupt = expect.objectContaining({ code: "LOG_CORRUPT" });

  test("I5: an error after the headers cuts the connection", async () => {
    const { url, defects } = await damaged(3);
    const response = await fetch(`${url}/replay/entries/0`);
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(defects).toEqual([corrupt]);
  });

  test("an error before the headers is a problem", async () => {
    const { url, defects } = await damaged(0);
    const response = await fetch(`${url}/replay/entries/0`);
    expect(response.status).toBe(500);
    expect(response.headers.get("content-type")).toBe("application/concise-problem-details+cbor");
    expect(defects).toEqual([corrupt]);
  });

  test("is made no faster than it is read", async () => {
    const large = await fixture();
    other = large;
    const text = "x".repeat(900_000);
    for (let i = 0; i < 24; i++) await large.service.register(await large.sign(`${i} ${text}`));
    server = await serve(large.service, { host: "127.0.0.1", port: 0 });
    let reads = 0;
    const replay = large.service.log.replay.bind(large.service.log);
    large.service.log.replay = () => {
      const real = replay();
      const entries = real.entries.bind(real);
      real.entries = async function* counting(bundle) {
        for await (const entry of entries(bundle)) {
          reads++;
          yield entry;
        }
      };
      return real;
    };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${server?.url ?? ""}/replay/entries/0`, resolve).on("error", reject);
    });
    response.pause();
    // Whatever the sockets hold, a service that has answered elsewhere since has not read on.
    for (let i = 0; i < 20; i++) await fetch(`${server.url}/health`);
    expect(reads).toBeLessThan(26);
    let received = 0;
    for await (const chunk of response) received += (chunk as Uint8Array).length;
    expect(received).toBeGreaterThan(24 * 900_000);
    expect(reads).toBe(26);
  });
});
