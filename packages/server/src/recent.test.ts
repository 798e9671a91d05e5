import { describe, expect, jest, test } from "@jest/globals";
import { MAX_TAKEN_OVER_BYTES } from "@tallystick/content";
import { PrivateKey } from "@tallystick/cose";
import { LogReplay, MemoryAnchor, MemoryStore } from "@tallystick/log";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { SignedStatement, signStatement } from "@tallystick/statement";

import { openIndex } from "./search/follower.js";
import { RecentStatements } from "./search/recent.js";
import { TransparencyService } from "./service.js";
import { ISSUER, ORIGIN, TIME, VENDOR, statement } from "./testing/service.js";

async function decoded(payload: Uint8Array, key: PrivateKey): Promise<SignedStatement> {
  const about = { contentType: "text/plain", issuer: VENDOR, subject: "a" };
  return SignedStatement.decode(await signStatement({ payload, ...about }, key));
}

describe("recent statements", () => {
  test("are given once", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const recent = new RecentStatements();
    const [one, two] = await Promise.all([1, 2].map((n) => decoded(Uint8Array.of(n), key)));
    if (one === undefined || two === undefined) throw new Error("no statements");
    expect([one, two, one].map((each) => recent.offer(each, 300))).toStrictEqual([
      true,
      true,
      false,
    ]);
    expect(recent.count).toBe(2);
    expect(recent.take(one.entry.slice())?.statement).toBe(one);
    expect(recent.take(one.entry)).toBeUndefined();
    expect(recent.take(two.entry)?.statement).toBe(two);
    expect(recent.count).toBe(0);
  });

  test("are 16 MiB of memory at most, and room that is given back is used again", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const recent = new RecentStatements();
    const each = await Promise.all(
      Array.from({ length: 9 }, (_, n) => decoded(new Uint8Array(1_000_000).fill(n), key)),
    );
    for (const one of each) recent.offer(one, 1_000_000);
    expect(recent.count).toBe(8);
    const [first, last] = [each[0], each[8]];
    if (first === undefined || last === undefined) throw new Error("no statements");
    expect(recent.take(last.entry)).toBeUndefined();
    expect(recent.take(first.entry)?.statement).toBe(first);
    expect(recent.offer(last, 1_000_000)).toBe(true);
    expect(recent.take(last.entry)?.statement).toBe(last);
  });
});

test("those of an index that is used no more are forgotten, and no others kept", async () => {
  const key = await PrivateKey.generate("EdDSA");
  const [one, two] = [await decoded(Uint8Array.of(1), key), await decoded(Uint8Array.of(2), key)];
  const recent = new RecentStatements();
  recent.offer(one, 300);
  recent.stop();
  expect([recent.count, recent.offer(two, 300), recent.count]).toStrictEqual([0, false, 0]);
});

test("an unprotected header that is thrown away counts as long as it is there", async () => {
  const key = await PrivateKey.generate("EdDSA");
  const recent = new RecentStatements();
  const small = await decoded(Uint8Array.of(1), key);
  expect(recent.offer(small, 9_000_000)).toBe(false);
  expect(recent.offer(small, small.normalised.length)).toBe(true);
});

test("an index that follows makes of them what it makes of the log", async () => {
  const [operator, signer, vendor] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
    PrivateKey.generate("EdDSA"),
  ]);
  const followed = new MemoryStore();
  const search = { open: () => Promise.resolve(followed), clear: () => Promise.resolve() };
  const parts = { store: new MemoryStore(), anchor: new MemoryAnchor(), signer, search };
  const named = { issuer: ISSUER, origin: ORIGIN, now: (): number => TIME };
  const service = await TransparencyService.create({ ...parts, ...named }, operator);
  const { policy, entryId } = await service.policyInForce();
  const admitted = withIssuerKey(policy.document, entryId, { iss: VENDOR, key: vendor.publicKey });
  await service.register(await signPolicy(admitted, { issuer: ISSUER, issuedAt: TIME }, operator));
  await service.searchSettled();

  const read = jest.spyOn(LogReplay.prototype, "read");
  const texts = Array.from({ length: 300 }, (_, n) => `text ${n}`);
  const signed = await Promise.all(texts.map((text) => statement(text, vendor)));
  const refused = await statement("refused", operator);
  const sent = [...signed, ...signed.slice(0, 50), refused];
  const answers = await Promise.allSettled(sent.map((one) => service.register(one)));
  expect(answers.filter(({ status }) => status === "rejected")).toHaveLength(1);
  await service.searchSettled();
  // The policies, which are what admission reads.
  expect(read.mock.calls.filter(([, index]) => index > 1)).toStrictEqual([]);
  read.mockRestore();

  const anew = new MemoryStore();
  const place = { open: () => Promise.resolve(anew), clear: () => Promise.resolve() };
  const log = { issuer: ISSUER, origin: ORIGIN };
  const index = await openIndex(place, { log }, service.log.replay());
  await index.catchUp(service.log.replay());
  expect(index.size).toBe(302);
  expect(followed.rows()).toStrictEqual(anew.rows());
  await service.close();
});

test("what was read within narrower limits, and came to no end, is not handed over", async () => {
  const key = await PrivateKey.generate("EdDSA");
  const recent = new RecentStatements();
  const statement = await decoded(Uint8Array.of(1), key);
  const unread = { kind: "opaque", problem: "more than 3 bytes", mayBe: [], warnings: [] } as const;
  expect(recent.offer(statement, 300, unread)).toBe(true);
  expect(recent.take(statement.entry)?.content).toBeUndefined();
  const read = { ...unread, problem: undefined };
  expect(recent.offer(statement, 300, read)).toBe(true);
  expect(recent.take(statement.entry)?.content).toBe(read);
});

test("nor is what is large: it would take memory, and be within other bounds", async () => {
  const key = await PrivateKey.generate("EdDSA");
  const recent = new RecentStatements();
  const content = { kind: "opaque", problem: undefined, mayBe: [], warnings: [] } as const;
  for (const [length, kept] of [
    [MAX_TAKEN_OVER_BYTES, content],
    [MAX_TAKEN_OVER_BYTES + 1, undefined],
  ] as const) {
    const statement = await decoded(new Uint8Array(length), key);
    expect(recent.offer(statement, 9000, content)).toBe(true);
    expect(recent.take(statement.entry)?.content).toBe(kept);
  }
});

test("what has been read takes up 8 MiB of that at most, and keeps out no statement", async () => {
  const key = await PrivateKey.generate("EdDSA");
  const recent = new RecentStatements();
  const content = { kind: "opaque", problem: undefined, mayBe: [], warnings: [] } as const;
  const each = await Promise.all(
    Array.from({ length: 60 }, (_, i) => decoded(new Uint8Array(8192).fill(i), key)),
  );
  for (const one of each) expect(recent.offer(one, 8400, content)).toBe(true);
  const kept = each.map((one) => recent.take(one.entry)).filter((one) => one?.content);
  expect(kept.length).toBeGreaterThan(10);
  expect(kept.length * 64 * 8192).toBeLessThan(8_388_608);
});
