import { beforeAll, describe, expect, test } from "@jest/globals";
import {
  IndexMap,
  decodeCompleteness,
  encodeCompleteness,
  encodeHead,
  signHead,
  termKey,
} from "@tallystick/catalog";
import type { Completeness, ListedEntry } from "@tallystick/catalog";
import { PrivateKey } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, attachReceipts, signStatement } from "@tallystick/statement";
import { WitnessPolicy, cosign, noteSigner, withNoteSignatures } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";

import { verifyCompleteness } from "./completeness.js";
import type { VerifiedCompleteness } from "./completeness.js";
import { TIME, makeService, receiptFor, trustIn } from "./testing/service.js";
import type { TestService } from "./testing/service.js";
import type { TrustStore } from "./trust.js";
import { noteOf } from "./witnesses.js";

const ISSUER = "https://log.example";
const ORIGIN = "log.example/1";
const SUBJECT = "board 7";
const QUESTION = { kind: "subject", value: SUBJECT } as const;

/** How many entries stand before the head. */
const SIZE = 9;

let key: PrivateKey;
let service: TestService;
let trust: TrustStore;
let good: Completeness;
let map: IndexMap;
let entries: readonly ListedEntry[];

function entryOf(index: number): Uint8Array {
  return new Uint8Array(32).fill(index + 1);
}

function subjectKey(value: string): Uint8Array {
  return termKey({ kind: "subject", value });
}

/** Yields a statement with a receipt: it stands behind the entries. */
async function logged(signed: Uint8Array): Promise<Uint8Array> {
  const statement = SignedStatement.decode(signed);
  const place = { index: SIZE, size: SIZE + 1 };
  return attachReceipts(statement, [await receiptFor(service, statement.entry, place)]);
}

async function headed(head: {
  readonly size: number;
  readonly root: Uint8Array;
}): Promise<Uint8Array> {
  return logged(await signHead(head, { issuer: ISSUER, origin: ORIGIN, issuedAt: 5 }, key));
}

beforeAll(async () => {
  key = await PrivateKey.generate("EdDSA");
  service = await makeService("log");
  trust = trustIn([service]);
  map = new IndexMap();
  for (let index = 0; index < SIZE; index++) {
    const subject = index % 3 === 0 ? SUBJECT : `board ${index + 100}`;
    map.add(subjectKey(subject), { index, entry: entryOf(index) });
  }
  entries = [0, 3, 6].map((index) => ({ index, entry: entryOf(index) }));
  const path = map.prove(subjectKey(SUBJECT));
  good = { ...QUESTION, head: await headed({ size: SIZE, root: map.root() }), path, entries };
});

function verify(
  change: Partial<Completeness>,
  question: Parameters<typeof verifyCompleteness>[2] = QUESTION,
): Promise<VerifiedCompleteness> {
  return verifyCompleteness(encodeCompleteness({ ...good, ...change }), trust, question);
}

describe("a list that is complete", () => {
  test("says so, and up to which size", async () => {
    const verified = await verify({}, { ...QUESTION, atLeast: SIZE });
    expect(verified).toMatchObject({ ...QUESTION, size: SIZE, entries });
    expect(verified.service.origin).toBe(service.origin);
    expect(verified.steps.map(({ step, outcome }) => [step, outcome])).toStrictEqual([
      ["statement", "verified"],
      ["receipt", "verified"],
      ["issuer", "skipped"],
      ["index", "verified"],
      ["completeness", "verified"],
    ]);
  });

  test("may be empty, where the index shows that there is nothing", async () => {
    const value = "board 8";
    const path = map.prove(subjectKey(value));
    const verified = await verify({ value, path, entries: [] }, { kind: "subject", value });
    expect(verified.entries).toStrictEqual([]);
  });
});

describe("a list that is not complete is refused: VERIFIER_COMPLETENESS_REFUSED", () => {
  const listed = (...indexes: readonly number[]): readonly ListedEntry[] =>
    indexes.map((index) => ({ index, entry: entryOf(index) }));
  test.each<readonly [string, () => Partial<Completeness>]>([
    ["an entry is hidden", () => ({ entries: listed(0, 6) })],
    ["the newest is missing", () => ({ entries: listed(0, 3) })],
    ["all are missing", () => ({ entries: [] })],
    ["one is added", () => ({ entries: listed(0, 3, 6, 7) })],
    ["one stands in the place of another", () => ({ entries: listed(0, 3, 7) })],
    ["two have changed places", () => ({ entries: listed(3, 0, 6) })],
    ["it is said to be empty", () => ({ entries: [], path: map.prove(subjectKey("board 8")) })],
    ["it is that of another subject", () => ({ value: "board 101" })],
    ["the way is another's", () => ({ path: map.prove(subjectKey("board 101")) })],
    ["the way ends early", () => ({ path: { ...good.path, siblings: [] } })],
  ])("%s", async (_name, change) => {
    const refusal = await verify(change()).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      code: "VERIFIER_COMPLETENESS_REFUSED",
      steps: expect.arrayContaining([
        expect.objectContaining({ step: "completeness", outcome: "failed" }),
      ]),
    });
  });

  test("it is the list of an older head", async () => {
    const root = map.root();
    map.add(subjectKey(SUBJECT), { index: SIZE, entry: entryOf(SIZE) });
    const stale = { head: good.head, path: map.prove(subjectKey(SUBJECT)) };
    expect(map.root()).not.toStrictEqual(root);
    await expect(verify(stale)).rejects.toMatchObject({ code: "VERIFIER_COMPLETENESS_REFUSED" });
  });

  test("any of its bytes is another", async () => {
    const bytes = encodeCompleteness(good);
    // What the receipts do not cover is the unprotected header of the head, and how bytes are framed.
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const found = await verifyCompleteness(flipped, trust, QUESTION).catch(() => undefined);
      if (found !== undefined) expect(found).toMatchObject({ size: SIZE, entries });
    }
  });
});

test("a head that covers too little is refused: VERIFIER_INDEX_STALE", async () => {
  await expect(verify({}, { ...QUESTION, atLeast: SIZE + 1 })).rejects.toMatchObject({
    code: "VERIFIER_INDEX_STALE",
  });
});

describe("what is no head of the service is refused: VERIFIER_INDEX_HEAD_REFUSED", () => {
  const statement = (
    contentType: string,
    issuer: string,
    payload: Uint8Array,
  ): Promise<Uint8Array> =>
    signStatement({ payload, contentType, issuer, subject: `verifiable-index ${ORIGIN}` }, key);
  const type = "application/vnd.tallystick.index+cbor";
  const right = (): Uint8Array => encodeHead({ size: SIZE, root: new Uint8Array(32) });
  test.each<readonly [string, () => Promise<Uint8Array>]>([
    ["by somebody else", () => statement(type, "https://other.example", right())],
    ["of another type", () => statement("text/plain", ISSUER, right())],
    ["with another payload", () => statement(type, ISSUER, Uint8Array.of(1))],
    [
      "of another log of the service",
      () => {
        const other = { issuer: ISSUER, origin: "log.example/2", issuedAt: 5 };
        return signHead({ size: SIZE, root: map.root() }, other, key);
      },
    ],
    [
      "of more than was there",
      () =>
        signHead(
          { size: SIZE + 1, root: map.root() },
          { issuer: ISSUER, origin: ORIGIN, issuedAt: 5 },
          key,
        ),
    ],
  ])("%s", async (_name, signed) => {
    const head = await logged(await signed());
    await expect(verify({ head })).rejects.toMatchObject({ code: "VERIFIER_INDEX_HEAD_REFUSED" });
  });
});

describe("a question that names the log", () => {
  test("is answered by its head", async () => {
    const verified = await verify({}, { ...QUESTION, origin: ORIGIN });
    expect(verified.service.origin).toBe(ORIGIN);
  });

  test("is not by that of another: VERIFIER_INDEX_HEAD_REFUSED", async () => {
    const refusal = verify({}, { ...QUESTION, origin: "log.example/2" });
    await expect(refusal).rejects.toMatchObject({ code: "VERIFIER_INDEX_HEAD_REFUSED" });
  });

  test("finds the receipt of the log among those of one service", async () => {
    // Two logs of an issuer count as one, by the first receipt, which is that of the other log.
    const second = await makeService("log", "2");
    const signed = SignedStatement.decode(good.head);
    const place = { index: SIZE, size: SIZE + 1 };
    const [own, other] = await Promise.all(
      [service, second].map((log) => receiptFor(log, signed.entry, place)),
    );
    const head = attachReceipts(
      signed,
      [other, own].flatMap((one) => (one ? [one] : [])),
    );
    const bytes = encodeCompleteness({ ...good, head });
    const both = trustIn([service, second]);
    const verified = await verifyCompleteness(bytes, both, { ...QUESTION, origin: ORIGIN });
    expect(verified.service.origin).toBe(ORIGIN);
  });
});

describe("a head that witnesses are asked for", () => {
  let witness: NoteSigner;
  let witnesses: WitnessPolicy;

  beforeAll(async () => {
    const cosigner = await PrivateKey.generate("EdDSA");
    witness = noteSigner("witness.example/1", "ed25519-cosignature", cosigner);
    const policy = `witness one ${witness.key.format()}\nquorum one\n`;
    witnesses = WitnessPolicy.parse(new TextEncoder().encode(policy));
  });

  test("is refused without their cosignatures", async () => {
    const bytes = encodeCompleteness(good);
    const refusal = verifyCompleteness(bytes, trust, { ...QUESTION, witnesses });
    await expect(refusal).rejects.toMatchObject({ code: "VERIFIER_RECEIPTS_INSUFFICIENT" });
  });

  test("counts with them", async () => {
    const signed = SignedStatement.decode(good.head);
    const { entry } = signed;
    const receipt = await receiptFor(service, entry, { index: SIZE, size: SIZE + 1 });
    const key = service.key.publicKey;
    const inclusion = await VerifiedInclusion.verify(Receipt.decode(receipt), { entry, key });
    const cosignature = await cosign(noteOf(inclusion).text, witness, TIME);
    const head = attachReceipts(signed, [withNoteSignatures(receipt, [cosignature])]);
    const bytes = encodeCompleteness({ ...good, head });
    const verified = await verifyCompleteness(bytes, trust, { ...QUESTION, witnesses });
    expect(verified.steps).toContainEqual(
      expect.objectContaining({ step: "witnesses", outcome: "verified" }),
    );
  });
});

test("a head without a receipt that counts is refused as any statement", async () => {
  const head = await signHead(
    { size: SIZE, root: map.root() },
    { issuer: ISSUER, origin: ORIGIN, issuedAt: 5 },
    key,
  );
  await expect(verify({ head })).rejects.toMatchObject({ code: "VERIFIER_RECEIPTS_MISSING" });
});

test("what it was read from is what it was written as", () => {
  expect(decodeCompleteness(encodeCompleteness(good))).toStrictEqual(good);
});
