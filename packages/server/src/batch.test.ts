import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  PrivateKey,
  SequenceSplitter,
  decodeCbor,
  decodeCborMap,
  encodeCbor,
  isCborArray,
  isCborMap,
} from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";
import { once } from "node:events";
import { request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";

import { serve } from "./listen.js";
import type { ListenOptions, RunningServer } from "./listen.js";
import { metric, post, read, until } from "./testing/exchange.js";
import { fixture, statement } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { HeldStore } from "./testing/store.js";

let store: HeldStore;
let at: Fixture;
let server: RunningServer;

beforeEach(async () => {
  store = new HeldStore();
  at = await fixture(store);
});

afterEach(async () => {
  store.release();
  await server.close();
  await at.service.close();
});

async function start(options: Partial<ListenOptions> = {}): Promise<void> {
  const { limits, ...others } = options;
  const unlimited = { writesPerSecond: 0, readsPerSecond: 0, ...limits };
  const listening = { host: "127.0.0.1", port: 0, stopGraceMs: 100 };
  server = await serve(at.service, { ...listening, ...others, limits: unlimited });
}

const SEQUENCE = { "content-type": "application/cbor-seq" };

function open(headers: Readonly<Record<string, string>> = {}): ClientRequest {
  const sent = request(`${server.url}/batch`, {
    method: "POST",
    headers: { ...SEQUENCE, ...headers },
    agent: false,
  });
  sent.on("error", () => undefined);
  return sent;
}

async function answered(sent: ClientRequest): Promise<IncomingMessage> {
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

/** Yields the items of an answer as they come. */
async function* itemsOf(response: IncomingMessage): AsyncGenerator<CborValue, void, undefined> {
  const splitter = new SequenceSplitter();
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    for (const item of splitter.take(chunk)) yield decodeCbor(item);
  }
  splitter.finish();
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Sends all at once and yields every item of the answer. */
async function batch(...items: readonly Uint8Array[]): Promise<CborValue[]> {
  const sent = open();
  sent.end(Buffer.concat(items));
  const response = await answered(sent);
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-type"]).toBe("application/cbor-seq");
  return all(itemsOf(response));
}

function partsOf(item: CborValue): readonly CborValue[] {
  return isCborArray(item) && item.length === 3 ? item : [];
}

/** Yields status and, of a problem, its title and detail. */
function told(item: CborValue): readonly (CborValue | undefined)[] {
  const [, status, body = null] = partsOf(item);
  return isCborMap(body) ? [status, body.get(-1), body.get(-2)] : [status];
}

async function requireReceipt(item: CborValue | undefined, signed: Uint8Array): Promise<number> {
  const [entry, status, receipt] = partsOf(item ?? null);
  const expected = SignedStatement.decode(signed).entry;
  expect([entry, status]).toEqual([expected, 201]);
  if (!(receipt instanceof Uint8Array)) throw new Error("no receipt");
  const key = at.receiptKey.publicKey;
  const inclusion = await VerifiedInclusion.verify(Receipt.decode(receipt), {
    entry: expected,
    key,
  });
  return inclusion.index ?? -1;
}

/** The problem of a request of its own, but for the name of that request. */
function withoutInstance(body: Uint8Array): CborMap {
  const problem = new Map(decodeCborMap(body));
  expect(problem.delete(-3)).toBe(true);
  return problem;
}

describe("POST /batch", () => {
  test("answers each statement in order, as a single one would be answered", async () => {
    await start();
    const stranger = await PrivateKey.generate("ES256");
    const [a, b] = [await at.sign("a"), await at.sign("b")];
    const refused = await statement("x", stranger);
    const number = encodeCbor(5);
    const items = await batch(a, refused, b, number, a);
    expect(items).toHaveLength(5);
    const [first, , third, , fifth] = items;
    expect(await requireReceipt(first, a)).toBe(2);
    expect(await requireReceipt(third, b)).toBe(3);
    expect(await requireReceipt(fifth, a)).toBe(2);
    const single = await post(server.url, refused);
    const { entry } = SignedStatement.decode(refused);
    expect(items[1]).toEqual([entry, 400, withoutInstance(single.body)]);
    const malformed = await post(server.url, number);
    expect(items[3]).toEqual([null, 400, withoutInstance(malformed.body)]);
    expect(at.service.size()).toBe(4);
  });

  test("tells the reason of a freeze with each statement that is new", async () => {
    await start();
    const logged = await at.sign("logged");
    await at.service.register(logged);
    await at.service.log.freeze("moved to ts2");
    const [first, second] = await batch(logged, await at.sign("new"));
    expect(told(first ?? null)).toEqual([201]);
    expect(told(second ?? null)).toEqual([
      ...[503, "Read Only"],
      expect.stringMatching(/: closed to new entries for good at \S+: moved to ts2$/),
    ]);
  });

  test("nothing in, nothing out", async () => {
    await start();
    expect(await batch()).toEqual([]);
  });

  test("a result comes as soon as it is there, while the request goes on", async () => {
    await start();
    const sent = open();
    const texts = ["one", "two", "three"];
    const signed = await Promise.all(texts.map((text) => at.sign(text)));
    const waiting = answered(sent);
    sent.write(signed[0]);
    const items = itemsOf(await waiting);
    for (const [i, one] of signed.entries()) {
      if (i > 0) sent.write(one);
      const { value } = await items.next();
      await requireReceipt(value ?? undefined, one);
    }
    sent.end();
    expect((await items.next()).done).toBe(true);
  });

  test.each([
    ["of indefinite length", "9f", /^The request could not be parsed: .*indefinite length.*item 2/],
    ["cut off", "5818", /^The request could not be parsed: .*ends within an item.*item 2/],
    ["too long", "5a7fffffff", /over \d+ bytes.*item 2/],
  ])("an item %s ends it, with its position", async (_name, hex, detail) => {
    await start();
    const [a, b] = [await at.sign("a"), await at.sign("b")];
    const items = await batch(a, b, Buffer.from(hex, "hex"));
    expect(items).toHaveLength(3);
    await requireReceipt(items[0], a);
    await requireReceipt(items[1], b);
    const [position] = partsOf(items[2] ?? null);
    const [status, , why] = told(items[2] ?? null);
    expect(position).toBe(2);
    expect([400, 413]).toContain(status);
    expect(why).toMatch(detail);
  });

  test.each([
    ["another type", { "content-type": "application/cose" }, 415],
    ["compressed", { "content-encoding": "gzip" }, 415],
    ["an answer of another type", { accept: "application/cose" }, 406],
  ])("is refused as a whole: %s", async (_name, headers, status) => {
    await start();
    const sent = open(headers);
    sent.end(await at.sign("x"));
    const response = await answered(sent);
    expect(response.statusCode).toBe(status);
    response.resume();
  });

  test("pushes back when what it may have to hold is more than all bodies may", async () => {
    await start({ maxBytesInFlight: 1_000_000 });
    const sent = open();
    sent.end(await at.sign("x"));
    const response = await answered(sent);
    expect([response.statusCode, response.headers["retry-after"]]).toEqual([503, "5"]);
    response.resume();
  });

  test("waits for the rate of its client in the place of refusals", async () => {
    await start({ limits: { writesPerSecond: 50, burstSeconds: 0.04 } });
    const signed = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => at.sign(`${i}`)));
    const items = await batch(...signed);
    expect(items.map((item) => told(item)[0])).toEqual([201, 201, 201, 201, 201, 201]);
  });

  test("uses up what its client may register", async () => {
    // Four at once, and the next one long after this test.
    await start({ limits: { writesPerSecond: 0.001, burstSeconds: 4000 } });
    const signed = await at.sign("counted");
    // The request counts for one, each of its statements for another.
    expect(await batch(signed, signed)).toHaveLength(2);
    const statuses = [await post(server.url, signed), await post(server.url, signed)];
    expect(statuses.map(({ status }) => status)).toEqual([201, 429]);
  });
});

describe("a batch of 5,000 statements", () => {
  test("is registered in one request, and holds no more at once than it may", async () => {
    const limits = { maxQueued: 256, maxQueuedBytes: 1_000_000 };
    await start({ limits });
    const pool = await Promise.all(Array.from({ length: 500 }, (_, i) => at.sign(`${i}`)));
    const entries = pool.map((signed) => SignedStatement.decode(signed).entry);
    const bad = encodeCbor("bad");
    const sent = open();
    const writing = (async () => {
      for (let i = 0; i < 5000; i++) {
        const item = i % 50 === 49 ? bad : (pool[i % 500] ?? bad);
        if (!sent.write(item)) await once(sent, "drain");
      }
      sent.end();
    })();
    const response = await answered(sent);
    let count = 0;
    let fullest = 0;
    for await (const item of itemsOf(response)) {
      const [entry, status] = partsOf(item);
      const isBad = count % 50 === 49;
      const expected = isBad ? null : entries[count % 500];
      expect([entry, status]).toEqual([expected, isBad ? 400 : 201]);
      count++;
      if (count % 500 === 0) {
        fullest = Math.max(fullest, await metric(server.url, "tallystick_registering_entries"));
      }
    }
    await writing;
    expect(count).toBe(5000);
    expect(fullest).toBeLessThanOrEqual(128);
    expect(at.service.size()).toBe(2 + 490);
  }, 240_000);
});

describe("a client that", () => {
  test("stops sending is told so after what it sent, and hung up on", async () => {
    await start({ limits: { bodyTimeoutMs: 50 } });
    const signed = await at.sign("then nothing");
    const sent = open();
    const closed = new Promise((resolve) => sent.once("close", resolve));
    sent.write(Buffer.concat([signed, signed.subarray(0, 20)]));
    const items = await all(itemsOf(await answered(sent)));
    expect(items).toHaveLength(2);
    await requireReceipt(items[0], signed);
    expect(partsOf(items[1] ?? null).slice(0, 2)).toEqual([1, 408]);
    await closed;
  });

  test("leaves in the middle leaves nothing behind but what it sent", async () => {
    // Room for a single batch: a place that is not given back shows at once.
    await start({ maxBytesInFlight: 6_000_000 });
    for (let i = 0; i < 3; i++) {
      store.hold();
      const sent = open();
      const signed = await at.sign(`left ${i}`);
      sent.write(signed);
      await until(async () => (await metric(server.url, "tallystick_registering_entries")) === 1);
      sent.destroy();
      store.release();
      const { entryId } = SignedStatement.decode(signed);
      await until(async () => (await read(`${server.url}/entries/${entryId}`)).status === 200);
    }
    const last = await at.sign("last");
    await until(async () => {
      const sent = open();
      sent.end(last);
      const response = await answered(sent);
      response.resume();
      return response.statusCode === 200;
    });
  });
});
