import { beforeAll, describe, expect, test } from "@jest/globals";
import { IndexMap, committedKeys } from "@tallystick/catalog";
import { MENTION_ROLES } from "@tallystick/content";
import { PrivateKey, digest, encodeHex } from "@tallystick/cose";
import { MemoryStore } from "@tallystick/log";
import type { Row } from "@tallystick/log";
import { SignedStatement, signHashEnvelope, signStatement } from "@tallystick/statement";
import fc from "fast-check";

import { KnownTerms } from "./search/known-terms.js";
import { PayloadReader } from "./search/payload-reader.js";
import { IndexProver } from "./search/prover.js";
import { searchPage } from "./search/query.js";
import { SearchIndex } from "./search/search-index.js";
import type { IndexSource } from "./search/search-index.js";
import { plainIndex } from "./testing/plain-index.js";
import type { PlainCheckpoint } from "./testing/plain-index.js";
import { ISSUER, ORIGIN, TIME } from "./testing/service.js";

const LOG = { issuer: ISSUER, origin: ORIGIN };

/** More than two bundles, so that a term comes in several of them. */
const COUNT = 600;

/** Subjects of which few come often and some once; one is longer than what is kept in memory. */
function subjectOf(i: number): string {
  if (i % 50 === 7) return `long ${"ü".repeat(400)}`;
  return i % 3 === 0 ? `once ${i}` : `part ${i % 5} ☂`;
}

let statements: readonly SignedStatement[];
let checkpoints: readonly PlainCheckpoint[];

beforeAll(async () => {
  const key = await PrivateKey.generate("EdDSA");
  const signed = await Promise.all(
    Array.from({ length: COUNT }, (_, i) => {
      const issuer = `https://issuer-${i % 4}.example`;
      const about = { issuer, subject: subjectOf(i), issuedAt: TIME + i };
      // Some payloads are there twice, under statements that differ.
      const payload = new TextEncoder().encode(`payload ${i % 500}`);
      if (i % 10 === 4) {
        const hash = "sha-384" as const;
        const preimage = { digest: digest(hash, payload) };
        return signHashEnvelope({ ...about, hash, preimage }, key);
      }
      const contentType = i % 7 === 0 ? i % 60 : "text/plain; charset=utf-8";
      return signStatement({ ...about, contentType, payload }, key);
    }),
  );
  statements = signed.map((bytes) => SignedStatement.decode(bytes));
  checkpoints = Array.from({ length: COUNT / 10 }, (_, i) => ({
    size: 10 * (i + 1),
    time: TIME + i,
  }));
});

/** Yields the log as far as a size. */
function upTo(size: number): IndexSource {
  return {
    size,
    entries: async function* (bundle, from) {
      await Promise.resolve();
      const part = statements.slice(
        Math.max(from, 256 * bundle),
        Math.min(size, 256 * (bundle + 1)),
      );
      for (const statement of part) yield { statement };
    },
    times: (bundle, above) =>
      checkpoints.filter(
        (at) =>
          at.size > Math.max(above, 256 * bundle) && at.size <= Math.min(size, 256 * bundle + 256),
      ),
  };
}

async function followed(sizes: readonly number[]): Promise<readonly string[]> {
  const store = new MemoryStore();
  const index = await SearchIndex.open({ store, log: LOG });
  for (const size of sizes) await index.takeAll(upTo(size));
  return linesOf(store.rows());
}

/** Yields a line for each row, for thousands of arrays take long to compare one by one. */
function linesOf(rows: readonly Row[]): readonly string[] {
  return rows.map(({ key, value }) => `${encodeHex(key)} ${encodeHex(value)}`);
}

test("has the rows of an index that is made entry after entry, in whatever parts it follows", async () => {
  const expected = linesOf(await plainIndex(statements, checkpoints));
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: COUNT }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(cuts, async (sizes) => {
      const rows = await followed([...sizes.sort((a, b) => a - b), COUNT]);
      expect(rows).toStrictEqual(expected);
    }),
    { numRuns: 4 },
  );
});

test("knows what the map was at every earlier size", async () => {
  const index = await SearchIndex.open({ store: new MemoryStore(), log: LOG });
  await index.takeAll(upTo(COUNT));
  const map = new IndexMap();
  for (const [i, statement] of statements.entries()) {
    for (const termOf of committedKeys(statement)) {
      map.add(termOf, { index: i, entry: statement.entry });
    }
    const size = i + 1;
    if (size % 37 !== 0 && size !== COUNT) continue;
    const root = await new IndexProver(index).rootAt(size);
    expect([size, encodeHex(root)]).toStrictEqual([size, encodeHex(map.root())]);
  }
});

test("tells payloads apart whose digests begin in the same way", async () => {
  const key = await PrivateKey.generate("EdDSA");
  const digests = [1, 2, 1].map((end) => new Uint8Array(32).fill(7, 0, 31).fill(end, 31));
  const enveloped = await Promise.all(
    digests.map(async (one, i) => {
      const about = { issuer: "a", subject: `s ${i}`, issuedAt: TIME };
      const named = { ...about, hash: "sha-256", preimage: { digest: one } } as const;
      return SignedStatement.decode(await signHashEnvelope(named, key));
    }),
  );
  const index = await SearchIndex.open({ store: new MemoryStore(), log: LOG });
  await index.takeAll({
    size: enveloped.length,
    entries: async function* () {
      await Promise.resolve();
      for (const statement of enveloped) yield { statement };
    },
    times: () => [{ size: enveloped.length, time: TIME }],
  });
  const found = async (value: string): Promise<readonly (readonly number[])[]> => {
    const byTerm = { terms: [{ kind: "payload", value }], limit: 10 } as const;
    const mentions = [{ kind: "digest", value: `sha-256:${value}` }] as const;
    const pages = [byTerm, { terms: [], mentions, limit: 10 }].map((query) =>
      searchPage(index, query),
    );
    return (await Promise.all(pages)).map(({ hits }) => hits.map((hit) => hit.index));
  };
  const [first, second] = digests.map(encodeHex);
  expect(await found(first ?? "")).toStrictEqual([
    [0, 2],
    [0, 2],
  ]);
  expect(await found(second ?? "")).toStrictEqual([[1], [1]]);
  expect(await found(`${"07".repeat(31)}03`)).toStrictEqual([[], []]);
});

describe("entries that speak of much", () => {
  const LARGE = 12_000;
  const MENTIONS: readonly number[] = [3, 5000, 3000, 3000, LARGE, 2, 8192, 1];

  /** Counts the rows of mentions in each write. */
  class CountingStore extends MemoryStore {
    readonly counts: number[] = [];

    override async write(rows: readonly Row[]): Promise<void> {
      this.counts.push(rows.filter(({ key }) => key[0] === "A".charCodeAt(0)).length);
      await super.write(rows);
    }
  }

  async function written(sizes: readonly number[]): Promise<CountingStore> {
    const store = new CountingStore();
    const reader = new PayloadReader({
      read: (statement) => {
        const at = statements.findIndex(({ entryId }) => entryId === statement.entryId);
        const list = Array.from({ length: MENTIONS[at] ?? 0 }, (_, i) => ({
          ...({ kind: "purl", value: `pkg:npm/a${i}`, roles: MENTION_ROLES.slice(0, 1) } as const),
        }));
        return { list, isWhole: true };
      },
    });
    const index = await SearchIndex.open({ store, log: LOG, reader });
    for (const size of sizes) await index.takeAll(upTo(size));
    return store;
  }

  test("go into writes of 8,192 rows of mentions at most, or alone", async () => {
    const { counts } = await written([MENTIONS.length]);
    expect(counts).toStrictEqual([8003, 3000, LARGE, 2, 8192, 1]);
  });

  test("give the same rows in whatever parts they are followed", async () => {
    const size = MENTIONS.length;
    const single = await written(Array.from({ length: size }, (_, i) => i + 1));
    const expected = linesOf(single.rows());
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: size }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(cuts, async (sizes) => {
        const store = await written([...sizes.sort((a, b) => a - b), size]);
        expect(linesOf(store.rows())).toStrictEqual(expected);
        expect(store.counts.every((count) => count <= 8192 || count === LARGE)).toBe(true);
      }),
      { numRuns: 4 },
    );
  });
});

/** A store whose writes fail when told to, once they are stored or before. */
class FailingStore extends MemoryStore {
  fails: "not at all" | "before" | "after" = "not at all";

  override async write(rows: readonly Row[]): Promise<void> {
    const { fails } = this;
    if (fails !== "before") await super.write(rows);
    if (fails !== "not at all") throw new Error(`the write fails: ${fails}`);
  }
}

describe("a write that fails", () => {
  test.each(["before", "after"] as const)(
    "%s it is stored leaves nothing in memory that the store has not",
    async (fails) => {
      const expected = linesOf(await plainIndex(statements, checkpoints));
      const store = new FailingStore();
      const index = await SearchIndex.open({ store, log: LOG });
      await index.takeAll(upTo(300));
      store.fails = fails;
      await expect(index.takeAll(upTo(450))).rejects.toThrow("the write fails");
      expect(index.size).toBe(300);
      const reopened = new MemoryStore(store.rows());
      const after = await SearchIndex.open({ store: reopened, log: LOG });
      expect(after.size).toBe(fails === "after" ? 450 : 300);
      await after.takeAll(upTo(COUNT));
      expect(linesOf(reopened.rows())).toStrictEqual(expected);
      // I7: who tries again instead is refused, and nothing more is written.
      store.fails = "not at all";
      const stored = linesOf(store.rows());
      const again = index.takeAll(upTo(COUNT));
      await expect(again).rejects.toMatchObject({ code: "SERVER_SEARCH_UNAVAILABLE" });
      expect([index.size, linesOf(store.rows())]).toStrictEqual([300, stored]);
    },
  );

  test("while a bundle is read, too", async () => {
    const store = new MemoryStore();
    const index = await SearchIndex.open({ store, log: LOG });
    await index.takeAll(upTo(100));
    const whole = upTo(COUNT);
    const broken: IndexSource = {
      ...whole,
      entries: async function* (bundle, from) {
        for await (const one of whole.entries(bundle, from)) {
          if (one.statement === statements[200]) throw new Error("the log cannot be read");
          yield one;
        }
      },
    };
    await expect(index.takeAll(broken)).rejects.toThrow("the log cannot be read");
    await index.takeAll(whole);
    const expected = linesOf(await plainIndex(statements, checkpoints));
    expect(linesOf(store.rows())).toStrictEqual(expected);
  });
});

describe("terms that were in use lately", () => {
  const state = { number: 0, list: { count: 1, digest: new Uint8Array(32) }, index: 0 };
  const known = { key: new Uint8Array(32), text: new Uint8Array(1), state };

  test("are kept by kind and value, two generations of 4,096 of them", () => {
    const terms = new KnownTerms();
    const subject = (n: number) => ({ kind: "subject", value: `subject ${n}` }) as const;
    for (let n = 0; n < 8192; n++) terms.keep(subject(n), known);
    expect(terms.find(subject(0))).toBe(known);
    expect(terms.find({ kind: "issuer", value: "subject 0" })).toBeUndefined();
    terms.keep(subject(8192), known);
    expect([0, 4095, 4096, 8192].map((n) => terms.find(subject(n)) !== undefined)).toStrictEqual([
      ...[false, false, true, true],
    ]);
  });

  test("are 4 MiB of memory at most, whatever their characters", () => {
    const terms = new KnownTerms();
    for (let n = 0; n < 8192; n++) {
      const value = `${n}`.padEnd(256, "\u6f22");
      const term = { kind: "subject", value } as const;
      // Once more as with each batch, which takes no more memory.
      for (let i = 0; i < 2; i++) {
        terms.keep(term, { ...known, text: new TextEncoder().encode(value) });
      }
      expect(terms.find(term)).toBeDefined();
      expect(terms.bytes).toBeLessThan(4_194_304 + 4096);
    }
    expect(terms.bytes).toBeGreaterThan(2_097_152);
  });

  test("are none that are long", () => {
    const terms = new KnownTerms();
    const long = { kind: "subject", value: "x".repeat(257) } as const;
    terms.keep(long, known);
    expect(terms.find(long)).toBeUndefined();
  });
});
