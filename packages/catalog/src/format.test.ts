import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { PrivateKey, decodeHex, encodeCbor, encodeHex } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { SignedStatement, signHashEnvelope, signStatement } from "@tallystick/statement";

import { decodeCompleteness, encodeCompleteness } from "./completeness.js";
import { CatalogError } from "./error.js";
import { decodeHead, encodeHead, isHeadStatement, signHead } from "./head.js";
import { EMPTY_LIST, decodeEntries, encodeEntries, extendList } from "./list.js";
import { leafPart, joinParts } from "./tree.js";
import { committedKeys, termKey, termsOf } from "./term.js";

const ROOT = new Uint8Array(32).fill(7);
const ISSUER = "https://log.example";

describe("the bytes of docs/formats/index.md", () => {
  test("keys", () => {
    expect(encodeHex(termKey({ kind: "subject", value: "board 7, firmware 1.0" }))).toBe(
      "3ad2c851187d685906c9e93eabd8c1034a07fb1bca6a5c716e0d3460b093b91a",
    );
    expect(encodeHex(termKey({ kind: "issuer", value: "https://vendor.example" }))).toBe(
      "5c6238933155b84104227cf9b8496aed5e06c243b9009cd62d5fdffcd3f0e864",
    );
  });

  test("a list, a leaf and a node", () => {
    const list = extendList(EMPTY_LIST, { index: 2, entry: new Uint8Array(32).fill(1) });
    expect(encodeHex(list.digest)).toBe(
      "360e9f3ee2dfa239ef169aa3aee08f1e4c78e79a007114cc946882256b20ffa3",
    );
    const left = leafPart({ key: new Uint8Array(32), list });
    const right = leafPart({ key: new Uint8Array(32).fill(0xff), list });
    expect(encodeHex(left.digest)).toBe(
      "6eb30d2eca95d83483c2b18b410b628356d5f42f9e80a3f81eee525a22f3242e",
    );
    expect(encodeHex(joinParts(left, right).digest)).toBe(
      "2ab321ec30d4c85d9993a22cac54394da23f9b007e00b203fc5750c5c2b26605",
    );
  });

  test("a head", () => {
    expect(encodeHex(encodeHead({ size: 300, root: ROOT }))).toBe(
      `8372${encodeHex(new TextEncoder().encode("tallystick-index/1"))}19012c5820${"07".repeat(32)}`,
    );
  });
});

describe("what statements are found by", () => {
  test.each<readonly [string, string | number, readonly (readonly [string, string])[]]>([
    ["a text", "text/plain", [["contentType", "text/plain"]]],
    ["a number", 50, [["contentType", "50"]]],
  ])("with a content type that is %s", async (_name, contentType, type) => {
    const key = await PrivateKey.generate("EdDSA");
    const payload = new TextEncoder().encode("abc");
    const about = { issuer: ISSUER, subject: "s", contentType, payload };
    const statement = SignedStatement.decode(await signStatement(about, key));
    const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(termsOf(statement).map(({ kind, value }) => [kind, value])).toStrictEqual([
      ...[["issuer", ISSUER], ["subject", "s"], ...type, ["payload", abc]],
    ]);
    expect(committedKeys(statement)).toStrictEqual([
      termKey({ kind: "issuer", value: ISSUER }),
      termKey({ kind: "subject", value: "s" }),
    ]);
  });

  test("as a hash envelope", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const about = { issuer: ISSUER, subject: "s", hash: "sha-512" } as const;
    const preimage = { digest: new Uint8Array(64).fill(9) };
    const statement = SignedStatement.decode(await signHashEnvelope({ ...about, preimage }, key));
    expect(termsOf(statement).map(({ kind, value }) => [kind, value])).toStrictEqual([
      ...[
        ["issuer", ISSUER],
        ["subject", "s"],
        ["payload", "09".repeat(64)],
      ],
    ]);
  });
});

describe("a head is told by its type, its issuer and its log", () => {
  const log = { issuer: ISSUER, origin: "log.example/log" };
  const subject = "verifiable-index log.example/log";
  const contentType = "application/vnd.tallystick.index+cbor";

  test("as it is signed", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const signed = await signHead({ size: 3, root: ROOT }, { ...log, issuedAt: 5 }, key);
    const statement = SignedStatement.decode(signed);
    expect(statement.claims).toMatchObject({ issuer: ISSUER, subject });
    expect(isHeadStatement(statement, log)).toBe(true);
    const head = decodeHead(statement.payload ?? new Uint8Array());
    expect(head).toStrictEqual({ size: 3, root: ROOT });
  });

  test.each([
    ["another issuer", { issuer: "https://other.example" }],
    ["another log of the issuer", { subject: "verifiable-index log.example/second" }],
    ["a log whose name goes on", { subject: `${subject}s` }],
    ["no log", { subject: "verifiable-index" }],
    ["another type", { contentType: "text/plain" }],
  ])("it is none with %s", async (_name, change) => {
    const key = await PrivateKey.generate("EdDSA");
    const payload = encodeHead({ size: 3, root: ROOT });
    const about = { payload, contentType, issuer: ISSUER, subject, ...change };
    const statement = SignedStatement.decode(await signStatement(about, key));
    expect(isHeadStatement(statement, log)).toBe(false);
  });
});

const FORMAT = "tallystick-index/1";

describe("what is no head: CATALOG_MALFORMED", () => {
  test.each<readonly [string, CborValue]>([
    ["no array", new Map()],
    ["another format", ["tallystick-index/2", 3, ROOT]],
    ["a member more", [FORMAT, 3, ROOT, 1]],
    ["no size", [FORMAT, null, ROOT]],
    ["a size of nothing", [FORMAT, 0, ROOT]],
    ["a size beyond 2^53", [FORMAT, 2n ** 60n, ROOT]],
    ["a short root", [FORMAT, 3, ROOT.subarray(1)]],
  ])("%s", (_name, value) => {
    expect(() => decodeHead(encodeCbor(value))).toThrow(
      expect.objectContaining({ code: "CATALOG_MALFORMED" }),
    );
  });

  test("bytes behind it, and bytes that are no CBOR", () => {
    const head = encodeHex(encodeHead({ size: 3, root: ROOT }));
    for (const hex of [`${head}00`, "ff", "", "00".repeat(200)]) {
      expect(() => decodeHead(decodeHex(hex))).toThrow(CatalogError);
    }
  });
});

const entries = [1, 4].map((index) => ({ index, entry: new Uint8Array(32).fill(index) }));
const list = entries.reduce(extendList, EMPTY_LIST);
const PROOF = {
  ...({ kind: "subject", value: "s", head: Uint8Array.of(1) } as const),
  ...{ path: { siblings: [ROOT], end: { key: ROOT, list } }, entries },
};

describe("a completeness proof", () => {
  test.each([
    ["of entries", PROOF],
    ["of none", { ...PROOF, path: { siblings: [], end: undefined }, entries: [] }],
  ])("%s is read as it was written", (_name, proof) => {
    expect(decodeCompleteness(encodeCompleteness(proof))).toStrictEqual(proof);
  });

  const good = [
    ...["tallystick-completeness/1", "subject", "s", Uint8Array.of(1)],
    ...[[ROOT], [ROOT, 2, ROOT], encodeEntries(entries)],
  ];
  const set = (at: number, value: CborValue): CborValue =>
    good.map((old, i) => (i === at ? value : old));
  test.each<readonly [string, CborValue]>([
    ["no array", "text"],
    ["another format", set(0, "tallystick-completeness/2")],
    ["a member more", [...good, 1]],
    ["a member less", good.slice(0, -1)],
    ["a kind that is not committed to", set(1, "payload")],
    ["no kind", set(1, 2)],
    ["no value", set(2, null)],
    ["no head", set(3, "head")],
    ["no way", set(4, null)],
    [
      "a way that is too long",
      set(
        4,
        Array.from({ length: 257 }, () => ROOT),
      ),
    ],
    ["a digest that is too short", set(4, [ROOT.subarray(1)])],
    ["a leaf that is none", set(5, 1)],
    ["a leaf with a member more", set(5, [ROOT, 2, ROOT, 1])],
    ["a leaf that counts nothing", set(5, [ROOT, "2", ROOT])],
    ["no list", set(6, null)],
    ["a list that ends within an entry", set(6, new Uint8Array(41))],
    ["an index beyond 2^53", set(6, new Uint8Array(40).fill(0xff))],
  ])("with %s is refused: CATALOG_MALFORMED", (_name, value) => {
    expect(() => decodeCompleteness(encodeCbor(value))).toThrow(
      expect.objectContaining({ code: "CATALOG_MALFORMED" }),
    );
  });

  test("of any bytes is read or refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeCompleteness, decodeHead, decodeEntries]) {
          try {
            decode(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(CatalogError);
          }
        }
      }),
    );
  });
});
