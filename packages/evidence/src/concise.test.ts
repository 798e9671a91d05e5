import { describe, expect, test } from "@jest/globals";
import type { Triple } from "@tallystick/content";
import fc from "fast-check";

import { measurementOf } from "./element.js";
import { EvidenceError } from "./error.js";
import { decodeEvidence, type DecodeEvidenceOptions, type Evidence } from "./evidence.js";
import { matchReferences } from "./match/match.js";
import type { ReferenceMatch } from "./match/result.js";
import { encodeItem, mapOf, Tag, type Item } from "./testing/item.js";
import { refusalOf } from "./testing/refusal.js";
import { VerifiedEvidence } from "./verified.js";

const DIGEST = new Uint8Array(48).fill(0xab);
const DEVICE = mapOf([0, mapOf([1, "Example"], [2, "RoT"])]);
const digests = (value: Uint8Array): readonly [number, Item] => [2, [[7, value]]];
const measured = (...values: readonly (readonly [number, Item])[]): Item =>
  mapOf([0, "fw"], [1, mapOf(...values)]);

/** Yields concise evidence of triples by their number, and what stands beside them. */
const concise = (
  triples: readonly (readonly [number, Item])[],
  ...more: readonly (readonly [number, Item])[]
): Uint8Array => encodeItem(new Tag(571, mapOf([0, mapOf(...triples)], ...more)));

const evidenceOf = (environment: Item, ...measurements: readonly Item[]): Uint8Array =>
  concise([[0, [[environment, measurements]]]]);
const SOUND = evidenceOf(DEVICE, measured(digests(DIGEST), [1, new Tag(552, 3)]));

const file = (name: string, ...more: readonly (readonly [number, Item])[]): Item =>
  mapOf([24, name], ...more);
const software = (resources: Item): Uint8Array =>
  concise([[4, [[DEVICE, [mapOf([0, "com.example.tool"], [1, resources])]]]]]);

function reference(fill: number, key: string, vendor = "Example"): Triple {
  const digest = { alg: "sha-384", value: fill.toString(16).padStart(2, "0").repeat(48) };
  const svn = { value: 2n, isMinimum: true };
  return {
    environment: {
      attributes: new Map([["vendor", JSON.stringify(vendor)]]),
      ...{ vendor, model: undefined },
    },
    measurements: [measurementOf({ key: JSON.stringify(key), digests: [digest], svn })],
  };
}

function against(evidence: Evidence, ...triples: readonly Triple[]): ReferenceMatch {
  const references = { name: "manifest", version: undefined, triples, indexed: [] };
  return matchReferences(evidence.elements, references);
}

const read = (bytes: Uint8Array, options?: DecodeEvidenceOptions): Evidence =>
  decodeEvidence(bytes, options);

describe("concise evidence", () => {
  test("is held against reference triples by environment, key and value", () => {
    const evidence = read(SOUND);
    expect(evidence.form).toBe("concise");
    expect(evidence.elements.map(({ kind, name }) => [kind, name])).toStrictEqual([
      ["firmware", 'key "fw"'],
    ]);
    const [match] = against(evidence, reference(0xab, "fw")).results;
    expect(match).toMatchObject({ status: "match" });
    const [other] = against(evidence, reference(0xac, "fw")).results;
    expect(other).toMatchObject({
      status: "mismatch",
      detail: `sha-384 ${"ab".repeat(48)}, want ${"ac".repeat(48)}`,
    });
    for (const triple of [reference(0xab, "os"), reference(0xab, "fw", "Other")]) {
      expect(against(evidence, triple).results.map(({ status }) => status)).toStrictEqual([
        "missing",
        "unreferenced",
      ]);
    }
  });

  test("has an SVN that is held by a minimum, or not", () => {
    const low = read(evidenceOf(DEVICE, measured(digests(DIGEST), [1, 1])));
    expect(against(low, reference(0xab, "fw")).results[0]?.detail).toBe("SVN 1, want at least 2");
  });

  test("is called as the caller calls the device, where it does not say so itself", () => {
    const device = { vendor: "Caller", model: "Caller", layer: 2 };
    const [element] = read(evidenceOf(mapOf([0, mapOf([1, "Own"])]), measured(digests(DIGEST))), {
      device,
    }).elements;
    expect(element?.places.map(({ environment }) => [...environment])).toStrictEqual([
      [
        ["vendor", '"Own"'],
        ["model", '"Caller"'],
        ["layer", "2"],
      ],
    ]);
  });

  test("names the instance", () => {
    const ueid = new Tag(550, Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
    const environment = mapOf([0, mapOf([1, "Example"])], [1, ueid]);
    const bytes = evidenceOf(environment, measured(digests(DIGEST)), measured([1, 3]));
    expect(read(bytes)).toMatchObject({ ueids: ["01020304050607"] });
    expect(read(bytes).elements.map(({ kind }) => kind)).toStrictEqual(["firmware", "other"]);
  });

  test.each<[string, Item, readonly string[]]>([
    ["debugging", mapOf([3, true]), ['key "fw" can be debugged']],
    ["recovery", mapOf([2, true], [3, false]), ['key "fw" is in recovery']],
    [
      "neither configured nor secure",
      mapOf([0, false], [1, false]),
      ['key "fw" is not configured', 'key "fw" is not in a secure mode'],
    ],
    ["nothing", mapOf([0, true], [1, true], [2, false], [3, false]), []],
  ])("tells of flags against the device: %s", (_name, flags, concerns) => {
    const bytes = evidenceOf(DEVICE, measured(digests(DIGEST), [3, flags]));
    expect(read(bytes).concerns).toStrictEqual(concerns);
  });

  test("has the files of coswid triples that have a digest, by their names", () => {
    const inner = mapOf([17, file("tool.exe", [7, [7, DIGEST]], [21, "1.0"])]);
    const resources = mapOf([16, mapOf([24, "bin"], [26, inner])], [17, file("readme")]);
    const evidence = read(software(resources));
    expect(evidence.elements.map(({ name, kind }) => [name, kind])).toStrictEqual([
      ["tool.exe", "firmware"],
    ]);
    const [element] = evidence.elements;
    expect(element?.measurement.version).toStrictEqual({ text: "1.0", scheme: undefined });
    expect(element?.places.map(({ key }) => key)).toStrictEqual(['"tool.exe"']);
  });

  test("is signed by nobody", async () => {
    const verified = VerifiedEvidence.verify(read(SOUND), { anchors: [], time: 0 });
    expect(await refusalOf(() => verified)).toBe("EVIDENCE_UNSIGNED");
  });

  test("may have a certificate in PEM as its authority, and is none", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    const authority = mapOf([1, mapOf(digests(DIGEST))], [2, [new Tag(555, pem)]]);
    expect(read(evidenceOf(DEVICE, authority)).form).toBe("concise");
  });

  const known = "tag:arm.com,2025:psa#1.0.0";
  const profiled = (name: Item): Uint8Array =>
    concise([[0, [[DEVICE, [measured(digests(DIGEST))]]]]], [2, name]);

  test("of a known profile is read", () => {
    expect(read(profiled(new Tag(32, known))).elements).toHaveLength(1);
  });

  test.each<[string, Uint8Array, string]>([
    ["another profile", profiled("tag:x"), "EVIDENCE_UNSUPPORTED"],
    ["other triples alone", concise([[1, [[DEVICE, []]]]]), "EVIDENCE_UNSUPPORTED"],
    ["several in a list", encodeItem(new Tag(570, mapOf())), "EVIDENCE_UNSUPPORTED"],
    ["no triples", concise([]), "EVIDENCE_MALFORMED"],
    ["no map of triples", encodeItem(new Tag(571, mapOf([0, []]))), "EVIDENCE_MALFORMED"],
    ["nothing in its tag", Uint8Array.of(0xd9, 2, 0x3b), "EVIDENCE_MALFORMED"],
    ["bytes behind it", Uint8Array.of(...SOUND, 0), "EVIDENCE_MALFORMED"],
    ["a key twice", Uint8Array.of(0xd9, 2, 0x3b, 0xa2, 0, 0xa0, 0, 0xa0), "EVIDENCE_MALFORMED"],
    ["a triple of one", concise([[0, [[DEVICE]]]]), "EVIDENCE_MALFORMED"],
    ["a measurement of nothing", evidenceOf(DEVICE, measured()), "EVIDENCE_MALFORMED"],
    [
      "a digest cut short",
      evidenceOf(DEVICE, measured(digests(DIGEST.subarray(1)))),
      "EVIDENCE_MALFORMED",
    ],
    [
      "flags of another form",
      evidenceOf(DEVICE, measured(digests(DIGEST), [3, Uint8Array.of(8)])),
      "EVIDENCE_MALFORMED",
    ],
    [
      "too many files",
      software(mapOf([17, Array.from({ length: 4097 }, () => file("x"))])),
      "EVIDENCE_MALFORMED",
    ],
    [
      "arrays in arrays",
      Uint8Array.of(0xd9, 2, 0x3b, ...new Uint8Array(1000).fill(0x81)),
      "EVIDENCE_MALFORMED",
    ],
    [
      "a list that claims to be long",
      Uint8Array.of(0xd9, 2, 0x3b, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0),
      "EVIDENCE_MALFORMED",
    ],
    [
      "more items than are read",
      encodeItem(new Tag(571, [new Uint8Array(0), ...manyItems()])),
      "EVIDENCE_MALFORMED",
    ],
  ])("is refused with %s", async (_name, bytes, code) => {
    expect(await refusalOf(() => read(bytes))).toBe(code);
  });

  test("cut short or changed anywhere is evidence or a typed error", () => {
    const outcome = (bytes: Uint8Array): unknown => {
      try {
        return read(bytes).form;
      } catch (error) {
        return error instanceof EvidenceError ? "refused" : error;
      }
    };
    for (let length = 0; length < SOUND.length; length++) {
      expect(outcome(SOUND.subarray(0, length))).toBe("refused");
    }
    const change = fc.tuple(fc.integer({ min: 3, max: SOUND.length - 1 }), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = new Uint8Array(SOUND);
        for (const [at, value] of changes) changed[at] = value;
        expect(["concise", "refused"]).toContain(outcome(changed));
      }),
      { numRuns: 1000 },
    );
  });
});

/** Items above the limit of 100,000 in 60,000 pairs. */
function manyItems(): readonly Item[] {
  return Array.from({ length: 60_000 }, () => [0]);
}

describe("a report by configfs-tsm", () => {
  const outblob = ["outblob", new Uint8Array(1184)] as const;
  const refusal = (bytes: Uint8Array): unknown => {
    try {
      return decodeEvidence(bytes);
    } catch (error) {
      if (error instanceof EvidenceError) return [error.code, error.message];
      throw error;
    }
  };

  test.each([
    ["sev_guest\n", "a TSM report of sev_guest is not read here"],
    ["tdx_guest", "a TSM report of tdx_guest is not read here"],
    ["\u001b[31mx", "a TSM report is not read here"],
  ])("is told by the name of its provider: %j", (provider, message) => {
    const pem = new TextEncoder().encode("-----BEGIN CERTIFICATE-----");
    const bytes = encodeItem(mapOf(["auxblob", pem], outblob, ["provider", provider]));
    expect(refusal(bytes)).toStrictEqual(["EVIDENCE_UNSUPPORTED", message]);
  });

  test.each<[string, Item]>([
    ["no provider", mapOf(outblob)],
    ["no report", mapOf(["provider", "sev_guest"])],
    ["a provider of bytes", mapOf(["provider", new Uint8Array(1)], outblob)],
  ])("is none with %s", (_name, item) => {
    expect(refusal(encodeItem(item))).toStrictEqual([
      "EVIDENCE_MALFORMED",
      expect.stringMatching(/^neither an SPDM transcript, .* nor concise evidence$/),
    ]);
  });
});
