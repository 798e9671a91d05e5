import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { describe, expect, test } from "@jest/globals";
import { SignedStatement } from "@tallystick/statement";
import fc from "fast-check";

import type { ContentKind } from "./content.js";
import { Tagged, type Item, type ItemMap } from "./corim/item.js";
import { ContentError } from "./error.js";
import { recogniseContent } from "./recognise.js";
import { matchesCddl, PRELUDE } from "./testing/cddl-match.js";
import { namesIn, parseCddl } from "./testing/cddl.js";
import { corimOf, encodeItem, mapOf, signCose1With } from "./testing/corim.js";
import { changeItem, changesOf, ODD_ITEMS } from "./testing/mutation.js";
import { bytesOf } from "./testing/published.js";
import { LAB } from "./testing/sample.js";
import { COSWID, REPORT_MESSAGES, RIMS } from "./testing/rims.js";
import { cddlOf, formatText } from "./testing/schema.js";
import { sharedFolder } from "./testing/shared.js";

const FILES = ["sfr-corim", "rim", "coswid", "hash-envelope"];

describe("the reader of CDDL", () => {
  test.each<[string, Item, boolean]>([
    ["1..3", 3, true],
    ["1..3", 4, false],
    ["-2..2", -2, true],
    ["uint", 2n ** 64n - 1n, true],
    ["nint", 0, false],
    ['"a" / 1', "a", true],
    ['"a" / 1', "b", false],
    ["h'0a'", Uint8Array.of(10), true],
    ["h'0a'", Uint8Array.of(11), false],
    ["#6.37(bstr)", new Tagged(37, new Uint8Array(2)), true],
    ["#6.37(bstr)", new Tagged(38, new Uint8Array(2)), false],
    ["bstr .size 2", new Uint8Array(2), true],
    ["bstr .size (0..1)", new Uint8Array(2), false],
    ["bstr .cbor uint", encodeItem(7), true],
    ["bstr .cbor uint", encodeItem(-7), false],
    ["bstr .cbor uint", Uint8Array.of(0x18), false],
    ['tstr .ne "a"', "b", true],
    ['tstr .ne "a"', "a", false],
    ["{ * int => any } .and { + int => any }", mapOf([1, 1]), true],
    ["{ * int => any } .and { + int => any }", mapOf(), false],
    ["[ * int ]", [], true],
    ["[ + int ]", [], false],
    ["[ 0*2 int ]", [1, 2, 3], false],
    ["[ 2*3 int ]", [1], false],
    ["[ ? int, tstr ]", ["a"], true],
    ["[ * int, int ]", [1, 2], true],
    ["[ name: tstr, ? int ]", ["a", "b"], false],
    ["{ 1: tstr, ? 2: int }", mapOf([1, "a"]), true],
    ["{ 1: tstr, ? 2: int }", mapOf([2, 1]), false],
    ["{ 1: tstr, ? 2: int }", mapOf([1, "a"], [3, 1]), false],
    ["{ ? 1: tstr, * int => any }", mapOf([1, 1]), false],
    ["{ ? 1: tstr, * int => any }", mapOf([2, 1]), true],
    ["{ a: int }", new Map([["a", 1]]), true],
  ])("takes by %s: %p, %p", (type, item, isTaken) => {
    expect(matchesCddl(parseCddl(`root = ${type}`), "root", encodeItem(item))).toBe(isTaken);
  });

  test.each([
    ["a rule without a type", "a ="],
    ["a rule that is there twice", "a = int b = int a = int"],
    ["a map that does not end", "a = { 1: int"],
    ["a choice as a key", "a = { int / tstr => any }"],
    ["a character that is none of it", "a = int %"],
    ["a type that is none", "a = )"],
    ["a generic", "a = b<int>"],
    ["a range of texts", 'a = "a".."b"'],
  ])("refuses %s", (_name, text) => {
    expect(() => parseCddl(text)).toThrow(SyntaxError);
  });
});

const KID = new Uint8Array(4);
const REFUSED = "STATEMENT_HASH_ENVELOPE_INVALID";

/** What the message and the manifest around a report are is for each file to say. */
const OWN: ReadonlySet<string> = new Set([
  ...["COSE_Sign", "COSE_Sign1", "signature", "protected", "protected-header"],
  ...["unprotected-header", "algorithm", "corim-map", "entity", "comid", "environment", "class"],
]);

describe.each(FILES)("the file %s.cddl", (file) => {
  const rules = cddlOf(file);
  const [root = ""] = rules.keys();

  test("has every rule that it names, and names every rule that it has", () => {
    const used = new Set([root]);
    for (const name of used) {
      const rule = rules.get(name);
      if (rule === undefined) expect(PRELUDE.has(name) ? name : `no rule ${name}`).toBe(name);
      else for (const inner of namesIn(rule)) used.add(inner);
    }
    expect([...rules.keys()].filter((name) => !used.has(name))).toStrictEqual([]);
  });

  test("has no rule that another file has otherwise", () => {
    const others = FILES.filter((name) => name !== file).map(cddlOf);
    const differing = [...rules].filter(([name, rule]) =>
      others.some(
        (other) =>
          other.has(name) && JSON.stringify(other.get(name), plain) !== JSON.stringify(rule, plain),
      ),
    );
    expect(differing.map(([name]) => name).filter((name) => !OWN.has(name))).toStrictEqual([]);
  });
});

function plain(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

/** What readers refuse, and CDDL has no words for, in the words of the refusal. */
const UNSAID = /is not as long as the value|ends before it begins|one label in both headers/;

interface Format {
  readonly file: string;
  readonly kind: ContentKind;
  readonly contentType: string | undefined;
  readonly samples: readonly (readonly [string, Item])[];
}

const FORMATS: readonly Format[] = [
  { file: "sfr-corim", kind: "sfr-corim", contentType: undefined, samples: REPORT_MESSAGES },
  { file: "rim", kind: "rim", contentType: undefined, samples: RIMS },
  { file: "coswid", kind: "coswid", contentType: "application/swid+cbor", samples: COSWID },
];

function refusalOf(bytes: Uint8Array, { kind, contentType }: Format): string | undefined {
  try {
    const content = recogniseContent(bytes, { contentType });
    return content.kind === kind ? undefined : `is of kind ${content.kind}`;
  } catch (error) {
    if (error instanceof ContentError) return error.message;
    throw error;
  }
}

describe.each(FORMATS)("the CDDL of $kind", (format) => {
  const rules = cddlOf(format.file);
  const isTaken = (bytes: Uint8Array): boolean => matchesCddl(rules, format.file, bytes);

  test.each(format.samples)("takes what is read: %s", (_name, sample) => {
    const bytes = encodeItem(sample);
    expect(refusalOf(bytes, format)).toBeUndefined();
    expect(isTaken(bytes)).toBe(true);
  });

  test("takes nothing that is refused, but for what CDDL cannot say", () => {
    const given = fc.record({
      sample: fc.constantFrom(...format.samples.map(([, sample]) => sample)),
      change: changesOf(ODD_ITEMS),
    });
    const seen = { taken: 0, refused: 0, both: 0 };
    fc.assert(
      fc.property(given, ({ sample, change }) => {
        const bytes = changeItem(sample, change);
        const refusal = refusalOf(bytes, format);
        const isHeld = isTaken(bytes);
        seen[isHeld ? "taken" : "refused"]++;
        if (!isHeld && refusal !== undefined) seen.both++;
        if (isHeld && refusal !== undefined) expect(refusal).toMatch(UNSAID);
      }),
      { numRuns: 1000 },
    );
    expect(seen.taken).toBeGreaterThan(50);
    // What is refused by the one is mostly refused by the other: the labels are the same.
    expect(seen.both / seen.refused).toBeGreaterThan(0.6);
  });
});

describe("the CDDL of reports", () => {
  const rules = cddlOf("sfr-corim");
  const profiles = ["82f417", "82e42b", "82cd1f", "82cc7f"].flatMap((arc) => [
    `2b06010401${arc}0101`,
    `060a2b06010401${arc}0101`,
  ]);

  test.each(profiles)("has the name of the profile %s", (hex) => {
    const profile = new Tagged(111, Uint8Array.from(Buffer.from(hex, "hex")));
    expect(matchesCddl(rules, "sfr-corim", corimOf({ profile }))).toBe(true);
    expect(recogniseContent(corimOf({ profile })).kind).toBe("sfr-corim");
  });

  test("has no other name of it", () => {
    const text = formatText("sfr-corim.cddl");
    const [, ...named] = text.split("profile = ").at(1)?.split("\n\n")[0]?.split("h'") ?? [];
    expect(named.map((rest) => rest.split("'")[0]).sort()).toStrictEqual(profiles.sort());
    const other = new Tagged(111, Uint8Array.of(0x2b, 6, 1, 4, 1, 0x82, 0xf4, 0x18, 1, 1));
    expect(matchesCddl(rules, "sfr-corim", corimOf({ profile: other }))).toBe(false);
  });
});

describe("the CDDL of hash envelopes", () => {
  const rules = cddlOf("hash-envelope");
  const isTaken = (header: Item): boolean =>
    matchesCddl(rules, "hash-envelope", encodeItem(header));

  test.each<[string, Item, boolean]>([
    [
      "all members",
      mapOf([1, -7], [258, -16], [259, "text/plain"], [260, "https://a.example"]),
      true,
    ],
    ["a CoAP format", mapOf([258, -43], [259, 60]), true],
    ["no hash", mapOf([259, "text/plain"]), false],
    ["an unknown hash", mapOf([258, -18]), false],
    ["a content type beside it", mapOf([3, "text/plain"], [258, -16]), false],
    ["a type below zero", mapOf([258, -44], [259, -1]), false],
    ["a place that is no text", mapOf([258, -44], [260, 1]), false],
  ])("takes what a statement takes: %s", async (_name, header, taken) => {
    const claims = mapOf([1, "https://vendor.example"], [2, "rot"]);
    const whole = new Map([...(header as ItemMap), [1, -35], [4, KID], [15, claims]]) as Item;
    const alg = (header as ItemMap).get(258);
    const payload = new Uint8Array(alg === -43 ? 48 : alg === -44 ? 64 : 32);
    const decode = (): unknown => SignedStatement.decode(bytes).hashEnvelope;
    const bytes = await signCose1With(payload, whole, LAB);
    expect(isTaken(whole)).toBe(taken);
    if (taken) expect(decode()).toBeDefined();
    else expect(decode).toThrow(expect.objectContaining({ code: REFUSED }));
  });
});

describe("the CDDL in pages", () => {
  const docs = resolve(import.meta.dirname, "../../../docs");
  const pages = readdirSync(docs, { recursive: true, encoding: "utf8" });
  const blocks = pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) =>
      [...readFileSync(join(docs, page), "utf8").matchAll(/```cddl\n([\s\S]*?)```/g)].map(
        ([, text = ""], i): [string, string] => [`${page} ${i}`, text],
      ),
    );

  test("is there", () => {
    expect(blocks.length).toBeGreaterThan(5);
  });

  test.each(blocks)("can be read: %s", (_name, text) => {
    expect(parseCddl(text).size).toBeGreaterThan(0);
  });
});

const folder = sharedFolder("published documents in CBOR", "data");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("published documents in CBOR", () => {
  test.each([
    ["sfr-corim", "sfr/corim/microsoft-2026-hsm-layer-0.cbor"],
    ...["signed-good-corim", "unsigned-good-corim", "corim-1", "corim-2", "corim-roles"].map(
      (name) => ["rim", `rim/corim-veraison/${name}.cbor`] as const,
    ),
    ["rim", "rim/corim-veraison/unsigned-corim-with-extensions.cbor"],
    ["rim", "rim/corim-veraison/corim-design-cd.cbor"],
    ["rim", "rim/corim-veraison/corim-firmware-cd.cbor"],
    ["rim", "rim/corim-veraison/cca-platform-valid.cbor"],
    ["rim", "rim/corim-veraison-services/corim-sevsnp-valid.cbor"],
    ["rim", "rim/corim-cocli/signed-corim.cbor"],
    ["rim", "rim/corim-cover/signed-corim-cca-ref-plat.cbor"],
    ["rim", "rim/corim-cover/signed-corim-cca-ta.cbor"],
  ])("are taken by %s: %s", (file, path) => {
    expect(matchesCddl(cddlOf(file), file, bytesOf(folder ?? "", path))).toBe(true);
  });

  test("are taken: the first tag of a uSWID", () => {
    const tag = bytesOf(folder ?? "", "sbom/uswid/dell-xps13.bin").subarray(23, 243);
    expect(matchesCddl(cddlOf("coswid"), "coswid", tag)).toBe(true);
  });
});
