import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { signHashEnvelope, SignedStatement, signStatement } from "@tallystick/statement";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { recogniseContent } from "../recognise.js";
import { Tagged, type Item } from "../corim/item.js";
import { corimOf, encodeItem, mapOf } from "../testing/corim.js";
import { jsonBytes, REPORT } from "../testing/sample.js";
import { sharedFolder } from "../testing/shared.js";
import { swidXml } from "../testing/swid.js";
import { MENTION_KINDS, mentionForm, type MentionKind } from "./form.js";
import {
  MAX_MENTIONS,
  MENTION_ROLES,
  MENTIONS_EDITION,
  mentionsIn,
  mentionsOf,
  type Mentions,
} from "./mention.js";

const H256 = "ab".repeat(32);
const H384 = "ab".repeat(48);
const H512 = "cd".repeat(64);
const UUID = "31fb5abf-023e-4992-aa4e-95f9c1503bfa";

describe("what is asked for is brought into the form of its kind", () => {
  const rows: readonly (readonly [MentionKind, string, string | undefined])[] = [
    ["digest", `sha-256:${H256}`, `sha-256:${H256}`],
    ["digest", `sha256:${H256}`, `sha-256:${H256}`],
    ["digest", H256, `sha-256:${H256}`],
    ["digest", H384, `sha-384:${H384}`],
    ["digest", H512, `sha-512:${H512}`],
    ["digest", `sha-512:${H256}`, undefined],
    ["digest", H256.toUpperCase(), undefined],
    ["digest", `SHA-256:${H256}`, undefined],
    ["digest", `md5:${H256}`, undefined],
    ["digest", H256.slice(2), undefined],
    ["digest", `${H256}0`, undefined],
    ["digest", "", undefined],
    ["purl", "PKG:NPM/Foo@1", "pkg:npm/Foo@1"],
    ["purl", "pkg:npm/", undefined],
    ["purl", "pkg:npm/a b", undefined],
    ["purl", "npm/foo", undefined],
    ["vendor", "  Advanced\tMicro \n Devices ", "advanced micro devices"],
    ["vendor", "ÄRGER", "Ärger"],
    ["vendor", " \t ", undefined],
    ["product", "GH100", "gh100"],
    ["version", " 1.0-RC1 ", "1.0-RC1"],
    ["version", " ", undefined],
    ["deviceClass", UUID, UUID.replaceAll("-", "")],
    ["deviceClass", UUID.toUpperCase(), UUID.replaceAll("-", "")],
    ["deviceClass", ` ${UUID}\n`, UUID.replaceAll("-", "")],
    ["deviceClass", " 1.3.6.1.4.1.3704.3.1", "2b060104019c780301"],
    ["deviceClass", `37(h'${UUID.replaceAll("-", "")}')`, UUID.replaceAll("-", "")],
    ["deviceClass", "2.16.840.1.113741.1.15.4.99.1", "6086480186f84d010f046301"],
    ["deviceClass", "111(h'6086480186f84d010f046301')", "6086480186f84d010f046301"],
    ["deviceClass", "6086480186F84D010F046301", "6086480186f84d010f046301"],
    ["deviceClass", "1.3.6.1.4.1.3704.3.1", "2b060104019c780301"],
    ["deviceClass", " Root of Trust ", "Root of Trust"],
    ["deviceClass", "1.02", "1.02"],
    ["deviceClass", "9".repeat(200), "9".repeat(200)],
  ];
  test.each(rows)("%s %j", (kind, text, form) => {
    expect(mentionForm(kind, text)).toBe(form);
    if (form !== undefined) expect(mentionForm(kind, form)).toBe(form);
  });

  test("whatever the text, in the end, and what is in that form stays as it is", () => {
    const kind = fc.constantFrom(...MENTION_KINDS);
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string().map((end) => `pkg:a/${end}`),
    );
    fc.assert(
      fc.property(kind, text, (one, written) => {
        const form = mentionForm(one, written);
        if (form !== undefined) expect(mentionForm(one, form)).toBe(form);
      }),
    );
  });
});

/** Yields what a payload speaks of, by kind and value, with the roles. */
function spoken(payload: Uint8Array, contentType?: string): Readonly<Record<string, string>> {
  const { list } = mentionsOf(recogniseContent(payload, { contentType }));
  return Object.fromEntries(
    list.map(({ kind, value, roles }) => [`${kind} ${value}`, roles.join()]),
  );
}

const FILES = [{ name: "rom.bin", digests: [{ alg: "sha-256", value: H256 }] }];
const SHA384 = { alg: "sha-384", value: H384 };
const ENTRY = "11".repeat(32);

describe("a payload speaks of", () => {
  test("the file of a report, and the device", () => {
    expect(spoken(jsonBytes(REPORT))).toEqual({
      [`digest sha-384:${H384}`]: "file",
      [`digest sha-512:${H512}`]: "file",
      "vendor example silicon": "device",
      "product root of trust": "device",
      "version 7.0.1": "device",
    });
  });

  test("what a report in a CoRIM says is measured, and the class of the device", () => {
    const corim = corimOf({ classId: Uint8Array.of(0xa0, 1, 2, 3, 4, 5, 6, 7) });
    expect(spoken(corim)).toMatchObject({
      [`digest sha-384:${H384}`]: "file,measured",
      "deviceClass a001020304050607": "device",
      "vendor example silicon": "device",
    });
  });

  test("the components of a bill of materials, those inside of others too", () => {
    const hashes = [{ alg: "SHA-256", content: H256.toUpperCase() }];
    const inner = { type: "library", name: "zlib", version: "1.3.1", hashes };
    const purl = "pkg:deb/debian/zlib@1.3.1?arch=arm64#src";
    const component = { type: "firmware", name: "ROM", components: [{ ...inner, purl }] };
    const metadata = { supplier: { name: "Example Silicon" }, component };
    const bom = { bomFormat: "CycloneDX", specVersion: "1.6", metadata };
    expect(spoken(jsonBytes(bom), "application/vnd.cyclonedx+json")).toEqual({
      [`digest sha-256:${H256}`]: "component",
      [`purl ${purl}`]: "component",
      "purl pkg:deb/debian/zlib@1.3.1": "component",
      "purl pkg:deb/debian/zlib": "component",
      "vendor example silicon": "component",
      "product rom": "component",
      "product zlib": "component",
      "version 1.3.1": "component",
    });
  });

  test.each([
    ["pkg:npm/foo", ["pkg:npm/foo"]],
    ["PKG:NPM/%40scope/foo@2", ["pkg:npm/%40scope/foo@2", "pkg:npm/%40scope/foo"]],
    ["pkg:npm/@scope/foo", ["pkg:npm/@scope/foo"]],
    ["pkg:npm/@scope/foo@2", ["pkg:npm/@scope/foo@2", "pkg:npm/@scope/foo"]],
    ["pkg:npm/foo?a=b@c", ["pkg:npm/foo?a=b@c", "pkg:npm/foo"]],
    ["pkg:npm/foo#a@1", ["pkg:npm/foo#a@1", "pkg:npm/foo"]],
  ])("the package URL %s also as it is shorter", (purl, forms) => {
    const components = [{ type: "library", name: "foo", purl }];
    const bom = { bomFormat: "CycloneDX", specVersion: "1.6", components };
    const found = mentionsOf(recogniseContent(jsonBytes(bom))).list;
    expect(found.filter(({ kind }) => kind === "purl").map(({ value }) => value)).toEqual(forms);
  });

  test("what a manifest says is measured, and what it endorses", () => {
    const measured = (byte: number): Item => [
      mapOf([0, mapOf([0, new Tagged(560, new Uint8Array(8).fill(byte))], [1, "V"], [2, "M"])]),
      [mapOf([1, mapOf([0, mapOf([0, "2.0"])], [2, [[1, new Uint8Array(32).fill(byte)]]])])],
    ];
    const triples = mapOf([0, [measured(1)]], [1, [measured(2)]]);
    const comid = encodeItem(mapOf([1, mapOf([0, "comid"])], [4, triples]));
    const tags = [new Tagged(506, comid)];
    const corim = encodeItem(new Tagged(501, mapOf([0, "corim"], [1, tags])));
    expect(spoken(corim)).toEqual({
      [`digest sha-256:${"01".repeat(32)}`]: "measured",
      [`digest sha-256:${"02".repeat(32)}`]: "endorsed",
      [`deviceClass ${"01".repeat(8)}`]: "device",
      [`deviceClass ${"02".repeat(8)}`]: "device",
      ...{ "vendor v": "device", "product m": "device", "version 2.0": "measured,endorsed" },
    });
  });

  test("the measurements of a SWID tag, and the firmware", () => {
    expect(spoken(swidXml())).toEqual({
      [`digest sha-384:${H384}`]: "measured",
      "vendor example silicon": "tag",
      "product rot": "tag",
      "version 7.0.1": "tag",
    });
  });

  test("a release with its files, what is measured, and the statements that it names", () => {
    const release = {
      ...{ format: "tallystick-release/1", vendor: "V", product: "P", version: "1", files: FILES },
      measurements: [{ element: "2", digests: [SHA384] }],
      rims: [{ entry: ENTRY }],
      sboms: [{ digests: [{ alg: "sha-512", value: H512 }] }],
    };
    expect(spoken(jsonBytes(release))).toEqual({
      [`digest sha-256:${H256}`]: "file",
      [`digest sha-384:${H384}`]: "measured",
      [`digest sha-256:${ENTRY}`]: "reference",
      [`digest sha-512:${H512}`]: "reference",
      ...{ "vendor v": "release", "product p": "release", "version 1": "release" },
    });
  });

  test("the statement that a notice is about, and the one that replaces it", () => {
    const notice = { format: "tallystick-supersede/1", target: ENTRY, issuer: "i" };
    expect(spoken(jsonBytes({ ...notice, replacement: H256 }))).toEqual({
      [`digest sha-256:${ENTRY}`]: "reference",
      [`digest sha-256:${H256}`]: "reference",
    });
  });

  test("the subjects of a record, and its documents", () => {
    const record = { format: "tallystick-record/1", type: "review", by: "b", made: 1 };
    const documents = [{ name: "log", digests: [SHA384] }];
    expect(spoken(jsonBytes({ ...record, subjects: FILES, documents }))).toEqual({
      [`digest sha-256:${H256}`]: "file",
      [`digest sha-384:${H384}`]: "reference",
    });
  });
});

describe("that this is not all", () => {
  const bom = (count: number): Uint8Array => {
    const components = Array.from({ length: count }, (_, i) => ({
      ...{ type: "library", name: `n${i}`, purl: `pkg:a/n${i}` },
      hashes: [{ alg: "SHA-256", content: i.toString(16).padStart(64, "0") }],
    }));
    return jsonBytes({ bomFormat: "CycloneDX", specVersion: "1.6", components });
  };

  test("is told of a payload that speaks of more than are listed, digests first", () => {
    // Three of each component.
    const most = Math.floor(MAX_MENTIONS / 3);
    const limits = { maxBytes: 16_777_216, maxItems: 1_000_000 };
    const whole = mentionsOf(recogniseContent(bom(most), { limits }));
    expect([whole.list.length, whole.isWhole]).toEqual([3 * most, true]);
    const { list, isWhole } = mentionsOf(recogniseContent(bom(most + 1), { limits }));
    expect([list.length, isWhole]).toEqual([MAX_MENTIONS, false]);
    expect(list.filter(({ kind }) => kind === "digest")).toHaveLength(most + 1);
    expect(list.filter(({ kind }) => kind === "purl")).toHaveLength(most + 1);
  });

  const swidOf = (elements: number, spaces = 0): Uint8Array =>
    new TextEncoder().encode(
      '<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" name="n" tagId="t">' +
        `${" ".repeat(spaces)}${"<a/>".repeat(elements)}</SoftwareIdentity>`,
    );
  const taggedBytes = (length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    bytes.set([0xd9, 0x01, 0xf5]);
    return bytes;
  };

  test("are not looked for in XML whose content type does not say so, and are in any other", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const kinds = async (contentType: string): Promise<readonly string[]> => {
      const about = { issuer: "https://vendor.example", subject: "a", contentType };
      const signed = await signStatement({ payload: swidOf(1), ...about }, key);
      return mentionsIn(SignedStatement.decode(signed)).list.map(({ kind }) => kind);
    };
    const xml = ["application/swid+xml", "application/xml", "text/xml; charset=utf-8"];
    for (const type of xml) expect([type, await kinds(type)]).toEqual([type, ["product"]]);
    expect(await kinds("text/plain")).toEqual([]);
  });

  test("are those of what was read elsewhere where that comes to the same", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const read = recogniseContent(bom(2));
    for (const [payload, wanted] of [
      [jsonBytes({}), mentionsOf(read)],
      [new Uint8Array(8193).fill(0x20), { list: [], isWhole: true }],
    ] as const) {
      const about = { issuer: "https://vendor.example", subject: "a", contentType: "text/plain" };
      const statement = SignedStatement.decode(await signStatement({ payload, ...about }, key));
      expect(mentionsIn(statement, read)).toEqual(wanted);
      const unread = { kind: "opaque", problem: "too deep", mayBe: [], warnings: [] } as const;
      expect(mentionsIn(statement, unread)).toEqual({ list: [], isWhole: true });
    }
  });

  const cases: Readonly<Record<string, readonly [Uint8Array, string, boolean]>> = {
    "a payload that is too large": [
      new Uint8Array(1_048_577).fill(0x20),
      "application/json",
      false,
    ],
    "JSON that does not end": [new TextEncoder().encode('{"a":'), "application/json", false],
    "a report that is none": [jsonBytes([]), "application/vnd.ocp.safe-sfr+json", false],
    "a format of another version": [jsonBytes({ spdxVersion: "SPDX-9" }), "text/plain", false],
    "XML with too many elements": [swidOf(8192), "application/swid+xml", false],
    "XML that is too large": [swidOf(0, 262_144), "text/xml", false],
    "JSON of too many items": [jsonBytes({ a: new Array(50_000).fill(0) }), "text/plain", false],
    "CBOR that is too large": [taggedBytes(262_145), "application/cbor", false],
    "a text that is as large": [new Uint8Array(262_145).fill(0x61), "text/plain", true],
    "a SWID tag that is called a text": [swidOf(1), "text/plain", false],
    "a SWID tag of an unknown type of bytes": [swidOf(1), "application/octet-stream", false],
    "XML that is no tag": [new TextEncoder().encode("<a>b</a>"), "text/plain", true],
    "a payload of no kind that is known": [bom(1), "application/x-other", true],
    "a text": [new TextEncoder().encode("text"), "text/plain", true],
    "JSON that is something else": [jsonBytes({ a: 1 }), "application/json", true],
    nothing: [new Uint8Array(), "application/json", true],
  };
  test.each(Object.entries(cases))("is told or not: %s", async (_name, [payload, ...rest]) => {
    const [contentType, isWhole] = rest;
    const key = await PrivateKey.generate("EdDSA");
    const about = { issuer: "https://vendor.example", subject: "a", contentType };
    const statement = SignedStatement.decode(await signStatement({ payload, ...about }, key));
    expect(mentionsIn(statement)).toEqual({ list: [], isWhole });
  });

  test("is not told of a hash envelope, whose payload is elsewhere", async () => {
    const key = await PrivateKey.generate("EdDSA");
    const about = { issuer: "https://vendor.example", subject: "a" };
    const preimage = { digest: new Uint8Array(32) };
    const type = { contentType: "application/spdx+json", hash: "sha-256" } as const;
    const signed = await signHashEnvelope({ ...about, ...type, preimage }, key);
    expect(mentionsIn(SignedStatement.decode(signed))).toEqual({ list: [], isWhole: true });
  });
});

const folder = sharedFolder("mentions of published payloads", "data");
const root = folder ?? "";
const published = folder === undefined ? describe.skip : describe;

published("published payloads", () => {
  /** One of each format, the same for good. */
  const PINNED: readonly string[] = [
    ...["sfr/reports/ami-2024-aptio-ce-genoa.jws", "sfr/corim/microsoft-2026-hsm-layer-0.cbor"],
    ...["rim/corim-veraison/corim-2.cbor", "rim/corim-veraison-services/corim-sevsnp-valid.cbor"],
    ...["rim/nvidia-swid/1010_0200_882_96005E0001_PROD.swidtag", "sbom/uswid/dell-xps13.bin"],
    ...["sbom/cyclonedx/component-hashes-1.7.cdx.json", "sbom/spdx/hello-server.spdx3.json"],
    "sbom/spdx/SPDXJSONExample-v2.3.spdx.json",
  ];
  /** They change together: an index of another edition is made anew, and by nothing else. */
  const EDITION = {
    edition: 2,
    sha256: "fc9f76a0a12352bf8ec8194ee3acabe863c887f5abb6a977f72169c5c15a9fcc",
  };

  test("speak of the same as long as the edition is the same", () => {
    const all = PINNED.map((name) => outcomeOf(new Uint8Array(readFileSync(join(root, name)))));
    expect(all.every(({ list, isWhole }) => isWhole && list.length > 0)).toBe(true);
    const sha256 = createHash("sha256").update(JSON.stringify(all)).digest("hex");
    expect({ edition: MENTIONS_EDITION, sha256 }).toEqual(EDITION);
  });

  test("speak of every kind, in nearly every role", () => {
    const all = payloadsBelow(root).flatMap((payload) => outcomeOf(payload).list);
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(MENTION_KINDS));
    const roles = new Set(all.flatMap((one) => one.roles));
    expect(MENTION_ROLES.filter((role) => !roles.has(role))).toEqual(["endorsed", "release"]);
  });
});

function outcomeOf(payload: Uint8Array): Mentions {
  try {
    return mentionsOf(recogniseContent(payload));
  } catch (error) {
    if (error instanceof ContentError) return { list: [], isWhole: false };
    throw error;
  }
}

function payloadsBelow(place: string): readonly Uint8Array[] {
  return readdirSync(place, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:jws|jwt|cbor|json|swidtag|xml|bin)$/.test(name))
    .map((name) => new Uint8Array(readFileSync(join(place, name))));
}
