import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeHex } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";
import { connect } from "node:net";

import { serve } from "./listen.js";
import type { ListenOptions, RunningServer } from "./listen.js";
import { TransparencyService } from "./service.js";
import { metric, post, problemOf, read, until } from "./testing/exchange.js";
import { ISSUER, ORIGIN, TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { HeldStore } from "./testing/store.js";

const QUEUE = 16;

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

async function start(options: Partial<ListenOptions>): Promise<void> {
  server = await serve(at.service, { host: "127.0.0.1", port: 0, ...options });
}

/** Posts a statement as a client that goes by its credential. */
function send(statement: Uint8Array, authorization: string): ReturnType<typeof post> {
  return post(server.url, statement, { authorization });
}

/** Sends text and bytes as they are, and yields all that comes back until the connection ends. */
function exchange(...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part);
    });
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(text);
    });
  });
}

function head(length: string, path = "/entries", type = "application/cose"): string {
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${length}\r\n\r\n`;
}

describe("at ten times the load that it can carry", () => {
  test("S28: the queue stays bounded, reads go on, and what is accepted is kept", async () => {
    const limits = { maxQueued: QUEUE, registerWaitMs: 600_000 };
    await start({ limits, clientOf: ({ headers }) => headers.authorization });
    const logged = await at.sign("there before");
    expect((await post(server.url, logged)).status).toBe(201);
    const known = SignedStatement.decode(logged).entryId;
    const statements = await Promise.all(
      Array.from({ length: 10 * QUEUE }, (_, i) => at.sign(`load ${i}`)),
    );
    store.hold();
    // Each from another client, none of which has more than its share.
    const answers = statements.map((signed, i) => send(signed, `client ${i}`));
    const queued = (): Promise<number> => metric(server.url, "tallystick_registering_entries");
    await until(async () => (await queued()) === QUEUE);
    // Reads are answered while the queue is full, and it never is fuller.
    for (let i = 0; i < 20; i++) {
      expect((await read(`${server.url}/entries/${known}`)).status).toBe(200);
      expect((await read(`${server.url}/health`)).status).toBe(200);
      expect(await queued()).toBe(QUEUE);
    }
    const refused = await send(await at.sign("one too many"), "the last one");
    expect([refused.status, problemOf(refused)[0]]).toEqual([503, "Service Unavailable"]);
    expect(refused.headers.get("retry-after")).toBe("5");
    store.release();
    const all = await Promise.all(answers);
    const accepted = statements.filter((_, i) => all[i]?.status === 201);
    expect(accepted.length).toBeGreaterThanOrEqual(QUEUE);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([201, 503]));
    await until(async () => (await queued()) === 0);
    expect(await metric(server.url, "tallystick_registering_bytes")).toBe(0);

    const key = at.receiptKey.publicKey;
    for (const [i, { status, body }] of all.entries()) {
      if (status !== 201) continue;
      const { entry } = SignedStatement.decode(statements[i] ?? new Uint8Array());
      await VerifiedInclusion.verify(Receipt.decode(body), { entry, key });
    }
    expect(at.service.size()).toBe(3 + accepted.length);
    await requireKept(accepted);
  });

  /** What was acknowledged is in what a restart finds. */
  async function requireKept(accepted: readonly Uint8Array[]): Promise<void> {
    const kept = { store: store.reopen(), anchor: at.anchor.reopen() };
    const named = { issuer: ISSUER, origin: ORIGIN, signer: at.receiptKey };
    const again = await TransparencyService.open({ ...kept, ...named, now: () => TIME });
    for (const signed of accepted) {
      const { entry } = SignedStatement.decode(signed);
      const found = await again.log.lookup(entry);
      expect(encodeHex(await again.log.entryAt(found?.index ?? -1))).toBe(encodeHex(entry));
    }
    await again.close();
  }

  test("whoever breaks off in the middle of a pipeline gives every place back", async () => {
    // A client has a quarter of them.
    const mostOfOne = 20;
    await start({ limits: { maxReads: 4 * mostOfOne } });
    const { hostname, port } = new URL(server.url);
    for (let round = 0; round < 4; round++) {
      store.hold();
      const signed = await at.sign(`first in line ${round}`);
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      // What is behind waits for its turn on the connection, and never gets it.
      socket.write(head(`Content-Length: ${signed.length}`));
      socket.write(signed);
      for (let i = 0; i < 12; i++) socket.write("GET /policy HTTP/1.1\r\nHost: x\r\n\r\n");
      await until(async () => (await metric(server.url, "tallystick_registering_entries")) === 1);
      socket.destroy();
      store.release();
      await until(async () => (await metric(server.url, "tallystick_registering_entries")) === 0);
    }
    const reads = Array.from({ length: mostOfOne - 1 }, () => read(`${server.url}/policy`));
    expect((await Promise.all(reads)).map(({ status }) => status)).toEqual(
      Array.from({ length: mostOfOne - 1 }, () => 200),
    );
  });

  test("a process that is busy still says that it lives", async () => {
    await start({ limits: { maxReads: 0 } });
    expect((await read(`${server.url}/policy`)).status).toBe(503);
    expect((await read(`${server.url}/health`)).status).toBe(200);
    expect((await read(`${server.url}/ready`)).status).toBe(200);
  });

  test("the queue is bounded in bytes as well", async () => {
    const large = await at.sign("x".repeat(5000));
    const limits = { maxQueuedBytes: 3 * large.length };
    await start({ limits, clientOf: ({ headers }) => headers.authorization });
    store.hold();
    const running = ["a", "b", "c"].map(async (letter) =>
      send(await at.sign(letter.repeat(5000)), letter),
    );
    await until(async () => (await metric(server.url, "tallystick_registering_entries")) === 3);
    expect(await metric(server.url, "tallystick_registering_bytes")).toBe(3 * large.length);
    expect((await send(large, "d")).status).toBe(503);
    store.release();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([201, 201, 201]);
    expect((await post(server.url, large)).status).toBe(201);
  });

  test("reads have a limit of their own, and registrations go on at it", async () => {
    await start({ limits: { maxReads: 1 } });
    const { log } = at.service;
    let resume: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => {
      resume = resolve;
    });
    const receipt = log.inclusionReceipt.bind(log);
    let isReading = false;
    log.inclusionReceipt = async (entry) => {
      isReading = true;
      await waiting;
      return receipt(entry);
    };
    const id = encodeHex(await log.entryAt(1));
    const first = read(`${server.url}/entries/${id}`);
    await until(() => isReading);
    const second = await read(`${server.url}/version`);
    expect([second.status, problemOf(second)[0]]).toEqual([503, "Service Unavailable"]);
    expect((await post(server.url, await at.sign("meanwhile"))).status).toBe(201);
    resume();
    expect((await first).status).toBe(200);
    expect((await read(`${server.url}/version`)).status).toBe(200);
  });
});

describe("bodies that are announced and never sent", () => {
  const MIB = 1_048_576;

  test("take up the share of their client, and keep nobody else out", async () => {
    await start({
      limits: { readsPerSecond: 0, writesPerSecond: 0, bodyTimeoutMs: 600_000 },
      clientOf: ({ headers }) => headers.authorization,
    });
    const { hostname, port } = new URL(server.url);
    const announced = `${head(`Content-Length: ${MIB}`).trimEnd()}\r\nAuthorization: hoarder\r\n\r\n`;
    const hoard = Array.from({ length: 140 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined).write(announced);
      return socket;
    });
    const statement = await at.sign("in between");
    const ask = (client: string): ReturnType<typeof post> => send(statement, client);
    await until(async () => (await ask("hoarder")).status === 429);
    const refused = await ask("hoarder");
    expect(problemOf(refused)[1]).toContain("bytes of one client under way at once");
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await ask("somebody else")).status).toBe(201);
    for (const socket of hoard) socket.destroy();
    await until(async () => (await ask("hoarder")).status === 201);
  });
});

describe("the rate of a client", () => {
  const FEW = { writesPerSecond: 1, readsPerSecond: 1, burstSeconds: 3 };

  test("S23, S33, S34: 429 with Retry-After and the listed sentence, for reads too", async () => {
    await start({ limits: FEW });
    const signed = await at.sign("again and again");
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await post(server.url, signed)).status);
    expect(statuses).toEqual([201, 201, 201]);
    const refused = await post(server.url, signed);
    expect(refused.status).toBe(429);
    expect(problemOf(refused)).toEqual([
      "Too Many Requests",
      "Only 1 requests per second are allowed.",
    ]);
    expect(refused.headers.get("retry-after")).toBe("1");
    // Registrations do not count for reads.
    const path = `${server.url}/entries/${SignedStatement.decode(signed).entryId}`;
    const polls: number[] = [];
    for (let i = 0; i < 3; i++) polls.push((await read(path)).status);
    expect(polls).toEqual([200, 200, 200]);
    const poll = await read(path);
    expect([poll.status, poll.headers.get("retry-after")]).toEqual([429, "1"]);
  });

  test("counts each credential, and those without by their address", async () => {
    await start({
      limits: FEW,
      clientOf: ({ headers }) => headers.authorization,
    });
    const status = async (authorization?: string): Promise<number> => {
      const headers = authorization === undefined ? {} : { authorization };
      return (await fetch(`${server.url}/version`, { headers })).status;
    };
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) seen.push(await status("one"));
    expect(seen).toEqual([200, 200, 200, 429]);
    expect(await status("two")).toBe(200);
    expect(await status()).toBe(200);
  });

  test("is no limit when it is 0", async () => {
    await start({ limits: { writesPerSecond: 0, readsPerSecond: 0, burstSeconds: 1 } });
    const signed = await at.sign("unlimited");
    for (let i = 0; i < 20; i++) expect((await post(server.url, signed)).status).toBe(201);
  });
});

describe("a body", () => {
  test("that says that it is too long is refused unread", async () => {
    await start({});
    const answer = await exchange(head("Content-Length: 999999999999"));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  });

  test("that turns out to be too long is cut off", async () => {
    await start({ maxBodyBytes: 1000 });
    const chunk = `400\r\n${"x".repeat(1024)}\r\n`;
    const answer = await exchange(head("Transfer-Encoding: chunked"), chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test.each([
    ["with a length", "Content-Length: 100"],
    ["in chunks", "Transfer-Encoding: chunked"],
  ])("that does not arrive, %s, is answered with 408", async (_name, length) => {
    await start({ limits: { bodyTimeoutMs: 20 } });
    const answer = await exchange(head(length), length.startsWith("T") ? "1\r\nx\r\n" : "x");
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain("application/concise-problem-details+cbor");
  });

  test("of a wrong type is refused unread, and the connection closes", async () => {
    await start({});
    const answer = await exchange(head("Content-Length: 99999999", "/entries", "text/plain"));
    expect(answer).toMatch(/^HTTP\/1\.1 415 /);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
  });

  test("that is small may still come after a refusal, and the connection is kept", async () => {
    await start({});
    const next = "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const answer = await exchange(head("Content-Length: 3", "/entries", "text/plain"), "abc", next);
    expect(answer).toMatch(/^HTTP\/1\.1 415 [^]*HTTP\/1\.1 200 OK/);
  });
});

test("headers that do not arrive are answered with 408", async () => {
  await start({ limits: { headersTimeoutMs: 20 } });
  expect(await exchange("GET /version HTTP/1.1\r\nHo")).toMatch(/^HTTP\/1\.1 408 Request Timeout/);
});
