import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { termsOf } from "@tallystick/catalog";
import { mentionsIn } from "@tallystick/content";
import { digest, encodeHex, PrivateKey } from "@tallystick/cose";
import { MemoryStore } from "@tallystick/log";
import { SignedStatement, signHashEnvelope, signStatement } from "@tallystick/statement";
import fc from "fast-check";

import { serve } from "../listen.js";
import type { RunningServer } from "../listen.js";
import { problemOf, read } from "../testing/exchange.js";
import { ISSUER, ORIGIN, TIME, VENDOR, fixture } from "../testing/service.js";
import type { Fixture } from "../testing/service.js";
import { DerivedSearch } from "./derived.js";
import { openIndex } from "./follower.js";
import type { SoughtMention } from "./mention-rows.js";
import { searchPage } from "./query.js";
import type { SearchPage, SearchQuery } from "./query.js";
import { RecentStatements } from "./recent.js";
import { SearchRows } from "./rows.js";
import type { IndexSource } from "./search-index.js";

const LOG = { issuer: ISSUER, origin: ORIGIN };
const RELEASE = "application/vnd.tallystick.firmware-release+json";
const CYCLONEDX = "application/vnd.cyclonedx+json";

let key: PrivateKey;

beforeAll(async () => {
  key = await PrivateKey.generate("EdDSA");
});

async function signed(
  payload: Uint8Array,
  contentType: string,
  issuer: string = VENDOR,
): Promise<SignedStatement> {
  const about = { contentType, issuer, subject: "a" };
  return SignedStatement.decode(await signStatement({ payload, ...about }, key));
}

async function enveloped(preimage: Uint8Array): Promise<SignedStatement> {
  const about = { issuer: VENDOR, subject: "a", contentType: CYCLONEDX, hash: "sha-256" } as const;
  const named = { digest: digest("sha-256", preimage) };
  return SignedStatement.decode(await signHashEnvelope({ ...about, preimage: named }, key));
}

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

function hashOf(value: unknown): string {
  return encodeHex(digest("sha-256", bytesOf(value)));
}

function bomOf(names: readonly string[]): object {
  const components = names.map((name) => ({
    ...{ type: "library", name, version: "1", purl: `pkg:npm/${name}@1` },
    hashes: [{ alg: "SHA-256", content: hashOf(name) }],
  }));
  return { bomFormat: "CycloneDX", specVersion: "1.6", components };
}

function releaseOf(vendor: string, product: string, files: readonly string[]): object {
  return {
    ...{ format: "tallystick-release/1", vendor, product, version: "1" },
    files: files.map((name) => ({ name, digests: [{ alg: "sha-256", value: hashOf(name) }] })),
    measurements: [{ element: "1", digests: [{ alg: "sha-256", value: hashOf("measured") }] }],
  };
}

function sourceOf(statements: readonly SignedStatement[]): IndexSource {
  return {
    size: statements.length,
    entries: async function* (bundle, from) {
      await Promise.resolve();
      for (const statement of statements.slice(from, 256 * (bundle + 1))) yield { statement };
    },
    times: (bundle) =>
      256 * (bundle + 1) < statements.length ? [] : [{ size: statements.length, time: TIME }],
  };
}

/** Yields all pages of what is found. */
async function allOf(search: DerivedSearch, query: SearchQuery): Promise<readonly SearchPage[]> {
  const pages: SearchPage[] = [];
  for (let from: number | null = query.from ?? 0; from !== null;) {
    const page: SearchPage = await search.page({ ...query, from });
    expect(page.next ?? Infinity).toBeGreaterThan(from);
    pages.push(page);
    from = page.next;
  }
  return pages;
}

/** Yields whether a statement speaks of it, by looking at what it says. */
function speaksOf(statement: SignedStatement, { kind, value }: SoughtMention): boolean {
  const payload = termsOf(statement).find((term) => term.kind === "payload")?.value;
  if (kind === "digest" && value.endsWith(`:${String(payload)}`)) return true;
  return mentionsIn(statement).list.some((one) => one.kind === kind && one.value === value);
}

describe("an index", () => {
  let statements: readonly SignedStatement[];
  let search: DerivedSearch;
  let asked: readonly SoughtMention[];

  beforeAll(async () => {
    const names = ["one", "two", "three", "four"];
    const payloads: (readonly [Uint8Array, string])[] = [
      ...names.map((name) => [bytesOf(bomOf([name, "all"])), CYCLONEDX] as const),
      ...names.map((name) => [bytesOf(releaseOf("V", name, [name])), RELEASE] as const),
      ...names.map((name) => [bytesOf(name), "text/plain"] as const),
      ...names.map((name) => [bytesOf(`{"${name}`), "application/json"] as const),
      ...names.map((name) => [bytesOf(bomOf([name])), "application/x-unknown"] as const),
    ];
    const plain = await Promise.all([
      ...payloads.map(([payload, type]) => signed(payload, type)),
      ...payloads.map(([payload, type]) => signed(payload, type, "https://other.example")),
      ...names.map((name) => enveloped(bytesOf(name))),
    ]);
    // Several times, so that lists are longer than what is read at a time.
    statements = Array.from({ length: 4 }, () => plain).flat();
    search = await DerivedSearch.make({ store: new MemoryStore(), log: LOG }, sourceOf(statements));
    const all = plain.flatMap((statement) => mentionsIn(statement).list);
    asked = [
      ...new Map(all.map(({ kind, value }) => [`${kind} ${value}`, { kind, value }])).values(),
      { kind: "digest", value: `sha-256:${hashOf("nobody")}` },
      { kind: "deviceClass", value: "none" },
    ];
  });

  afterAll(() => search.close());

  test("finds by each what a look at every statement finds", async () => {
    for (const one of asked) {
      const pages = await allOf(search, { terms: [], mentions: [one], limit: 1000 });
      const found = pages.flatMap(({ hits }) => hits.map(({ index }) => index));
      const looked = [...statements.keys()].filter((i) =>
        statements.slice(i, i + 1).some((statement) => speaksOf(statement, one)),
      );
      expect([one, found]).toStrictEqual([one, looked]);
    }
  });

  test("finds the same by several at once, in a range, in pages, and says what it could not read", async () => {
    const query = fc.record({
      mentions: fc.subarray([...asked], { minLength: 1, maxLength: 3 }),
      terms: fc.subarray([
        { kind: "issuer", value: VENDOR } as const,
        { kind: "contentType", value: CYCLONEDX } as const,
      ]),
      from: fc.nat(200),
      before: fc.nat(200),
      limit: fc.integer({ min: 1, max: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(query, async (one) => {
        const pages = await allOf(search, one);
        const within = statements
          .map((statement, index) => ({ statement, index }))
          .filter(({ index }) => index >= one.from && index < one.before)
          .filter(({ statement }) =>
            one.terms.every(({ kind, value }) =>
              termsOf(statement).some((term) => term.kind === kind && term.value === value),
            ),
          );
        const isHit = (statement: SignedStatement): boolean =>
          one.mentions.every((mention) => speaksOf(statement, mention));
        const looked = within.filter(({ statement }) => isHit(statement));
        const unread = within.filter(
          ({ statement }) => !isHit(statement) && !mentionsIn(statement).isWhole,
        );
        expect(pages.flatMap(({ hits }) => hits.map(({ index }) => index))).toStrictEqual(
          looked.map(({ index }) => index),
        );
        expect(pages.flatMap(({ partial = [] }) => partial)).toStrictEqual(
          unread.map(({ index, statement }) => ({ index, entryId: statement.entryId })),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("says as what a statement speaks of it", async () => {
    const value = `sha-256:${hashOf("one")}`;
    const pages = await allOf(search, {
      ...{ terms: [{ kind: "issuer", value: VENDOR }], limit: 1000, before: 44 },
      mentions: [{ kind: "digest", value }],
    });
    const said = pages.flatMap(({ hits }) => hits.map(({ mentions }) => mentions?.[0]));
    // The bill, the release, the text itself, and the envelope of that text.
    expect(said).toStrictEqual([
      { kind: "digest", value, as: ["component"] },
      { kind: "digest", value, as: ["file"] },
      { kind: "digest", value, as: ["payload"] },
      { kind: "digest", value, as: ["payload"] },
    ]);
  });

  test("says nothing of it where nobody asked", async () => {
    const page = await search.page({ terms: [], limit: 1 });
    expect(page.partial).toBeUndefined();
    expect(page.hits[0]).not.toHaveProperty("mentions");
  });
});

describe("entries that cannot be read", () => {
  const mentions = [{ kind: "vendor", value: "v" }] as const;
  const last = 250;
  let store: MemoryStore;
  let search: DerivedSearch;

  beforeAll(async () => {
    const broken = await Promise.all(
      Array.from({ length: last }, (_, i) =>
        signed(bytesOf(`{"${i}`), "application/json", i % 2 === 0 ? VENDOR : "https://b.example"),
      ),
    );
    const found = await signed(bytesOf(releaseOf("V", "P", ["f"])), RELEASE);
    store = new MemoryStore();
    search = await DerivedSearch.make({ store, log: LOG }, sourceOf([...broken, found]));
  });

  afterAll(() => search.close());

  test("stand in the way of no hit: a hundred are named, and from where the others", async () => {
    const page = await search.page({ terms: [], mentions, limit: 10 });
    expect(page.hits.map(({ index }) => index)).toStrictEqual([last]);
    expect([page.partial?.length, page.nextPartial, page.next]).toStrictEqual([100, 100, null]);
  });

  test.each([
    ["whatever they have", []],
    ["of an issuer", [{ kind: "issuer", value: VENDOR }] as const],
  ])("are all named, each once: %s", async (_, terms) => {
    const named: number[] = [];
    for (let from: number | null = 0; from !== null;) {
      const page: SearchPage = await search.page({ terms, mentions, limit: 10, from });
      expect(page.hits).toHaveLength(1);
      named.push(...(page.partial ?? []).map(({ index }) => index));
      from = page.nextPartial ?? null;
    }
    const every = terms.length === 0 ? 1 : 2;
    expect(named).toStrictEqual(Array.from({ length: last / every }, (_, i) => every * i));
  });

  test("are named without a look at what they have where no term is asked for", async () => {
    const facts = jest.spyOn(SearchRows.prototype, "facts");
    await search.page({ terms: [], mentions, limit: 10 });
    expect(facts.mock.calls.flatMap(([indexes]) => indexes)).toStrictEqual([last]);
    facts.mockRestore();
  });
});

test("what entries have is read 32 at a time, up to 8 Mi characters of it", async () => {
  const subject = "s".repeat(400_000);
  const about = { contentType: "application/json", issuer: VENDOR, subject };
  const one = { payload: bytesOf('{"'), ...about };
  const wide = SignedStatement.decode(await signStatement(one, key));
  const statements = Array.from({ length: 70 }, () => wide);
  const search = await DerivedSearch.make(
    { store: new MemoryStore(), log: LOG },
    sourceOf(statements),
  );
  const facts = jest.spyOn(SearchRows.prototype, "facts");
  const mentions = [{ kind: "vendor", value: "v" }] as const;
  const terms = [{ kind: "issuer", value: VENDOR }] as const;
  const { partial, nextPartial } = await search.page({ terms, mentions, limit: 10 });
  expect([partial?.length, nextPartial]).toStrictEqual([21, 21]);
  expect(facts.mock.calls.map(([indexes]) => indexes.length)).toStrictEqual([32]);
  facts.mockRestore();
  await search.close();
});

test("whatever the payloads are, all of them are indexed", async () => {
  const types = [CYCLONEDX, RELEASE, "application/json", "application/swid+xml", "text/plain"];
  const whole = bytesOf(bomOf(["one", "two"]));
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json().map(bytesOf),
    fc
      .record({ at: fc.nat(whole.length), put: fc.uint8Array({ maxLength: 4 }) })
      .map(({ at, put }) => Uint8Array.of(...whole.slice(0, at), ...put, ...whole.slice(at + 1))),
  );
  const one = fc.record({ payload, contentType: fc.constantFrom(...types) });
  await fc.assert(
    fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 20 }), async (given) => {
      const statements = await Promise.all(
        given.map(({ payload: bytes, contentType }) => signed(bytes, contentType)),
      );
      const options = { store: new MemoryStore(), log: LOG };
      const search = await DerivedSearch.make(options, sourceOf(statements));
      const { size, hits } = await search.page({ terms: [], limit: 1000 });
      expect([size, hits.length]).toEqual([given.length, given.length]);
      await search.close();
    }),
    { numRuns: 40 },
  );
});

describe("a service", () => {
  let at: Fixture;
  let server: RunningServer;
  const FILE = hashOf("rom");

  beforeAll(async () => {
    at = await fixture();
    // Has admission read every payload of a vendor.
    await at.service.register(
      await at.propose({ rules: [{ name: "sound", use: "soundContent", with: {} }] }),
    );
    server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  });

  afterAll(async () => {
    await server.close();
    await at.service.close();
  });

  const vendors = async (payload: unknown, contentType: string): Promise<Uint8Array> => {
    const about = { contentType, issuer: VENDOR, subject: "a" };
    return signStatement({ payload: bytesOf(payload), ...about }, at.vendor);
  };

  test("hands over what admission has read, and the index is that of the log", async () => {
    const offer = jest.spyOn(RecentStatements.prototype, "offer");
    await at.service.register(await vendors(releaseOf("V", "P", ["rom"]), RELEASE));
    await at.service.register(await vendors(bomOf(["one"]), CYCLONEDX));
    await at.service.searchSettled();
    expect(offer.mock.calls.map(([, , content]) => content?.kind)).toEqual([
      "release",
      "cyclonedx",
    ]);
    offer.mockRestore();
    const { body } = await read(`${server.url}/search?digest=${FILE}`);
    const page = JSON.parse(new TextDecoder().decode(body)) as SearchPage;
    const as = ["file"];
    expect(page.hits.map(({ index, mentions }) => ({ index, mentions }))).toEqual([
      { index: 3, mentions: [{ kind: "digest", value: `sha-256:${FILE}`, as }] },
    ]);
    const anew = new MemoryStore();
    const place = { open: () => Promise.resolve(anew), clear: () => Promise.resolve() };
    const index = await openIndex(place, { log: LOG }, at.service.log.replay());
    await index.catchUp(at.service.log.replay());
    const asked = [
      ...[`sha-256:${FILE}`, `sha-256:${hashOf("one")}`].map((value) => ({
        kind: "digest",
        value,
      })),
      ...[
        { kind: "purl", value: "pkg:npm/one" },
        { kind: "vendor", value: "v" },
      ],
    ] as readonly SoughtMention[];
    for (const one of asked) {
      const query = { terms: [], mentions: [one], limit: 10 };
      const page = await at.service.search(query);
      expect(page.hits).toHaveLength(1);
      expect(await searchPage(index, query)).toStrictEqual(page);
    }
  });

  test.each([
    ["digest=abcd", /: digest is no digest/],
    [`digest=${FILE.toUpperCase()}`, /: digest is no digest/],
    [`digest=sha-512:${FILE}`, /: digest is no digest/],
    [`digest=${FILE}&digest=${FILE}`, /digest is given twice/],
    ["purl=npm/foo", /: purl is no package URL/],
    ["vendor=%20", /: vendor says nothing/],
    ["deviceClass=", /deviceClass has no value/],
    ["device-class=a", /the parameters are/],
  ])("refuses %s", async (query, detail) => {
    const answer = await read(`${server.url}/search?${query}`);
    expect(answer.status).toBe(400);
    expect(problemOf(answer)[1]).toMatch(detail);
  });
});
