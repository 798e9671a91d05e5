import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { factsOfContent } from "../facts.js";
import { recogniseContent } from "../recognise.js";
import { concat, encodeItem, mapOf } from "../testing/corim.js";
import { bytesOf } from "../testing/published.js";
import { refusal } from "../testing/refusal.js";
import { jsonBytes, REPORT } from "../testing/sample.js";
import { sharedFolder } from "../testing/shared.js";
import { COSWID_TAG } from "./coswid.js";
import { Tagged, type Item } from "./item.js";

const TYPE = "application/swid+cbor";
const MAGIC = [0x53, 0x42, 0x4f, 0x4d, 0xd6, 0xba, 0x2e, 0xac, 0xa3, 0xe6, 0x7a, 0x52, 0xaa, 0xee];
const DIGEST: Item = [7, new Uint8Array(48).fill(0xab)];
const FILE = mapOf([24, "rom.bin"], [7, DIGEST]);
const ENTITY = mapOf([31, "Example Silicon"], [33, [1, 2]]);
const TAG = new Map<number, Item>([
  ...([
    [0, new Uint8Array(16).fill(0x11)],
    [1, "Root of Trust"],
    [2, ENTITY],
    [5, mapOf([47, "stable"], [52, "RoT"])],
    [6, mapOf([16, mapOf([24, "fw"], [26, mapOf([17, [FILE]])])])],
    [12, 0],
    [13, "7.0.1"],
  ] as const),
]);

function tagWith(...entries: readonly (readonly [number, Item])[]): Uint8Array {
  return encodeItem(new Map([...TAG, ...entries]));
}

interface Header {
  readonly version?: number;
  readonly more?: readonly number[];
  readonly length?: number;
  readonly header?: number;
}

function uswid(
  payload: Uint8Array,
  { version = 1, more = [], length, header }: Header = {},
): Uint8Array {
  const own = header ?? 23 + more.length;
  const size = length ?? payload.length;
  const sizes = [
    own & 255,
    own >> 8,
    size & 255,
    (size >> 8) & 255,
    (size >> 16) & 255,
    size >>> 24,
  ];
  return concat([Uint8Array.of(...MAGIC, 0x3b, 0xaf, version, ...sizes, ...more), payload]);
}

const PUBLISHED = sharedFolder("published uSWID", "data", "sbom", "uswid");
const testIt = PUBLISHED === undefined ? test.skip : test;

describe("a CoSWID", () => {
  const plain = encodeItem(TAG);
  const tagged = concat([Uint8Array.of(0xda, 0x53, 0x57, 0x49, 0x44), plain]);

  test.each([
    ["by its type", plain, TYPE],
    ["by its CoAP format", plain, 258],
    ["by its tag", tagged, undefined],
    ["by its tag and type", tagged, TYPE],
    ["by its tag in a CoRIM", encodeItem(new Tagged(505, TAG)), "application/cbor"],
    ["in a uSWID", uswid(plain), undefined],
    ["in a uSWID of version 4", uswid(plain, { version: 4, more: [0, 0, 0] }), 42],
  ] as const)("is recognised %s", (...[, payload, contentType]) => {
    expect(factsOfContent(recogniseContent(payload, { contentType }))).toMatchObject({
      kind: "coswid",
      coswid: [
        {
          tagId: "11111111-1111-1111-1111-111111111111",
          ...{ name: "Root of Trust", version: "7.0.1", edition: "stable", product: "RoT" },
          entities: [{ name: "Example Silicon", roles: ["tag-creator", "software-creator"] }],
          files: [{ name: "rom.bin", digests: [{ alg: "sha-384", value: "ab".repeat(48) }] }],
        },
      ],
      digests: [{ alg: "sha-384", value: "ab".repeat(48) }],
    });
  });

  testIt("is read out of a published uSWID", () => {
    const payload = bytesOf(PUBLISHED ?? "", "dell-xps13.bin");
    const facts = factsOfContent(recogniseContent(payload));
    expect(facts).toMatchObject({ kind: "coswid", form: "uswid" });
    expect(facts["coswid"]).toHaveLength(3);
    expect(facts["coswid"]).toMatchObject([
      { name: "AhciRecovery", version: "1.0", edition: "stable202308", files: [] },
      { name: "CSME", version: "15.35.2039", files: [{ name: "intel-csme-15.35.2039.bin" }] },
      { name: "MCU 06-03-02", version: "20230808", files: [{ name: "intel-ucode-06-03-02" }] },
    ]);
    expect(facts["digests"]).toHaveLength(2);
  });

  test("that a uSWID has in another format is the bill of materials that it is", () => {
    const bom = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };
    const payload = new TextEncoder().encode(JSON.stringify(bom));
    expect(recogniseContent(uswid(payload, { version: 4, more: [0, 0, 1] })).kind).toBe(
      "cyclonedx",
    );
  });

  const revocation = {
    ...{ format: "tallystick-revoke/1", target: "11".repeat(32) },
    ...{ issuer: "https://vendor.example", reason: "by mistake" },
  };
  test.each([
    ["a revocation", "cyclonedx", revocation, "revoke"],
    ["a review report", "spdx", REPORT, "sfr"],
    [
      "another bill of materials",
      "spdx",
      { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 },
      "cyclonedx",
    ],
  ])("that a uSWID has as what it is not is opaque: %s", (...row) => {
    const [, format, value, kind] = row;
    const payload = jsonBytes(value);
    expect(recogniseContent(payload).kind).toBe(kind);
    const place = format === "spdx" ? 2 : 1;
    expect(recogniseContent(uswid(payload, { version: 4, more: [0, 0, place] }))).toStrictEqual({
      kind: "opaque",
      problem: `uSWID: the container says ${format}, and in it is ${kind}`,
      mayBe: [],
      warnings: [],
    });
  });

  const deep = (levels: number): Item =>
    levels === 0 ? mapOf([17, FILE]) : mapOf([16, mapOf([26, deep(levels - 1)])]);

  test.each([
    ["no identifier", encodeItem(mapOf([1, "x"]))],
    ["no name", tagWith([1, 1])],
    ["an entity without a name", tagWith([2, mapOf([33, 1])])],
    ["a file without a name", tagWith([6, mapOf([17, mapOf([7, DIGEST])])])],
    ["a truncated hash", tagWith([6, mapOf([17, mapOf([24, "a"], [7, [2, new Uint8Array(16)]])])])],
    ["a short digest", tagWith([6, mapOf([17, mapOf([24, "a"], [7, [7, new Uint8Array(4)]])])])],
    ["a list", encodeItem([1])],
    ["another tag", encodeItem(new Tagged(506, TAG))],
  ])("is refused where it is not as it has to be: %s", (_name, payload) => {
    expect(refusal(() => recogniseContent(payload, { contentType: TYPE }))).toBe(
      "CONTENT_STRUCTURE_INVALID",
    );
    if (payload[0] !== 0xd9) {
      expect(refusal(() => recogniseContent(uswid(payload)))).toBe("CONTENT_STRUCTURE_INVALID");
    }
  });

  test.each([
    ["cut short", plain.slice(0, -1)],
    ["nothing", new Uint8Array(0)],
    ["with bytes behind it", concat([plain, Uint8Array.of(0)])],
    ["of a map that says that it is huge", Uint8Array.of(0xbb, 0, 0, 0, 1, 0, 0, 0, 0)],
    ["of a text that says that it is huge", Uint8Array.of(0x7a, 0xff, 0xff, 0xff, 0xff)],
    ["of lists in lists", new Uint8Array(100_000).fill(0x81)],
    ["of tags on tags", new Uint8Array(100_000).fill(0xc1)],
    ["of indefinite lists", new Uint8Array(100_000).fill(0x9f)],
    ["with one key twice", Uint8Array.of(0xa2, 0, 0, 0, 0)],
    ["with directories in directories", tagWith([6, deep(40)])],
  ])("is refused where it is no CBOR, or a bomb: %s", (_name, payload) => {
    expect(refusal(() => recogniseContent(payload, { contentType: TYPE }))).toBe(
      "CONTENT_MALFORMED",
    );
  });

  test.each([
    ["a version that is not known", uswid(plain, { version: 5 })],
    ["version 0", uswid(plain, { version: 0 })],
    ["a payload that does not end", uswid(plain, { length: 0xffff_ffff })],
    ["a header that is too short", uswid(plain, { version: 4 })],
    ["a header within itself", uswid(plain, { header: 3 })],
    ["a payload that is compressed", uswid(plain, { version: 2, more: [1] })],
    ["a method of compression", uswid(plain, { version: 3, more: [0, 1] })],
    ["a format that is not known", uswid(plain, { version: 4, more: [0, 0, 3] })],
    ["bytes behind it", concat([uswid(plain), Uint8Array.of(1)])],
    ["many containers", concat(Array.from({ length: 65 }, () => uswid(plain)))],
    ["CBOR that is cut short", uswid(plain.slice(0, -1))],
    ["several formats", concat([uswid(plain), uswid(plain, { version: 4, more: [0, 0, 2] })])],
  ])("of a uSWID is opaque where the container cannot be read: %s", (_name, payload) => {
    const content = recogniseContent(payload);
    expect(content.kind).toBe("opaque");
    expect(content.kind === "opaque" ? content.problem : "").toMatch(/uSWID/);
  });

  test("is read or refused, with any bytes changed", () => {
    const whole = concat([uswid(tagged), uswid(plain)]);
    expect(COSWID_TAG).toBe(0x53574944);
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      cut: fc.nat(8),
      put: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(change, ({ at, cut, put }) => {
        const changed = Uint8Array.of(...whole.slice(0, at), ...put, ...whole.slice(at + cut));
        try {
          recogniseContent(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
    );
  });
});
