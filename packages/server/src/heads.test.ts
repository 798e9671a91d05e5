import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  IndexMap,
  committedKeys,
  decodeCompleteness,
  decodeHead,
  signHead,
  termKey,
  verifyList,
  verifyPath,
} from "@tallystick/catalog";
import type { ListedEntry, Term } from "@tallystick/catalog";
import { decodeCbor, encodeHex } from "@tallystick/cose";
import { MemoryStore, RowBlock } from "@tallystick/log";
import type { Row } from "@tallystick/log";
import { SignedStatement, signStatement } from "@tallystick/statement";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { Follower } from "./search/follower.js";
import { Heads } from "./search/heads.js";
import { IndexProver, MAX_PROVEN } from "./search/prover.js";
import { listedRowKey, termRowKey } from "./search/row-keys.js";
import { RowMaker } from "./search/row-maker.js";
import { SearchIndex } from "./search/search-index.js";
import { post, problemOf, read, until } from "./testing/exchange.js";
import { ISSUER, ORIGIN, TIME, VENDOR, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

/** Enough subjects for buckets to have neighbours, and some with more than one entry. */
const COUNT = 300;

const LOG = { issuer: ISSUER, origin: ORIGIN };

let at: Fixture;
let server: RunningServer;

async function grow(from: number, to: number): Promise<void> {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  const signed = numbers.map((number) => {
    const payload = new TextEncoder().encode(`statement ${number}`);
    const about = { issuer: VENDOR, subject: `subject ${number % 250}`, contentType: "text/plain" };
    return signStatement({ payload, ...about }, at.vendor);
  });
  for (const statement of await Promise.all(signed)) void at.service.register(statement);
  await until(() => at.service.size() >= to + 3);
}

beforeAll(async () => {
  at = await fixture();
  await at.admitHeads();
  await grow(0, COUNT);
  await at.service.commitHead();
  // What comes behind a head shows in no proof under it.
  await grow(COUNT, COUNT + 5);
  await at.service.searchSettled();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
});

afterAll(async () => {
  await server.close();
  await at.service.close();
});

async function proofOf(query: string): Promise<Uint8Array> {
  const { status, body } = await read(`${server.url}/search/proof?${query}`);
  expect(status).toBe(200);
  return body;
}

/** Yields the entries that a proof shows to be all about a term, and the size that it holds for. */
function shown(bytes: Uint8Array, term: Term): readonly [readonly ListedEntry[], number] {
  const { head, path, entries } = decodeCompleteness(bytes);
  const { payload } = SignedStatement.decode(head);
  const { size, root } = decodeHead(payload ?? new Uint8Array());
  return [verifyList(entries, verifyPath(path, termKey(term), root)), size];
}

const subjects: { readonly id: string; readonly subject: string | undefined }[] = [];

async function entriesAbout(subject: string, size: number): Promise<readonly string[]> {
  while (subjects.length < size) {
    const entry = await at.service.log.entryAt(subjects.length);
    const { claims } = SignedStatement.decode(await at.service.log.body(entry));
    subjects.push({ id: encodeHex(entry), subject: claims.subject });
    // Memory never waits, and connections that are idle meanwhile have to be let go of in time.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const about = subjects.slice(0, size).filter((one) => one.subject === subject);
  return about.map(({ id }) => id);
}

describe("a head", () => {
  test("commits to the index that the entries before it make", async () => {
    const head = at.service.requireSearch().head;
    const size = head?.size ?? 0;
    expect(size).toBe(COUNT + 3);
    const map = new IndexMap();
    for (let index = 0; index < size; index++) {
      const entry = await at.service.log.entryAt(index);
      const statement = SignedStatement.decode(await at.service.log.body(entry));
      for (const key of committedKeys(statement)) map.add(key, { index, entry });
    }
    expect(encodeHex(head?.root ?? new Uint8Array())).toBe(encodeHex(map.root()));
  });

  test("is followed by no other until something comes", async () => {
    const { service } = at;
    const before = service.size();
    expect(await service.commitHead()).toBe(before);
    expect(await service.commitHead()).toBeUndefined();
    expect(service.size()).toBe(before + 1);
  });
});

describe("a head that comes from outside is refused, whoever signed it: SERVER_HEAD_RESERVED", () => {
  const about = { issuer: ISSUER, origin: ORIGIN, issuedAt: TIME };
  const root = new Uint8Array(32);

  test("at POST /entries", async () => {
    const size = at.service.size();
    const body = await signHead({ size: 1, root }, about, at.indexKey);
    const answer = await post(server.url, body);
    expect([answer.status, ...problemOf(answer)]).toStrictEqual([
      403,
      "Forbidden",
      "Heads of the index are registered by the service alone: this is one of this log",
    ]);
    await expect(at.service.register(body)).rejects.toMatchObject({ code: "SERVER_HEAD_RESERVED" });
    expect(at.service.size()).toBe(size);
  });

  test("at POST /batch", async () => {
    const size = at.service.size();
    const body = await signHead({ size: 2, root }, about, at.indexKey);
    const headers = { "content-type": "application/cbor-seq" };
    const answer = await fetch(`${server.url}/batch`, {
      method: "POST",
      headers,
      body: new Uint8Array(body),
    });
    const result = decodeCbor(new Uint8Array(await answer.arrayBuffer()));
    expect(result).toStrictEqual([...[SignedStatement.decode(body).entry, 403], expect.any(Map)]);
    expect(at.service.size()).toBe(size);
  });

  test("but one that the log has is found", async () => {
    const { entry } = at.service.requireSearch().head ?? { entry: new Uint8Array() };
    const found = await at.service.register(await at.service.log.body(entry));
    expect(found.isDuplicate).toBe(true);
  });

  test("and one of another log is a statement like any", async () => {
    const other = { ...about, origin: "log.example/second" };
    const { isDuplicate } = await at.service.register(
      await signHead({ size: 1, root }, other, at.indexKey),
    );
    expect(isDuplicate).toBe(false);
  });
});

describe("an index that has not caught up", () => {
  async function partly(): Promise<SearchIndex> {
    const [store, replay] = [new MemoryStore(), at.service.log.replay()];
    const index = await SearchIndex.open({ store, log: LOG });
    await index.catchUp(replay, () => false);
    expect(index.size).toBeLessThan(at.service.size());
    return index;
  }

  function headsOver(index: SearchIndex, everySeconds?: number): readonly [Heads, () => number[]] {
    const [woken, registered]: [number[], Uint8Array[]] = [[], []];
    const parts = {
      ...{ index, prover: new IndexProver(index), log: LOG, now: () => TIME + woken.length },
      size: () => at.service.size(),
      register: (statement: Uint8Array) => Promise.resolve(registered.push(statement)),
      wake: () => void woken.push(1),
    };
    const heads = new Heads({ signer: at.indexKey, everySeconds }, parts);
    return [heads, () => [woken.length, registered.length]];
  }

  test("is not committed to by the timer, which has it catch up", async () => {
    const [heads, counts] = headsOver(await partly(), 0.001);
    await until(() => (counts()[0] ?? 0) > 2);
    await heads.stop();
    expect(counts()[1]).toBe(0);
  });

  test("is not committed to by anybody: a later head covers as much as the newest", async () => {
    const index = await partly();
    const [heads, counts] = headsOver(index);
    expect(await heads.commit()).toBeUndefined();
    expect(counts()[1]).toBe(0);
    await at.service.register(await at.sign("comes behind the newest head"));
    await index.catchUp(at.service.log.replay());
    expect(await heads.commit()).toBe(at.service.size());
    expect(counts()[1]).toBe(1);
  });
});

describe("an index with a row that is not as it was", () => {
  const key = termKey({ kind: "subject", value: "subject 7" });

  /** Opens the whole index over rows that were changed. */
  async function over(change: (rows: readonly Row[]) => readonly Row[]): Promise<SearchIndex> {
    const store = new MemoryStore();
    const index = await SearchIndex.open({ store, log: LOG });
    await index.catchUp(at.service.log.replay());
    return SearchIndex.open({ store: new MemoryStore(change(store.rows())), log: LOG });
  }

  const isMember = ({ key: row }: Row): boolean => row[0] === 0x4b && row[1] === key[0];

  test("is not committed to without one of its terms", async () => {
    const whole = await over((rows) => rows);
    await expect(new IndexProver(whole).root(whole.extent)).resolves.toHaveLength(32);
    const index = await over((rows) => rows.filter((row) => !isMember(row)));
    await expect(new IndexProver(index).root(index.extent)).rejects.toMatchObject({
      code: "LOG_CORRUPT",
    });
  });

  test("lists nothing of a term whose list lacks an entry", async () => {
    const query = { kind: "issuer", value: VENDOR } as const;
    const whole = await over((rows) => rows);
    await expect(new IndexProver(whole).prove(query)).resolves.toMatchObject(query);
    const [state] = await whole.rows.terms([{ kind: "issuer", key: termKey(query) }]);
    const list = encodeHex(listedRowKey(state?.number ?? 0, 0)).slice(0, -2);
    // The oldest one, which is a key alone: nothing but the chain tells that it was there.
    const index = await over((rows) => {
      const lost = rows.find((row) => encodeHex(row.key).startsWith(list));
      expect(lost?.value).toHaveLength(0);
      return rows.filter((row) => row !== lost);
    });
    await expect(new IndexProver(index).prove(query)).rejects.toMatchObject({
      code: "LOG_CORRUPT",
    });
  });

  test("with a count beyond what is proven, lists nothing: SERVER_LIST_TOO_LONG", async () => {
    const list = { count: MAX_PROVEN + 1, digest: new Uint8Array(32) };
    const term = { kind: "subject", key } as const;
    const long = new RowMaker(new RowBlock()).term(term, { number: 0, list, index: 5 });
    const index = await over((rows) =>
      rows.map((row) => (encodeHex(row.key) === encodeHex(long.key) ? long : row)),
    );
    const refusal = new IndexProver(index).prove({ kind: "subject", value: "subject 7" });
    await expect(refusal).rejects.toMatchObject({ code: "SERVER_LIST_TOO_LONG" });
  });

  test("has the next start make it anew, where following met it", async () => {
    const store = new MemoryStore();
    const first = await SearchIndex.open({ store, log: LOG });
    await first.catchUp(at.service.log.replay(), () => false);
    const vendor = termRowKey({ kind: "issuer", key: termKey({ kind: "issuer", value: VENDOR }) });
    await store.write([{ key: vendor, value: Uint8Array.of(1, 2, 3, 4, 5) }]);
    // What the first one has in mind it does not read again.
    const index = await SearchIndex.open({ store, log: LOG });
    const failures: unknown[] = [];
    const follower = new Follower(index, at.service.log, {
      onFailure: (error) => failures.push(error),
    });
    await follower.settled();
    await follower.close();
    expect(failures).toMatchObject([{ code: "LOG_CORRUPT" }]);
    await expect(SearchIndex.open({ store: store.reopen(), log: LOG })).rejects.toMatchObject({
      code: "LOG_CORRUPT",
    });
  });
});

test("proofs are made one after the other, and few of them wait: SERVER_BUSY", async () => {
  const prover = new IndexProver(at.service.requireSearch());
  const asked = Array.from({ length: 40 }, () => prover.prove({ kind: "issuer", value: VENDOR }));
  const answers = await Promise.allSettled(asked);
  const made = answers.filter(({ status }) => status === "fulfilled");
  const refused = answers.filter(({ status }) => status === "rejected");
  expect([made.length, refused.length]).toStrictEqual([17, 23]);
  expect(refused[0]).toMatchObject({ reason: { code: "SERVER_BUSY" } });
  await expect(prover.prove({ kind: "subject", value: "a" })).resolves.toBeDefined();
});

describe("GET /search/proof", () => {
  test.each(["subject 0", "subject 7", "subject 249", "registration-policy", "nobody's"])(
    "shows all there is about %p",
    async (subject) => {
      const bytes = await proofOf(`sub=${encodeURIComponent(subject)}`);
      const question = { kind: "subject", value: subject } as const;
      const [entries, size] = shown(bytes, question);
      const ids = entries.map(({ entry }) => encodeHex(entry));
      expect(ids).toStrictEqual(await entriesAbout(subject, size));
    },
  );

  test("shows all of an issuer", async () => {
    const bytes = await proofOf(`iss=${encodeURIComponent(VENDOR)}`);
    const question = { kind: "issuer", value: VENDOR } as const;
    const [entries] = shown(bytes, question);
    expect(entries).toHaveLength(COUNT + 5);
  });

  test("has the newest head, with a receipt", async () => {
    const { head } = decodeCompleteness(await proofOf("sub=a"));
    const { payload, receipts } = SignedStatement.decode(head);
    expect(decodeHead(payload ?? new Uint8Array()).size).toBe(
      at.service.requireSearch().head?.size,
    );
    expect(receipts).toHaveLength(1);
  });

  test.each([
    ["neither", ""],
    ["both", "sub=a&iss=b"],
    ["a kind that is not committed to", "type=text/plain"],
    ["a page", "sub=a&limit=1"],
  ])("takes one of iss and sub, not %s", async (_name, query) => {
    const answer = await read(`${server.url}/search/proof?${query}`);
    expect(answer.status).toBe(400);
    expect(problemOf(answer)[0]).toBe("Bad Request");
  });

  test("answers only once there is a head: SERVER_HEAD_MISSING", async () => {
    const other = await fixture();
    await expect(other.service.completeness({ kind: "subject", value: "a" })).rejects.toMatchObject(
      {
        code: "SERVER_HEAD_MISSING",
      },
    );
    await other.service.close();
  });
});
