import { describe, expect, test } from "@jest/globals";
import {
  recogniseContent,
  referencesOfRim,
  type Measurement,
  type ReferenceValues,
  type Triple,
} from "@tallystick/content";
import fc from "fast-check";

import { environmentsOf, measurementOf, type EvidenceElement } from "./element.js";
import { differenceOf } from "./match/compare.js";
import { matchReferences } from "./match/match.js";
import type { ReferenceMatch } from "./match/result.js";
import { refusalOf } from "./testing/refusal.js";
import { bytesOf, sharedFolder } from "./testing/shared.js";

const A = { alg: "sha-256", value: "aa" };
const B = { alg: "sha-256", value: "bb" };
const C = { alg: "sha-384", value: "cc" };
const svn = (value: bigint, isMinimum = false): Partial<Measurement> => ({
  svn: { value, isMinimum },
});
const raw = (value: readonly number[], mask?: readonly number[]): Partial<Measurement> => ({
  raw: { value: Uint8Array.from(value), mask: mask && Uint8Array.from(mask) },
});
const flags = (...entries: readonly (readonly [number, boolean])[]): Partial<Measurement> => ({
  flags: new Map(entries),
  others: new Map([[3, "as it was written"]]),
});
const range = (min?: bigint, max?: bigint): Partial<Measurement> => ({ range: { min, max } });
const registers = (...digests: readonly (typeof A)[]): Partial<Measurement> => ({
  registers: new Map([["0", digests]]),
});
const version = (text: string, scheme?: string): Partial<Measurement> => ({
  version: { text, scheme },
});

const HELD: readonly (readonly [string, Partial<Measurement>, Partial<Measurement>])[] = [
  ["equal digests", { digests: [A] }, { digests: [A] }],
  ["the common one of several", { digests: [A, C] }, { digests: [A] }],
  ["more than is asked for", { digests: [A] }, { digests: [A], ...svn(1n) }],
  ["an equal SVN", svn(7n), svn(7n)],
  ["an SVN above the minimum", svn(7n, true), svn(9n)],
  ["an SVN at the minimum", svn(7n, true), svn(7n)],
  ["two equal minima", svn(7n, true), svn(7n, true)],
  ["raw bytes", raw([1, 2]), raw([1, 2])],
  ["raw bytes under a mask", raw([0xf1, 2], [0x0f, 0xff]), raw([0x01, 2])],
  ["flags among others", flags([3, false]), flags([0, true], [3, false])],
  [
    "registers among others",
    registers(A),
    {
      registers: new Map([
        ["0", [A]],
        ["1", [B]],
      ]),
    },
  ],
  ["a range inside another", range(1n, 9n), range(2n, 9n)],
  ["a number in an open range", range(undefined, 9n), range(2n, 2n)],
  ["an equal version", version("1", "16384"), version("1", "16384")],
  ["an equal serial number", { others: new Map([[8, '"x"']]) }, { others: new Map([[8, '"x"']]) }],
];

const DIFFERING: readonly (readonly [string, Partial<Measurement>, Partial<Measurement>])[] = [
  ["another digest", { digests: [A] }, { digests: [B] }],
  ["no common algorithm", { digests: [A] }, { digests: [C] }],
  ["no digest", { digests: [A] }, {}],
  ["no digest that is asked for", { digests: [] }, { digests: [A] }],
  ["a common one that differs beside one that does not", { digests: [A, C] }, { digests: [B, C] }],
  ["one algorithm twice in the reference", { digests: [A, B] }, { digests: [A] }],
  ["one algorithm twice in the evidence", { digests: [A] }, { digests: [A, B] }],
  ["another SVN", svn(7n), svn(8n)],
  ["an SVN below the minimum", svn(7n, true), svn(6n)],
  ["a higher minimum than the minimum", svn(7n, true), svn(9n, true)],
  ["a minimum for a number", svn(7n), svn(7n, true)],
  ["no SVN", svn(0n, true), {}],
  ["raw bytes of another length", raw([1]), raw([1, 2])],
  ["another bit under the mask", raw([0xf1], [0x0f]), raw([0x02])],
  ["no raw bytes", raw([1]), {}],
  ["another flag", flags([3, false]), flags([3, true])],
  ["a flag that is not stated", flags([3, false]), flags([0, false])],
  ["no flags", flags([3, false]), {}],
  ["no such register", registers(A), { registers: new Map([["1", [A]]]) }],
  ["another register", registers(A), registers(B)],
  ["a number outside of the range", range(1n, 9n), range(10n, 10n)],
  ["an open range for a closed one", range(1n, 9n), range(1n, undefined)],
  ["another version", version("1"), version("2")],
  ["another scheme of versions", version("1", "1"), version("1", "2")],
  ["another serial number", { others: new Map([[8, '"x"']]) }, { others: new Map([[8, '"y"']]) }],
  ["a code point that nobody knows", { unknown: ["-1"] }, { unknown: ["-1"] }],
];

describe("a reference value", () => {
  test.each(HELD)("is held by %s", (_name, condition, entry) => {
    expect(differenceOf(measurementOf(condition), measurementOf(entry))).toBeUndefined();
  });

  test.each(DIFFERING)("is not held by %s", (_name, condition, entry) => {
    expect(differenceOf(measurementOf(condition), measurementOf(entry))).toMatch(/\S/);
  });

  test("of raw bytes is held by all that differ outside of the mask alone", () => {
    const four = fc.uint8Array({ minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(four, four, four, (value, mask, got) => {
        const isSame = [0, 1, 2, 3].every(
          (i) => ((value[i] ?? 0) & (mask[i] ?? 0)) === ((got[i] ?? 0) & (mask[i] ?? 0)),
        );
        const condition = measurementOf({ raw: { value, mask } });
        const entry = measurementOf({ raw: { value: got, mask: undefined } });
        expect(differenceOf(condition, entry) === undefined).toBe(isSame);
      }),
      { numRuns: 200 },
    );
  });
});

const element = (
  name: string,
  measurement: Partial<Measurement>,
  more: { readonly key?: string; readonly layer?: number } = {},
): EvidenceElement => ({
  name,
  block: undefined,
  kind: "firmware",
  places: environmentsOf({ vendor: "V", layer: more.layer ?? 1 }).map((environment) => ({
    environment,
    key: more.key,
  })),
  measurement: measurementOf(measurement),
});

const triple = (
  attributes: Readonly<Record<string, string>>,
  ...measurements: readonly Partial<Measurement>[]
): Triple => ({
  environment: { attributes: new Map(Object.entries(attributes)), vendor: "V", model: undefined },
  measurements: measurements.map(measurementOf),
});

const matching = (
  elements: readonly EvidenceElement[],
  ...triples: readonly Triple[]
): ReferenceMatch =>
  matchReferences(elements, { name: "m", version: undefined, triples, indexed: [] });

const V = { vendor: '"V"' };
const statuses = ({ results }: ReferenceMatch): readonly string[] =>
  results.map(({ status }) => status);

describe("evidence", () => {
  const sound = element("a", { digests: [A] }, { key: "1" });
  const rogue = element("b", { digests: [B] }, { key: "1" });

  test("matches with attributes beyond those of the environment, and by the key alone", () => {
    expect(matching([sound], triple(V, { key: "1", digests: [A] })).isMatch).toBe(true);
    expect(statuses(matching([sound], triple(V, { digests: [A] })))).toStrictEqual([
      "missing",
      "unreferenced",
    ]);
    expect(
      matching([sound], triple({ ...V, model: '"M"' }, { key: "1", digests: [A] })),
    ).toMatchObject({
      isMatch: false,
      isAbout: false,
    });
  });

  test("matches nothing where a manifest asks for nothing or names no environment", () => {
    expect(matching([sound])).toMatchObject({ isMatch: false, isAbout: false });
    expect(matching([sound], triple({}, { key: "1", digests: [A] })).isMatch).toBe(false);
  });

  test("needs one of the triples that are alternatives, and all measurements of it", () => {
    const [old, now] = [B, A].map((digest) => triple(V, { key: "1", digests: [digest] }));
    if (old === undefined || now === undefined) throw new Error("no triples");
    expect(matching([sound], old, now)).toMatchObject({ isMatch: true, required: 1 });
    const two = triple(V, { key: "1", digests: [A] }, { key: "2", digests: [B] });
    expect(statuses(matching([sound], two))).toStrictEqual(["match", "missing"]);
  });

  test("needs triples of every element, of one environment too", () => {
    const [one, other] = ["1", "2"].map((key) => triple(V, { key, digests: [A] }));
    if (one === undefined || other === undefined) throw new Error("no triples");
    const bad = element("c", { digests: [B] }, { key: "2" });
    expect(matching([sound, bad], one, other)).toMatchObject({ isMatch: false, matched: 1 });
  });

  test("does not match by a sound element beside one of the same name that is not", () => {
    for (const elements of [
      [sound, rogue],
      [rogue, sound],
    ]) {
      const match = matching(elements, triple(V, { key: "1", digests: [A] }));
      expect(match.isMatch).toBe(false);
      expect([...statuses(match)].sort()).toStrictEqual(["match", "mismatch"]);
    }
  });

  test("matches by several elements of one name where each is asked for", () => {
    const both = triple(V, { key: "1", digests: [A] }, { key: "1", digests: [B] });
    expect(matching([sound, rogue], both)).toMatchObject({ isMatch: true, matched: 2 });
  });

  test("of too many elements for a manifest is refused", async () => {
    const many = new Array<EvidenceElement>(4000).fill(sound);
    const triples = new Array<Triple>(1000).fill(triple(V, { key: "1" }));
    expect(await refusalOf(() => matching(many, ...triples))).toBe("EVIDENCE_TOO_LARGE");
  });
});

describe("values by block", () => {
  const block = (number: number, value: string): EvidenceElement => ({
    ...element(`block ${number}`, { digests: [{ alg: "sha-384", value }] }),
    block: number,
  });
  const reference = (number: number, isRequired: boolean, ...values: readonly string[]) => ({
    ...{ block: number, name: undefined, isRequired },
    digests: values.map((value) => ({ alg: "sha-384", value })),
  });
  const against = (
    elements: readonly EvidenceElement[],
    ...indexed: ReferenceValues["indexed"]
  ): ReferenceMatch => matchReferences(elements, { name: "m", version: "1", triples: [], indexed });

  test("match by any of several, and let be what is not asked for", () => {
    const match = against(
      [block(1, "aa"), block(2, "ff"), block(9, "ee")],
      reference(1, true, "bb", "aa"),
      reference(2, false, "bb"),
    );
    expect(match).toMatchObject({ isMatch: true, required: 1 });
    expect(match.results.map(({ status, isListed }) => [status, isListed])).toStrictEqual([
      ["match", true],
      ["unreferenced", true],
      ["unreferenced", false],
    ]);
  });

  test("tell what differs and what is missing", () => {
    const match = against(
      [block(1, "aa"), block(2, "aa")],
      reference(1, true, "bb"),
      reference(2, true, "bb", "cc"),
      reference(3, true, "bb"),
      reference(4, true),
    );
    expect(statuses(match)).toStrictEqual(["mismatch", "mismatch", "missing", "missing"]);
    expect(match.results.map(({ detail }) => detail).slice(0, 2)).toStrictEqual([
      "sha-384 aa, want bb",
      "sha-384 aa, which is none of 2",
    ]);
  });

  test("without a digest are held by nothing", () => {
    expect(statuses(against([block(1, "aa")], reference(1, true)))).toStrictEqual(["mismatch"]);
  });
});

const folder = sharedFolder("published manifests as evidence", "data");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("a published manifest", () => {
  const triplesOf = (...below: readonly string[]): readonly Triple[] => {
    const content = recogniseContent(bytesOf(folder, "rim", ...below));
    if (content.kind !== "rim") throw new Error(content.kind);
    return referencesOfRim(content.rim).triples;
  };
  const asMeasured = (triples: readonly Triple[]): readonly EvidenceElement[] =>
    triples.flatMap(({ environment, measurements }) =>
      measurements.map((measurement) => ({
        ...{ name: "x", block: undefined, kind: "firmware" as const, measurement },
        places: [{ environment: environment.attributes, key: measurement.key }],
      })),
    );

  test.each([
    ["corim-veraison", "signed-good-corim.cbor"],
    ["corim-veraison", "corim-1.cbor"],
    ["corim-veraison", "corim-2.cbor"],
    ["corim-veraison", "cca-platform-valid.cbor"],
    ["corim-cover", "signed-corim-cca-ref-plat.cbor"],
    ["corim-veraison-services", "corim-sevsnp-valid.cbor"],
  ])("is matched by what it says itself, and not by less: %s/%s", (...file) => {
    const triples = triplesOf(...file);
    const elements = asMeasured(triples);
    expect(matching(elements, ...triples)).toMatchObject({ isMatch: true });
    expect(matching(elements.slice(1), ...triples).isMatch).toBe(false);
  });
});
