import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { digest, encodeCbor, encodeHex } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore, sealRow } from "@tallystick/log";
import type { Row } from "@tallystick/log";
import { SignedStatement, signHashEnvelope, signStatement } from "@tallystick/statement";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { Follower, openIndex } from "./search/follower.js";
import type { SearchPlace } from "./search/follower.js";
import { RecentStatements } from "./search/recent.js";
import { searchPage } from "./search/query.js";
import type { SearchPage } from "./search/query.js";
import { TransparencyService } from "./service.js";
import { problemOf, read } from "./testing/exchange.js";
import { ISSUER, ORIGIN, TIME, VENDOR, fixture, memoryPlace } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

const LOG = { issuer: ISSUER, origin: ORIGIN };

let at: Fixture;
let server: RunningServer;
let clock = TIME;
const ids: string[] = [];
const DIGEST = encodeHex(digest("sha-256", new TextEncoder().encode("text 3")));
const ENVELOPED = digest("sha-384", new TextEncoder().encode("kept elsewhere"));

async function register(signed: Uint8Array): Promise<void> {
  clock += 10;
  const { entryId } = await at.service.register(signed);
  ids.push(entryId);
}

function signed(text: string, subject: string, contentType: string | number): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(text);
  return signStatement({ payload, contentType, issuer: VENDOR, subject }, at.vendor);
}

beforeAll(async () => {
  at = await fixture(new MemoryStore(), () => clock);
  const about = { issuer: VENDOR, subject: "c", contentType: "text/x", hash: "sha-384" } as const;
  await register(await signed("text 2", "a", "text/plain"));
  await register(await signed("text 3", "b", "text/plain"));
  await register(await signed("text 4", "a", 50));
  await register(await signHashEnvelope({ ...about, preimage: { digest: ENVELOPED } }, at.vendor));
  await register(await signed("text 6", "a b&c=ü", "text/plain"));
  await at.service.searchSettled();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
});

afterAll(async () => {
  await server.close();
  await at.service.close();
});

async function search(query: string): Promise<SearchPage> {
  const { status, body, headers } = await read(`${server.url}/search${query}`);
  expect(status).toBe(200);
  expect(headers.get("cache-control")).toBe("no-store");
  return JSON.parse(new TextDecoder().decode(body)) as SearchPage;
}

describe("what is found", () => {
  const encoded = new URLSearchParams({ sub: "a b&c=ü" }).toString();
  const rows: Readonly<Record<string, readonly [string, readonly number[]]>> = {
    everything: ["", [0, 1, 2, 3, 4, 5, 6]],
    "by issuer": [`?iss=${encodeURIComponent(VENDOR)}`, [2, 3, 4, 5, 6]],
    "by the issuer of policies": [`?iss=${encodeURIComponent(ISSUER)}`, [0, 1]],
    "by subject": ["?sub=a", [2, 4]],
    "by a subject that has to be encoded": [`?${encoded}`, [6]],
    "by a subject that nothing is about": ["?sub=A", []],
    "by content type": ["?type=text/plain", [2, 3, 6]],
    "by a content type that is a number": ["?type=50", [4]],
    "by the content type of what was hashed": ["?type=text/x", [5]],
    "by payload": [`?payload=${DIGEST}`, [3]],
    "by the digest in an envelope": [`?payload=${encodeHex(ENVELOPED)}`, [5]],
    "by two": ["?sub=a&type=text/plain", [2]],
    "by two that no entry has both of": [`?sub=a&payload=${DIGEST}`, []],
    "from an index on": ["?from=5", [5, 6]],
    "up to an index": ["?sub=a&before=4", [2]],
    "behind the end": ["?from=7", []],
    "since a time": [`?since=${TIME + 30}`, [4, 5, 6]],
    "until a time": [`?until=${TIME + 19}&type=text/plain`, [2]],
    "between two": [`?since=${TIME + 20}&until=${TIME + 40}`, [3, 4, 5]],
    "since later": [`?since=${TIME + 51}`, []],
    "until earlier": [`?until=${TIME - 1}`, []],
  };
  test.each(Object.entries(rows))("%s", async (_name, [query, expected]) => {
    const { size, hits, next } = await search(query);
    expect(hits.map(({ index }) => index)).toStrictEqual(expected);
    expect([size, next]).toStrictEqual([7, null]);
  });

  test("with all that is known of it", async () => {
    const { hits } = await search("?from=4&before=6");
    expect(hits).toStrictEqual([
      {
        ...{ index: 4, entryId: ids[2], time: TIME + 30, issuer: VENDOR, subject: "a" },
        ...{ contentType: "50", payload: encodeHex(digest("sha-256", bytesOf("text 4"))) },
      },
      {
        ...{ index: 5, entryId: ids[3], time: TIME + 40, issuer: VENDOR, subject: "c" },
        ...{ contentType: "text/x", payload: encodeHex(ENVELOPED) },
      },
    ]);
  });

  test("in pages", async () => {
    const found: number[] = [];
    let from: number | null = 0;
    let pages = 0;
    while (from !== null) {
      const page: SearchPage = await search(
        `?iss=${encodeURIComponent(VENDOR)}&limit=2&from=${from}`,
      );
      expect(page.hits.length).toBeLessThanOrEqual(2);
      found.push(...page.hits.map(({ index }) => index));
      from = page.next;
      pages++;
    }
    expect([found, pages]).toStrictEqual([[2, 3, 4, 5, 6], 3]);
  });
});

describe("what is no query is refused", () => {
  const rows: Readonly<Record<string, readonly [string, RegExp]>> = {
    "an unknown parameter": ["?subject=a", /the parameters are iss, sub/],
    "the same one twice": ["?sub=a&sub=b", /sub is given twice/],
    "no value": ["?sub=", /sub has no value/],
    "no name": ["?=a", /the parameters are/],
    "an empty one": ["?sub=a&", /the parameters are/],
    "a broken encoding": ["?sub=%zz", /sub is not encoded/],
    "bytes that are no text": ["?sub=%ff", /sub is not encoded/],
    "a digest that is too short": ["?payload=abcd", /payload is no digest/],
    "a digest in upper case": [`?payload=${DIGEST.toUpperCase()}`, /payload is no digest/],
    "a page of nothing": ["?limit=0", /limit is not 1 to 1000/],
    "a page that is too large": ["?limit=1001", /limit is not 1 to 1000/],
    "a number that is none": ["?from=-1", /from is no decimal number/],
    "a number in another spelling": ["?from=01", /from is no decimal number/],
    "a number beyond all sizes": ["?before=9007199254740993", /before is no decimal number/],
    "a time that is none": ["?since=2026-01-01", /since is no decimal number/],
  };
  test.each(Object.entries(rows))("%s", async (_name, [query, detail]) => {
    const answer = await read(`${server.url}/search${query}`);
    expect(answer.status).toBe(400);
    expect(problemOf(answer)[1]).toMatch(detail);
  });
});

test("a service without an index says so: SERVER_SEARCH_OFF", async () => {
  const { operator, receiptKey: signer } = at;
  const options = { store: new MemoryStore(), anchor: new MemoryAnchor(), now: () => TIME };
  const service = await TransparencyService.create(
    { ...options, issuer: ISSUER, origin: ORIGIN, signer },
    operator,
  );
  expect(() => service.requireSearch()).toThrow(
    expect.objectContaining({ code: "SERVER_SEARCH_OFF" }),
  );
  await service.close();
});

describe("the index is derived from the log", () => {
  test("and what is made anew is what grew with it, row for row", async () => {
    const grown = await indexRows(at, 1);
    expect(await indexRows(at, 1000)).toStrictEqual(grown);
  });

  test.each([
    ["a flipped bit in its state", flipped("S")],
    ["a state that is lost", (rows: readonly Row[]) => rows.filter(({ key }) => key[0] !== 0x53)],
    ["another format", otherFormat("tallystick-search/0")],
    ["the format before what statements speak of", otherFormat("tallystick-search/2")],
    ["another edition of what they speak of", otherFormat("tallystick-search/3.0")],
  ])("%s has it made anew, without a row of what was", async (_name, change) => {
    const whole = await indexRows(at, 1000);
    // Rows of a longer index, which nothing that is written anew replaces.
    const stray = sealRow(Uint8Array.of(0x45, 255), Uint8Array.of(1));
    const place = placeOver([...change(whole), stray]);
    const index = await openIndex(place, { log: LOG }, at.service.log.replay());
    await index.catchUp(at.service.log.replay());
    expect(index.size).toBe(7);
    expect(place.rows()).toStrictEqual(whole);
  });

  test("damage that a search meets ends its use, and has the next start make it anew", async () => {
    const whole = await indexRows(at, 1000);
    const place = placeOver(flipped("E")(whole));
    const index = await openIndex(place, { log: LOG }, at.service.log.replay());
    const follower = new Follower(index, at.service.log, { onFailure: () => undefined });
    const found = follower.use((open) => searchPage(open, { terms: [], limit: 10 }));
    await expect(found).rejects.toMatchObject({ code: "SERVER_SEARCH_UNAVAILABLE" });
    await follower.close();
    const anew = await openIndex(place, { log: LOG }, at.service.log.replay());
    await anew.catchUp(at.service.log.replay());
    expect(place.rows()).toStrictEqual(whole);
  });

  test("the index of another log is thrown away", async () => {
    const other = await fixture();
    const store = new MemoryStore(await indexRows(at, 1000));
    const cleared: string[] = [];
    const place = {
      open: () => Promise.resolve(cleared.length > 0 ? new MemoryStore() : store.reopen()),
      clear: () => {
        cleared.push("cleared");
        return Promise.resolve();
      },
    };
    const index = await openIndex(place, { log: LOG }, other.service.log.replay());
    expect([index.size, cleared]).toStrictEqual([0, ["cleared"]]);
    await other.service.close();
  });

  test("one that fails is not used any more, and the log goes on: SERVER_SEARCH_UNAVAILABLE", async () => {
    const place = memoryPlace();
    const index = await openIndex(place, { log: LOG }, at.service.log.replay());
    const failures: unknown[] = [];
    const follower = new Follower(index, at.service.log, {
      onFailure: (error) => failures.push(error),
    });
    await index.close();
    await follower.settled();
    expect(failures).toHaveLength(1);
    expect(() => follower.require()).toThrow(
      expect.objectContaining({ code: "SERVER_SEARCH_UNAVAILABLE" }),
    );
    expect(at.service.isWritable()).toBe(true);
  });

  test("one below the floor of free space waits for room, and says so: LOG_SPACE_LOW", async () => {
    let free = 9;
    const space = { floorBytes: 10, freeBytes: (): Promise<number> => Promise.resolve(free) };
    const index = await openIndex(memoryPlace(), { log: LOG }, at.service.log.replay());
    const failures: unknown[] = [];
    const onFailure = (error: unknown): number => failures.push(error);
    const follower = new Follower(index, at.service.log, { onFailure, space });
    let caughtUp = 0;
    follower.onCaughtUp(() => {
      caughtUp++;
      return Promise.resolve();
    });
    await expect(follower.settled()).rejects.toMatchObject({ code: "LOG_SPACE_LOW" });
    expect([index.size, caughtUp, failures]).toStrictEqual([0, 0, []]);
    free = 10;
    await follower.settled();
    expect([index.size, caughtUp, failures]).toStrictEqual([7, 1, []]);
    // With all of it there, room does not matter.
    free = 9;
    await follower.settled();
    await follower.close();
  });

  test("one that waits for its time is hurried by whoever wants all of it, and by its end", async () => {
    jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
    try {
      const index = await openIndex(memoryPlace(), { log: LOG }, at.service.log.replay());
      const follower = new Follower(index, at.service.log, { onFailure: () => undefined });
      await follower.settled();
      // No time passes: woken, it waits for good.
      follower.wake();
      await follower.settled();
      follower.wake();
      await follower.close();
      expect(index.size).toBe(7);
    } finally {
      jest.useRealTimers();
    }
  });
});

test("an index follows once a second, and sooner where much is on its way to it", async () => {
  jest.useFakeTimers({ doNotFake: ["nextTick", "setImmediate", "queueMicrotask"] });
  try {
    const recent = new RecentStatements();
    const index = await openIndex(memoryPlace(), { log: LOG }, at.service.log.replay());
    const follower = new Follower(index, at.service.log, { onFailure: () => undefined, recent });
    let times = 0;
    follower.onCaughtUp(() => {
      times++;
      return Promise.resolve();
    });
    const after = async (ms: number): Promise<number> => {
      follower.wake();
      await jest.advanceTimersByTimeAsync(ms);
      follower.wake();
      // It reads the log and writes in turns of the event loop.
      for (let turn = 0; turn < 100; turn++) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      return times;
    };
    await follower.settled();
    expect(await after(500)).toBe(1);
    expect(await after(500)).toBe(2);
    const statement = SignedStatement.decode(await signed("on its way", "a", "text/plain"));
    expect(recent.offer(statement, 5_000_000)).toBe(true);
    expect(await after(150)).toBe(2);
    expect(await after(50)).toBe(3);
    await follower.close();
  } finally {
    jest.useRealTimers();
  }
});

test("what was found is what the statements say", async () => {
  const { hits } = await search("");
  for (const { entryId, issuer, subject } of hits) {
    const body = await at.service.log.body(Uint8Array.from(Buffer.from(entryId, "hex")));
    const { claims } = SignedStatement.decode(body);
    expect([claims.issuer, claims.subject]).toStrictEqual([issuer, subject]);
  }
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Yields the rows of an index of the log that was stopped, and opened again, after every few writes. */
async function indexRows({ service }: Fixture, writes: number): Promise<readonly Row[]> {
  let store = new MemoryStore();
  for (;;) {
    store = store.reopen();
    const place = { open: () => Promise.resolve(store), clear: () => Promise.resolve() };
    const index = await openIndex(place, { log: LOG }, service.log.replay());
    let left = writes;
    await index.catchUp(service.log.replay(), () => --left > 0);
    if (index.size === service.size()) return store.rows();
  }
}

/** Makes a place with rows in it, and tells what is there. */
function placeOver(rows: readonly Row[]): SearchPlace & { readonly rows: () => readonly Row[] } {
  let store = new MemoryStore(rows);
  return {
    open: () => {
      store = store.reopen();
      return Promise.resolve(store);
    },
    clear: () => {
      store = new MemoryStore();
      return Promise.resolve();
    },
    rows: () => store.rows(),
  };
}

function otherFormat(format: string): (rows: readonly Row[]) => readonly Row[] {
  const state = encodeCbor([format, 7]);
  return (rows) => rows.map((row) => (row.key[0] === 0x53 ? sealRow(row.key, state) : row));
}

function flipped(kind: string): (rows: readonly Row[]) => readonly Row[] {
  return (rows) =>
    rows.map(({ key, value }) => {
      if (key[0] !== kind.charCodeAt(0)) return { key, value };
      const changed = value.slice();
      changed[9] = (changed[9] ?? 0) ^ 1;
      return { key, value: changed };
    });
}
