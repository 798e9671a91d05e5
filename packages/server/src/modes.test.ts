import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import { serve } from "./listen.js";
import type { ListenOptions, RunningServer } from "./listen.js";
import { metric, post, problemOf, read, until } from "./testing/exchange.js";
import type { Answer } from "./testing/exchange.js";
import { fixture, statement } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { HeldStore } from "./testing/store.js";

const ASYNC = { prefer: "respond-async" };

let store: HeldStore;
let at: Fixture;
let server: RunningServer;

beforeEach(async () => {
  store = new HeldStore();
  at = await fixture(store);
  await start({});
});

afterEach(async () => {
  store.release();
  await server.close();
  await at.service.close();
});

async function start(limits: ListenOptions["limits"] & object): Promise<void> {
  server = await serve(at.service, { host: "127.0.0.1", port: 0, limits });
}

async function restart(limits: ListenOptions["limits"] & object): Promise<void> {
  await server.close();
  await start(limits);
}

async function requireReceipt({ body }: Answer, signed: Uint8Array): Promise<void> {
  const { entry } = SignedStatement.decode(signed);
  const key = at.receiptKey.publicKey;
  await VerifiedInclusion.verify(Receipt.decode(body), { entry, key });
}

function place(path: string | undefined): string {
  return `${server.url}${path ?? "/nowhere"}`;
}

describe("Prefer: respond-async", () => {
  test("S20, S21, S24, S34: 202, then 204 at its Location, then the receipt, as 201 gives it", async () => {
    const signed = await at.sign("later");
    store.hold();
    const accepted = await post(server.url, signed, ASYNC);
    const { entryId } = SignedStatement.decode(signed);
    expect([accepted.status, accepted.path]).toEqual([202, `/entries/${entryId}`]);
    expect(accepted.headers.get("preference-applied")).toBe("respond-async");
    expect(accepted.headers.get("retry-after")).toBe("1");
    expect(accepted.headers.get("content-length")).toBe("0");
    expect(accepted.body).toHaveLength(0);

    const running = await read(place(accepted.path));
    expect(running.status).toBe(204);
    expect(running.headers.get("retry-after")).toBe("1");
    expect(running.headers.get("cache-control")).toBe("no-store");
    expect(running.body).toHaveLength(0);

    store.release();
    await until(async () => (await read(place(accepted.path))).status !== 204);
    const resolved = await read(place(accepted.path));
    expect([resolved.status, resolved.path]).toEqual([200, accepted.path]);
    await requireReceipt(resolved, signed);
    const created = await post(server.url, signed);
    expect([created.status, created.path]).toEqual([201, accepted.path]);
    await requireReceipt(created, signed);
  });

  test("with a wait that is long enough: 201, and nothing is said of the preference", async () => {
    const signed = await at.sign("wait");
    const created = await post(server.url, signed, { prefer: "respond-async, wait=3" });
    expect(created.status).toBe(201);
    expect(created.headers.get("preference-applied")).toBeNull();
    await requireReceipt(created, signed);
  });

  test("S17: nothing is accepted that the policy refuses", async () => {
    const stranger = await PrivateKey.generate("ES256");
    const refused = await post(server.url, await statement("x", stranger), ASYNC);
    expect([refused.status, problemOf(refused)[0]]).toEqual([400, "Rejected"]);
    const malformed = await post(server.url, Uint8Array.of(1), ASYNC);
    expect([malformed.status, problemOf(malformed)[0]]).toEqual([400, "Malformed request"]);
  });

  test("the same statement, accepted three times at once, is one entry", async () => {
    const signed = await at.sign("thrice");
    store.hold();
    const answers = await Promise.all([1, 2, 3].map(() => post(server.url, signed, ASYNC)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(answers.map(({ path }) => path)).size).toBe(1);
    store.release();
    await until(async () => (await read(place(answers[0]?.path))).status === 200);
    expect(at.service.size()).toBe(3);
  });
});

describe("without a preference", () => {
  test("202 once a registration takes longer than the bounded wait", async () => {
    await restart({ registerWaitMs: 1 });
    const signed = await at.sign("slow");
    store.hold();
    const accepted = await post(server.url, signed);
    const { entryId } = SignedStatement.decode(signed);
    expect([accepted.status, accepted.path]).toEqual([202, `/entries/${entryId}`]);
    expect(accepted.headers.get("preference-applied")).toBeNull();
    expect((await read(place(accepted.path))).status).toBe(204);
    store.release();
    await until(async () => (await read(place(accepted.path))).status === 200);
  });

  test("201 while the service keeps up", async () => {
    const signed = await at.sign("prompt");
    const created = await post(server.url, signed);
    expect(created.status).toBe(201);
    await requireReceipt(created, signed);
  });
});

describe("a read after an acknowledgement", () => {
  test.each([
    ["201", {}, [200]],
    ["202", ASYNC, [200, 204]],
  ])("never misses, after %s", async (_name, headers, allowed) => {
    const statements = await Promise.all(Array.from({ length: 60 }, (_, i) => at.sign(`${i}`)));
    const found = await Promise.all(
      statements.map(async (signed) => {
        const { status, path } = await post(server.url, signed, headers);
        expect([201, 202]).toContain(status);
        return (await read(place(path))).status;
      }),
    );
    for (const status of found) expect(allowed).toContain(status);
    await until(async () => (await metric(server.url, "tallystick_registering_entries")) === 0);
    expect(at.service.size()).toBe(62);
  });
});

test("a receipt that there is stays to be had while the statement is registered again", async () => {
  const signed = await at.sign("once more");
  const { path } = await post(server.url, signed);
  store.hold();
  // The round that this one begins is held, so that the repeat waits behind it.
  await post(server.url, await at.sign("in the round"), ASYNC);
  expect((await post(server.url, signed, ASYNC)).status).toBe(202);
  const found = await read(place(path));
  expect(found.status).toBe(200);
  await requireReceipt(found, signed);
});

describe("a registration that was accepted and failed", () => {
  test("S25: 404 Registration Failed, with the reason", async () => {
    store.hold();
    const first = await post(server.url, await at.sign("in the round"), ASYNC);
    // The round under way holds the first one, so that this one waits behind it.
    const signed = await at.sign("behind it");
    const accepted = await post(server.url, signed, ASYNC);
    expect([first.status, accepted.status]).toEqual([202, 202]);
    const frozen = at.service.log.freeze("for the test");
    await until(async () => (await read(place(accepted.path))).status !== 204);
    const { entryId } = SignedStatement.decode(signed);
    const failed = await read(place(accepted.path));
    const [title, detail] = problemOf(failed);
    expect([failed.status, title]).toEqual([404, "Registration Failed"]);
    const told = `Signed Statement with entry ID ${entryId} could not be persisted to the log`;
    expect(detail).toEqual(
      expect.stringContaining(`${told}: Read Only: The log takes no entries;`),
    );
    expect(detail).toMatch(/: closed to new entries for good at \S+: for the test$/);
    store.release();
    await frozen;
    await until(async () => (await read(place(first.path))).status === 200);

    // A new process knows nothing of it.
    await restart({});
    const unknown = await read(place(accepted.path));
    expect([unknown.status, problemOf(unknown)[0]]).toEqual([404, "Not Found"]);
  });

  test("is on the log where it got there after all", async () => {
    const { log } = at.service;
    const append = log.append.bind(log);
    const signed = await at.sign("twice");
    log.append = async (request) => {
      log.append = append;
      // Waits like any other, and fails in the end.
      await append(request).catch(() => undefined);
      throw new Error("a defect");
    };
    store.hold();
    const accepted = await post(server.url, signed, ASYNC);
    expect(accepted.status).toBe(202);
    store.release();
    await until(async () => (await read(place(accepted.path))).status === 200);
    expect((await post(server.url, signed)).status).toBe(201);
  });
});
