import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { factsOfContent } from "../facts.js";
import { DEFAULT_CONTENT_LIMITS } from "../limits.js";
import { recogniseContent } from "../recognise.js";
import type { SfrReport } from "../sfr/report.js";
import { VerifiedReport } from "../sfr/verified.js";
import {
  concat,
  corimOf,
  DIGEST,
  encodeItem,
  mapOf,
  SFR_MAP,
  signCose,
  signCose1,
  type CorimParts,
} from "../testing/corim.js";
import { refusal, rejection } from "../testing/refusal.js";
import { LAB_KEYS, TIME } from "../testing/sample.js";
import { decodeItem, Tagged, type Item } from "./item.js";

const options = { keys: LAB_KEYS, time: TIME };
const corim = corimOf();
const sound = await signCose(corim);
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const digestOf = (alg: Item, bytes = 48): Item => [alg, new Uint8Array(bytes).fill(0xab)];
const sfrWith = (...entries: readonly (readonly [number, Item])[]): Item =>
  new Map([...SFR_MAP, ...entries]);

interface Read {
  readonly report: SfrReport;
  readonly codes: readonly string[];
}

function read(parts: CorimParts): Read {
  const content = recogniseContent(corimOf(parts));
  if (content.kind !== "sfr-corim" || content.reports[0] === undefined) throw new Error("opaque");
  return { report: content.reports[0], codes: content.warnings.map(({ code }) => code) };
}

const kid = mapOf([4, new TextEncoder().encode("lab")]);
const SIGNED = [
  ["COSE_Sign without alg", sound, "cose-sign"],
  ["COSE_Sign with alg", await signCose(corim, { signer: [mapOf([1, -36]), kid] }), "cose-sign"],
  ["COSE_Sign with an empty map", await signCose(corim, { body: [mapOf(), kid] }), "cose-sign"],
  ["COSE_Sign1 without alg", await signCose1(corim), "cose-sign1"],
  ["COSE_Sign1 with alg", await signCose1(corim, [mapOf([1, -36]), kid]), "cose-sign1"],
  ["COSE_Sign1 without kid", await signCose1(corim, [mapOf(), mapOf()]), "cose-sign1"],
] as const;
const signer = (secured: Item, open: Item = mapOf()): Promise<Uint8Array> =>
  signCose(corim, { signer: [secured, open] });
const HOSTILE = [
  ["alg ES256", await signer(mapOf([1, -7])), "CONTENT_ALG_UNSUPPORTED"],
  ["alg HMAC", await signer(mapOf([1, 5])), "CONTENT_ALG_UNSUPPORTED"],
  ["alg as text", await signer(mapOf([1, "ES512"])), "CONTENT_ALG_UNSUPPORTED"],
  ["alg of the other curve", await signer(mapOf([1, -35])), "CONTENT_KEY_UNKNOWN"],
  ["alg unprotected", await signer(mapOf(), mapOf([1, -36])), "CONTENT_HEADER_REFUSED"],
  ["crit", await signer(mapOf([2, [1]])), "CONTENT_HEADER_REFUSED"],
  ["a chain", await signer(mapOf(), mapOf([33, Uint8Array.of(1)])), "CONTENT_HEADER_REFUSED"],
  ["a chain to fetch", await signer(mapOf([35, "https://x"])), "CONTENT_HEADER_REFUSED"],
  ["a long kid", await signer(mapOf([4, new Uint8Array(257)])), "CONTENT_HEADER_REFUSED"],
  ["a kid in both headers", await signer(kid, kid), "CONTENT_HEADER_REFUSED"],
  [
    "a label in both of the body",
    await signCose(corim, { body: [kid, kid] }),
    "CONTENT_HEADER_REFUSED",
  ],
  ["a kid in both of COSE_Sign1", await signCose1(corim, [kid, kid]), "CONTENT_HEADER_REFUSED"],
  ["a kid as text", await signer(mapOf([4, "lab"])), "CONTENT_HEADER_REFUSED"],
  ["a header that is no map", await signer([1]), "CONTENT_STRUCTURE_INVALID"],
  ["an open header that is no map", await signer(mapOf(), []), "CONTENT_STRUCTURE_INVALID"],
  ["another payload", await signCose(encodeItem(mapOf())), "CONTENT_STRUCTURE_INVALID"],
  ["a payload that is no CBOR", await signCose(Uint8Array.of(0xff)), "CONTENT_MALFORMED"],
  ["no signatures", concat([hex("d8628440a04180"), hex("80")]), "CONTENT_STRUCTURE_INVALID"],
  ["three parts", hex("d8628340a040"), "CONTENT_STRUCTURE_INVALID"],
  ["five parts", hex("d8628540a0408080"), "CONTENT_STRUCTURE_INVALID"],
  ["a detached payload", hex("d28440a0f640"), "CONTENT_STRUCTURE_INVALID"],
  ["the start alone", hex("d862"), "CONTENT_MALFORMED"],
  [
    "nesting without end",
    concat([hex("d862"), new Uint8Array(5000).fill(0x81)]),
    "CONTENT_MALFORMED",
  ],
  ["tags without end", concat([hex("d862"), new Uint8Array(5000).fill(0xc1)]), "CONTENT_MALFORMED"],
  ["a huge claim", hex("d8629b00ffffffffffffff"), "CONTENT_MALFORMED"],
  ["more than is read", concat([hex("d862"), new Uint8Array(1 << 20)]), "CONTENT_TOO_LARGE"],
] as const;

describe("a signed CoRIM", () => {
  test.each(SIGNED)("is verified, as %s", async (_name, message, form) => {
    const verified = await VerifiedReport.verify(message, options);
    expect(verified).toMatchObject({ form, provider: "Example Lab" });
    expect(recogniseContent(message)).toMatchObject({ kind: "sfr-corim", form });
  });

  test.each(HOSTILE)("is refused: %s", async (_name, message, code) => {
    expect(await rejection(VerifiedReport.verify(message, options))).toBe(code);
  });

  test("is refused with two signatures, of which one would hold", async () => {
    const message = decodeItem(sound, DEFAULT_CONTENT_LIMITS, "message");
    if (!(message instanceof Tagged) || !Array.isArray(message.value))
      throw new Error("no message");
    const [body, open, payload, signatures] = message.value as readonly Item[];
    const twice = [signatures, signatures].flat() as readonly Item[];
    const doubled = encodeItem(new Tagged(98, [body, open, payload, twice]));
    expect(await rejection(VerifiedReport.verify(doubled, options))).toBe(
      "CONTENT_STRUCTURE_INVALID",
    );
  });

  test("is refused where the signature is of another context", async () => {
    const [secured, open] = [new Uint8Array(0), mapOf()];
    const message = encodeItem(new Tagged(18, [secured, open, corim, sound.subarray(-132)]));
    expect(await rejection(VerifiedReport.verify(message, options))).toBe(
      "CONTENT_SIGNATURE_INVALID",
    );
  });

  test("is verified as it was, or refused, wherever it was changed", async () => {
    const { reports } = await VerifiedReport.verify(sound, options);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(sound.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, x) => {
          const changed = new Uint8Array(sound);
          changed[at] = (changed[at] ?? 0) ^ x;
          const outcome = await VerifiedReport.verify(changed, options).then(
            (verified) => verified.reports,
            (error: unknown) => error,
          );
          if (Array.isArray(outcome)) expect(outcome).toStrictEqual(reports);
          else expect(outcome).toBeInstanceOf(ContentError);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("the profile of a CoRIM", () => {
  const arcs = ["82f417", "82e42b", "82cd1f", "82cc7f"].map((arc) => `2b06010401${arc}0101`);
  test.each(arcs.flatMap((oid) => [[oid], [`060a${oid}`]]))("is that of reports: %s", (oid) => {
    expect(read({ profile: new Tagged(111, hex(oid)) }).report.provider).toBe("Example Lab");
  });

  test.each([
    ["another one", new Tagged(111, hex("2b0601040182f4170102"))],
    ["another tag", new Tagged(37, hex("2b0601040182f4170101"))],
    ["a text", "1.3.6.1.4.1.42623.1.1"],
  ])("is none of reports, so that the CoRIM is a manifest: %s", (_name, profile) => {
    expect(recogniseContent(corimOf({ profile }))).toMatchObject({
      kind: "rim",
      rim: { isProfileKnown: false },
    });
  });

  test("is refused without a tag", () => {
    const profile = hex("2b0601040182f4170101");
    expect(refusal(() => recogniseContent(corimOf({ profile })))).toBe("CONTENT_STRUCTURE_INVALID");
  });
});

describe("a CoRIM", () => {
  test("has the facts of a report", () => {
    const facts = factsOfContent(recogniseContent(corim));
    expect(facts).toMatchObject({
      kind: "sfr-corim",
      form: "corim",
      sfr: [
        {
          vendor: "Example Silicon",
          product: "Root of Trust",
          firmwareVersion: "7.0.1",
          digests: [{ alg: "sha-384", value: "ab".repeat(48) }],
          measured: [{ alg: "sha-384", value: "ab".repeat(48) }],
          completed: "2026-03-09",
          scope: 1,
          worst: "none",
        },
      ],
    });
    expect(JSON.parse(JSON.stringify(facts))).toStrictEqual(facts);
  });

  test("may lack its tag, under a signature", async () => {
    const message = await signCose(corim.subarray(3));
    expect((await VerifiedReport.verify(message, options)).reports).toHaveLength(1);
  });

  test("may have lengths that are indefinite", () => {
    const entries = corim.subarray(4);
    const open = concat([corim.subarray(0, 3), hex("bf"), entries, hex("ff")]);
    expect(recogniseContent(open)).toMatchObject({ kind: "sfr-corim" });
  });

  test.each([
    ["an NI number", digestOf(7), "sha-384"],
    ["a COSE number", digestOf(-43), "sha-384"],
    ["a name", digestOf("SHA-384"), "sha-384"],
    ["SHA-256 by NI", digestOf(1, 32), "sha-256"],
    ["SHA-512 by COSE", digestOf(-44, 64), "sha-512"],
  ])("has digests by %s", (_name, digest, alg) => {
    const { report } = read({ condition: [digest], sfr: sfrWith([4, [mapOf([1, [digest]])]]) });
    expect(report.digests.map((found) => found.alg)).toStrictEqual([alg]);
    expect(report.measured).toStrictEqual(report.digests);
  });

  test("has an issue with a severity", () => {
    const assessment = mapOf([0, "2.1"], [1, "AV:L/AC:L/PR:L/UI:R/S:U/C:L/I:N/A:N"]);
    const issue = mapOf([0, "PIN"], [1, "shown"], [2, assessment], [3, "CWE-204"], [4, "none"]);
    const { report, codes } = read({ sfr: sfrWith([5, [issue]]) });
    expect(report.issues).toMatchObject([
      { title: "PIN", severity: { band: "low", score: 2.8 }, cwe: "CWE-204", cve: undefined },
    ]);
    expect(codes).toContain("score-not-vector");
  });

  test("has a manifest", () => {
    const files = mapOf([0, [DIGEST]], [1, [mapOf([0, "rom.bin"], [1, [DIGEST]])]]);
    const { report } = read({ sfr: sfrWith([4, [mapOf([1, [DIGEST]], [3, files])]]) });
    expect(report.manifest).toMatchObject([{ name: "rom.bin", digests: [{ alg: "sha-384" }] }]);
  });

  test.each([
    ["a class id without tag", hex("464d43"), "464d43"],
    ["a class id in tag 560", new Tagged(560, hex("464d43")), "464d43"],
  ])("has %s in hex", (_name, classId, want) => {
    expect(read({ classId }).report.device.classId).toBe(want);
  });

  test.each([
    ["west of Greenwich", 1_776_657_600, "2026-04-20"],
    ["east of it", 1_776_657_600 - 6 * 3600, "2026-04-20"],
    ["at it", 1_776_643_200, "2026-04-20"],
  ])("was completed on the day that began for the provider, %s", (_name, time, day) => {
    const { report } = read({ sfr: sfrWith([2, new Tagged(1, time)]) });
    expect(report.completed.day).toBe(day);
  });

  test.each([
    ["measured-not-stated", { condition: [[-43, new Uint8Array(48)]] }],
    ["digest-unknown", { condition: [DIGEST, [12, new Uint8Array(32)]] }],
    ["digest-cose-number", {}],
    ["date-from-instant", {}],
    ["hash-none", { condition: [], sfr: sfrWith([4, []]) }],
    ["scope-unreadable", { sfr: sfrWith([3, 4]) }],
  ])("that is unusual is told as %s", (code, parts) => {
    expect(read(parts).codes).toContain(code);
  });

  test.each([
    ["a digest that is too short", { condition: [digestOf(7, 32)] }],
    ["a truncated hash", { condition: [digestOf(2, 16)] }],
    ["a digest of three", { condition: [[7, hex("ab"), 1]] }],
    ["a digest as text", { condition: [[7, "ab"]] }],
    ["no entities", { entities: [] }],
    ["a report that is no map", { sfr: "1.0" }],
    ["a framework that is no text", { sfr: sfrWith([0, 2]) }],
    ["a scope that is no integer", { sfr: sfrWith([3, "1"]) }],
    ["a time before all", { sfr: sfrWith([2, new Tagged(1, -1)]) }],
    ["a time after all", { sfr: sfrWith([2, new Tagged(1, 1e15)]) }],
    ["an issue without assessment", { sfr: sfrWith([5, [mapOf([0, "a"], [1, "b"])]]) }],
  ])("is refused: %s", (_name, parts) => {
    expect(refusal(() => recogniseContent(corimOf(parts)))).toBe("CONTENT_STRUCTURE_INVALID");
  });

  test.each([
    ["a key twice", "d901f5a200000000", /one key twice/],
    ["a long head", "d901f5a10018003800", /not shortest/],
    ["a float", "d901f5a100f93c00", /a float/],
    ["a key that is a list", "d901f5a18000", /neither integer nor text/],
    ["a string without length", "d901f5a1007fff", /indefinite/],
    ["text that is not UTF-8", "d901f5a10061ff", /not UTF-8/],
    ["an end too early", "d901f5a100", /end of the bytes/],
    ["bytes behind it", "d901f5a000", /behind the item/],
  ])("is opaque where it cannot be read: %s", (_name, bytes, problem) => {
    const content = recogniseContent(hex(bytes));
    expect(content.kind === "opaque" ? content.problem : "").toMatch(problem);
  });

  test("reads what reports share once, and takes no more than 64", () => {
    const condition = [DIGEST, DIGEST, [-100, new Uint8Array(1)] as Item];
    const content = recogniseContent(corimOf({ condition, count: 64 }));
    const reports = content.kind === "sfr-corim" ? content.reports : [];
    expect(reports).toHaveLength(64);
    expect(new Set(reports.map(({ measured }) => measured)).size).toBe(1);
    const more = recogniseContent(corimOf({ count: 65 }));
    expect(more.kind === "opaque" ? more.problem : more.kind).toContain("limit 64");
  });

  test("is recognised or refused wherever it was changed", () => {
    const place = fc.tuple(fc.nat(corim.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 3 }), (places) => {
        const changed = new Uint8Array(corim);
        for (const [at, x] of places) changed[at] = (changed[at] ?? 0) ^ x;
        try {
          factsOfContent(recogniseContent(changed));
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
