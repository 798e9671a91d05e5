import { describe, expect, jest, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { SignedStatement, signStatement } from "@tallystick/statement";

import type { Content } from "../content.js";
import { Tagged, type Item, type ItemMap } from "../corim/item.js";
import { ContentError } from "../error.js";
import { DEFAULT_CONTENT_LIMITS, type ContentLimits } from "../limits.js";
import { recogniseContent } from "../recognise.js";
import { encodeItem, mapOf, PUBLISHED_PROFILE, signCose, signCose1With } from "../testing/corim.js";
import { jsonBytes, REPORT, signJws } from "../testing/sample.js";
import { swidXml } from "../testing/swid.js";
import { isUnread, mentionsIn, mentionsOf, type Mentions } from "./mention.js";

const H256 = "ab".repeat(32);
const CDX = { bomFormat: "CycloneDX", specVersion: "1.6" };
const COSE = "application/rim+cose";
const NAMED = [3, "application/rim+cbor"] as const;
const maker = await PrivateKey.generate("ES256");

/** As registration reads with rules over content, where an index reads with the defaults. */
const NARROW: ContentLimits = { maxBytes: 262_144, maxDepth: 32, maxItems: 65_536 };
const ZEROS = Array.from({ length: 35_000 }, () => 0);
const PAD: readonly (readonly [number, Item])[] = [
  [98, ZEROS],
  [99, ZEROS],
];

const DEVICE = mapOf([0, mapOf([1, "V"], [2, "M"])]);
const MEASURED: Item = [mapOf([1, mapOf([2, [[1, new Uint8Array(32).fill(0xab)]]])])];
const SFR = mapOf([0, "2.1"], [1, "1.0"], [2, new Tagged(1, 1_773_014_400)], [3, 1]);
const COMID = encodeItem(mapOf([1, mapOf([0, "a"])], [4, mapOf([0, [[DEVICE, MEASURED]]])]));
const ENDORSED: Item = [[[[DEVICE, MEASURED]], [[DEVICE, [mapOf([1, mapOf([-1, SFR])])]]]]];
const REPORT_COMID = encodeItem(mapOf([1, mapOf([0, "a"])], [4, mapOf([10, ENDORSED])]));
const NO_MORE: readonly (readonly [number, Item])[] = [];

const rimMap = (more = NO_MORE): ItemMap => mapOf([0, "x"], [1, [new Tagged(506, COMID)]], ...more);
const reportMap = (more = NO_MORE): ItemMap =>
  mapOf(
    ...([
      [0, "x"],
      [1, [new Tagged(506, REPORT_COMID)]],
      [3, PUBLISHED_PROFILE],
    ] as const),
    ...([[5, [mapOf([0, "Lab"], [2, [1]])]]] as const),
    ...more,
  );
const tag501 = (map: ItemMap): Uint8Array => encodeItem(new Tagged(501, map));
const inMessage = (payload: Uint8Array, ...more: readonly (readonly [number, Item])[]) =>
  signCose1With(payload, mapOf([1, -7], ...more), maker);
const inReportMessage = (payload: Uint8Array) => signCose1With(payload, mapOf([1, -35]), maker);
const padded = (value: object): Uint8Array => jsonBytes({ ...value, pad: [...ZEROS, ...ZEROS] });

function mentions(payload: Uint8Array, contentType?: string): Mentions {
  return mentionsOf(recogniseContent(payload, { contentType }));
}

/** Yields what is read, and what is refused, which is read by nobody. */
function readUnder(payload: Uint8Array, limits: ContentLimits): Content | undefined {
  try {
    return recogniseContent(payload, { limits });
  } catch (error) {
    if (error instanceof ContentError) return undefined;
    throw error;
  }
}

describe("under narrower limits as under wider ones", () => {
  const release = {
    ...{ format: "tallystick-release/1", vendor: "V", product: "P", version: "1" },
    files: [{ name: "f", digests: [{ alg: "sha-256", value: H256 }] }],
    measurements: [{ element: "1", digests: [{ alg: "sha-256", value: H256 }] }],
  };
  const notice = { format: "tallystick-revoke/1", target: H256, issuer: "i" };
  const bom = { ...CDX, components: [{ type: "library", name: "zlib" }] };
  const rows: Readonly<Record<string, () => Uint8Array | Promise<Uint8Array>>> = {
    "a CoRIM": () => tag501(rimMap(PAD)),
    "a CoRIM in a message": () => inMessage(tag501(rimMap(PAD))),
    "a CoRIM without a tag, which the header names": () =>
      inMessage(encodeItem(rimMap(PAD)), NAMED),
    "a small one under a large header": () => inMessage(encodeItem(rimMap()), NAMED, ...PAD),
    "a CoRIM without a tag, which nothing names": () => inMessage(encodeItem(rimMap(PAD))),
    "a report in a CoRIM": () => tag501(reportMap(PAD)),
    "a report in a CoRIM in a message": () => inReportMessage(tag501(reportMap(PAD))),
    "a report in a CoRIM without a tag": () => inReportMessage(encodeItem(reportMap(PAD))),
    "a report in a CoRIM without a tag, by two headers": () => signCose(encodeItem(reportMap(PAD))),
    "a report": () => padded(REPORT),
    "a signed report": () => signJws(padded(REPORT)),
    "a SWID tag": () => swidXml({ inside: "<a/>".repeat(70_000) }),
    "a bill of materials": () => padded(bom),
    "a large bill of materials": () => jsonBytes({ ...bom, pad: "x".repeat(300_000) }),
    "a release": () => jsonBytes(release),
    "a notice": () => padded(notice),
    "a text": () => new TextEncoder().encode("text"),
    "a message around a text": () => inMessage(encodeItem("text")),
  };
  test.each(Object.entries(rows))("%s says the same, or is unread", async (_name, make) => {
    const payload = await make();
    const narrow = readUnder(payload, NARROW);
    const wide = readUnder(payload, DEFAULT_CONTENT_LIMITS);
    if (narrow === undefined || isUnread(narrow)) return;
    expect(wide === undefined ? undefined : mentionsOf(wide)).toEqual(mentionsOf(narrow));
  });

  test("a report in a CoRIM without a tag is unread under the one, and read under the other", async () => {
    const payload = await inReportMessage(encodeItem(reportMap(PAD)));
    const narrow = recogniseContent(payload, { limits: NARROW });
    expect(narrow).toMatchObject({ kind: "opaque", mayBe: ["sfr-corim"] });
    expect([isUnread(narrow), mentionsOf(narrow).isWhole]).toEqual([true, false]);
    const values = mentions(payload).list.map(({ value }) => value);
    expect(values).toContain(`sha-256:${H256}`);
  });
});

describe("is all, or is not", () => {
  const other = new Tagged(508, Uint8Array.of(1, 2, 3));
  test("where a manifest has tags that are not read", () => {
    const only = tag501(mapOf([0, "x"], [1, [other]]));
    expect(mentions(only)).toEqual({ list: [], isWhole: false });
    const both = tag501(mapOf([0, "x"], [1, [new Tagged(506, COMID), other]]));
    expect(mentions(both).isWhole).toBe(false);
    expect(mentions(both).list.length).toBe(3);
    expect(mentions(tag501(rimMap())).isWhole).toBe(true);
  });

  test("where a manifest has no tag", async () => {
    const bare = encodeItem(rimMap());
    expect(mentions(bare, "application/rim+cbor").isWhole).toBe(false);
    expect(mentions(await inMessage(bare), COSE).isWhole).toBe(false);
    const named = mentions(await inMessage(bare, NAMED), COSE);
    expect([named.list.length, named.isWhole]).toEqual([3, true]);
    // The body has it, where the signer has a header of its own.
    const body = [mapOf(NAMED), mapOf()] as const;
    const signer = [mapOf([1, -36]), mapOf()] as const;
    expect(mentions(await signCose(bare, { body, signer }))).toEqual(named);
  });

  test.each<readonly [string, readonly (readonly [number, Item])[]]>([
    ["crit", [[1, -7], [2, [3]], NAMED]],
    ["an algorithm that is not known", [[1, -47], NAMED]],
    ["a kid that is none", [[1, -7], [4, 1], NAMED]],
  ])("where the message around a manifest has %s", async (_name, header) => {
    const signed = await signCose1With(encodeItem(rimMap()), mapOf(...header), maker);
    const about = { issuer: "https://vendor.example", subject: "a", contentType: COSE };
    const statement = SignedStatement.decode(
      await signStatement({ payload: signed, ...about }, maker),
    );
    expect(mentionsIn(statement)).toEqual({ list: [], isWhole: false });
  });

  test.each([
    ["a digest is none", { hashes: [{ alg: "SHA-512", content: H256 }] }, false],
    ["a package URL is none", { purl: "zlib" }, false],
    ["a digest is of another algorithm", { hashes: [{ alg: "MD5", content: "00" }] }, true],
  ])("where %s", (_name, members, isWhole) => {
    const components = [{ type: "library", name: "zlib", ...members }];
    const found = mentions(jsonBytes({ ...CDX, components }));
    expect(found.isWhole).toBe(isWhole);
    expect(found.list).toHaveLength(1);
  });

  test("for a payload whose reader fails, which ends no index", async () => {
    const about = { issuer: "https://vendor.example", subject: "a" };
    const type = { contentType: "application/json" };
    const statement = SignedStatement.decode(
      await signStatement({ payload: jsonBytes(CDX), ...about, ...type }, maker),
    );
    expect(mentionsIn(statement).isWhole).toBe(true);
    const parse = jest.spyOn(Object, "hasOwn").mockImplementation(() => {
      throw new RangeError("Maximum call stack size exceeded");
    });
    try {
      expect(mentionsIn(statement)).toEqual({ list: [], isWhole: false });
      expect(parse).toHaveBeenCalled();
    } finally {
      parse.mockRestore();
    }
  });
});

describe("everybody and every package is found", () => {
  const of = (payload: Uint8Array, kind: string): readonly string[] =>
    mentions(payload)
      .list.filter((one) => one.kind === kind)
      .map(({ value }) => value);

  test("in CycloneDX: who supplies, and who makes it", () => {
    const names = (one: string, two: string): object => ({
      supplier: { name: one },
      manufacturer: { name: two },
    });
    const components = [{ type: "library", name: "zlib", ...names("C", "D") }];
    const payload = jsonBytes({ ...CDX, metadata: names("A", "B"), components });
    expect(of(payload, "vendor")).toEqual(["a", "b", "c", "d"]);
  });

  test("in SPDX 2.3: suppliers and originators without addresses, each reference", () => {
    const ref = (locator: string): object => ({
      ...{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl" },
      referenceLocator: locator,
    });
    const made = {
      ...{
        SPDXID: "SPDXRef-1",
        name: "hello",
        supplier: "Organization: Foo Inc (sec@foo.example)",
      },
      originator: "Person: Example (Europe) ()",
      externalRefs: [ref("pkg:npm/a"), ref("pkg:npm/b")],
    };
    const creators = ["Organization: One (a@b.example)", "Tool: t", "Organization: Two (UK)"];
    const payload = jsonBytes({
      ...{ spdxVersion: "SPDX-2.3", documentNamespace: "https://example.com/1", name: "n" },
      ...{ creationInfo: { created: "2026-01-02T00:00:00Z", creators }, packages: [made] },
    });
    expect(of(payload, "vendor")).toEqual(["one", "two (uk)", "foo inc", "example (europe)"]);
    expect(of(payload, "purl")).toEqual(["pkg:npm/a", "pkg:npm/b"]);
  });

  test("in SPDX 3.0: the same by elements", () => {
    const agent = (id: string): object => ({ type: "Organization", spdxId: id, name: id });
    const identifier = { externalIdentifierType: "packageUrl", identifier: "pkg:npm/b" };
    const creation = { specVersion: "3.0.1", created: "2026-01-02", createdBy: ["O1", "O2"] };
    const made = {
      ...{ type: "software_Package", spdxId: "p", name: "hello", software_packageUrl: "pkg:npm/a" },
      ...{ suppliedBy: "O3", originatedBy: ["O4"], externalIdentifier: [identifier] },
    };
    const payload = jsonBytes({
      "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
      "@graph": [
        { type: "SpdxDocument", spdxId: "d", name: "d", creationInfo: creation },
        ...["O1", "O2", "O3", "O4"].map(agent),
        made,
      ],
    });
    expect(of(payload, "vendor")).toEqual(["o1", "o2", "o3", "o4"]);
    expect(of(payload, "purl")).toEqual(["pkg:npm/a", "pkg:npm/b"]);
  });
});
