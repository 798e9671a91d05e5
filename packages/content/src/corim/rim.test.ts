import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { factsOfContent } from "../facts.js";
import { recogniseContent } from "../recognise.js";
import { ReviewKeys } from "../sfr/keys.js";
import { concat, encodeItem, mapOf, signCose1With } from "../testing/corim.js";
import { refusal, rejection } from "../testing/refusal.js";
import { canonicalText } from "./canonical.js";
import { Tagged, type Item, type ItemMap } from "./item.js";
import { VerifiedRim } from "./verified-rim.js";

const TIME = 1_790_000_000;
const DIGEST: Item = [7, new Uint8Array(48).fill(0xab)];
const DEVICE = mapOf([0, mapOf([1, "Example Silicon"], [2, "Root of Trust"])]);
const REFERENCE: Item = [DEVICE, [mapOf([0, 3], [1, mapOf([2, [DIGEST]])])]];
const vendor = await PrivateKey.generate("ES256");
const keys = new ReviewKeys([{ provider: "Example Silicon", key: vendor.publicKey }]);

function rimOf(
  triples: ItemMap = mapOf([0, [REFERENCE]]),
  members: readonly (readonly [number, Item])[] = [],
): Uint8Array {
  const comid = encodeItem(mapOf([1, mapOf([0, "comid"])], [4, triples]));
  return encodeItem(
    new Tagged(501, mapOf([0, "rim-7"], [1, [new Tagged(506, comid)]], ...members)),
  );
}

const measuring = (value: Item): Uint8Array => rimOf(mapOf([0, [[DEVICE, [mapOf([1, value])]]]]));

describe("a reference manifest", () => {
  test("is signed with claims (RFC 9597), and verifies under the key that is trusted", async () => {
    const claims = mapOf([1, "https://vendor.example"], [2, "fw:rot@7"], [4, 1_800_000_000]);
    const header = mapOf([1, -7], [3, "application/rim+cbor"], [15, claims]);
    const signed = await signCose1With(rimOf(), header, vendor);
    const verified = await VerifiedRim.verify(signed, { keys, time: TIME });
    expect(verified).toMatchObject({
      provider: "Example Silicon",
      rim: { id: "rim-7", profiles: [], isProfileKnown: true },
      signer: { issuer: "https://vendor.example", validity: { notAfter: 1_800_000_000 } },
    });
    expect(factsOfContent(recogniseContent(signed))).toMatchObject({
      kind: "rim",
      form: "cose-sign1",
      rim: {
        signer: { issuer: "https://vendor.example", subject: "fw:rot@7" },
        digests: [{ alg: "sha-384", value: "ab".repeat(48) }],
        references: [
          {
            environment: { vendor: "Example Silicon", model: "Root of Trust" },
            measurements: [{ key: "3" }],
          },
        ],
      },
    });
  });

  test.each([
    ["no alg", mapOf(), "CONTENT_ALG_UNSUPPORTED"],
    ["an alg of no signature", mapOf([1, 5]), "CONTENT_ALG_UNSUPPORTED"],
    ["crit", mapOf([1, -7], [2, [99]]), "CONTENT_HEADER_REFUSED"],
    ["an alg of another key", mapOf([1, -36]), "CONTENT_KEY_UNKNOWN"],
    ["claims that are no map", mapOf([1, -7], [15, "x"]), "CONTENT_STRUCTURE_INVALID"],
    ["corim-meta that is no CBOR", mapOf([1, -7], [8, Uint8Array.of(0xff)]), "CONTENT_MALFORMED"],
  ] as const)("is refused with %s in its header", async (_name, header, code) => {
    const signed = await signCose1With(rimOf(), header, vendor);
    expect(await rejection(VerifiedRim.verify(signed, { keys, time: TIME }))).toBe(code);
  });

  test("is refused once its key has expired or is withdrawn", async () => {
    const signed = await signCose1With(rimOf(), mapOf([1, -7]), vendor);
    const late = new ReviewKeys([{ provider: "x", key: vendor.publicKey, expires: TIME }]);
    expect(await rejection(VerifiedRim.verify(signed, { keys: late, time: TIME }))).toBe(
      "CONTENT_KEY_OUT_OF_TERM",
    );
  });

  test.each([
    ["tags that are empty", encodeItem(new Tagged(501, mapOf([0, "x"], [1, []])))],
    ["tags that are no list", encodeItem(new Tagged(501, mapOf([0, "x"], [1, 5])))],
    ["triples that are no map", rimOf([] as unknown as ItemMap)],
    ["a reference that is no pair", rimOf(mapOf([0, [[DEVICE]]]))],
    ["an environment that is no map", rimOf(mapOf([0, [[5, []]]]))],
    ["a measurement that says nothing", measuring(mapOf())],
    ["a digest cut short", measuring(mapOf([2, [[7, new Uint8Array(32)]]]))],
    ["a truncated algorithm", measuring(mapOf([2, [[3, new Uint8Array(16)]]]))],
    ["an SVN below zero", measuring(mapOf([1, -1]))],
    ["a mask of another length", measuring(mapOf([4, new Uint8Array(4)], [5, new Uint8Array(3)]))],
    ["a range of three", measuring(mapOf([15, new Tagged(564, [1, 2, 3])]))],
    ["registers that are a list", measuring(mapOf([14, []]))],
    ["a validity that ends before it begins", rimOf(undefined, [[4, mapOf([0, 9], [1, 8])]])],
    ["entities that are no list", rimOf(undefined, [[5, mapOf()]])],
    ["a dependent manifest without a place", rimOf(undefined, [[2, [mapOf()]]])],
  ])("is refused with %s", (_name, bytes) => {
    expect(refusal(() => recogniseContent(bytes))).toBe("CONTENT_STRUCTURE_INVALID");
  });

  test("that has more items than are read is refused, however they are nested", () => {
    const bytes = rimOf(mapOf([99, Array.from({ length: 2000 }, () => 1)]));
    expect(refusal(() => recogniseContent(bytes, { limits: { maxItems: 1000 } }))).toBe(
      "CONTENT_MALFORMED",
    );
  });

  test("is read or refused by a typed error, whatever bit is changed", () => {
    const bytes = rimOf();
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const changed = new Uint8Array(bytes);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        try {
          expect(typeof factsOfContent(recogniseContent(changed))["kind"]).toBe("string");
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
      { numRuns: 400 },
    );
  });

  test("of which other messages are told: a COSE_Sign1 of something else is opaque", async () => {
    const other = await signCose1With(encodeItem(mapOf([1, "x"])), mapOf([1, -7]), vendor);
    expect(recogniseContent(other)).toMatchObject({ kind: "opaque" });
  });
});

describe("the canonical text of an item", () => {
  test("does not tell the order of members, and the two forms of an object identifier", () => {
    expect(canonicalText(mapOf([2, "a"], [1, "b"]))).toBe(canonicalText(mapOf([1, "b"], [2, "a"])));
    const oid = Uint8Array.of(0x2b, 6, 1);
    expect(canonicalText(new Tagged(111, concat([Uint8Array.of(6, 3), oid])))).toBe(
      canonicalText(new Tagged(111, oid)),
    );
  });

  test.each([
    ["a number and its text", 1, "1"],
    ["bytes and their notation", Uint8Array.of(1), "h'01'"],
    ["two texts and one with a comma", ["a", "b"], ['a", "b']],
    ["a tag and none", new Tagged(1, 5), 5],
    ["null and its name", null, "null"],
  ] as const)("tells %s apart", (_name, one, other) => {
    expect(canonicalText(one)).not.toBe(canonicalText(other));
  });
});
