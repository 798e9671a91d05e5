import { readFileSync } from "node:fs";

import { Validation } from "@cyclonedx/cyclonedx-library";
import { describe, expect, jest, test } from "@jest/globals";
import { Ajv } from "ajv";
import fc from "fast-check";

import { recogniseContent } from "./recognise.js";
import { checkBomSchema, MAX_EMAIL_CHARACTERS } from "./schema.js";
import { bytesOf } from "./testing/published.js";
import { rejection } from "./testing/refusal.js";
import { jsonBytes } from "./testing/sample.js";
import { sharedFolder } from "./testing/shared.js";

const folder = sharedFolder("published bills of materials", "data", "sbom");
const publishedIt = folder === undefined ? test.skip : test;

async function problemOf(payload: Uint8Array): Promise<string | undefined> {
  const content = recogniseContent(payload);
  if (!("bom" in content)) throw new Error(`it is ${content.kind}`);
  return checkBomSchema(payload, { kind: content.kind, specVersion: content.bom.specVersion });
}

const CYCLONEDX = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  components: [
    { type: "firmware", name: "rom", hashes: [{ alg: "SHA-256", content: "ab".repeat(32) }] },
  ],
};

/** With as many addresses, of this length each. */
const addressed = (count: number, length: number): object => ({
  ...CYCLONEDX,
  metadata: {
    authors: Array.from({ length: count }, (_, i) => ({
      name: `${i}`,
      email: `${"a".repeat(Math.max(0, length - 10))}@b.example`.slice(0, length),
    })),
  },
});

const SPDX2 = {
  ...{ spdxVersion: "SPDX-2.3", SPDXID: "SPDXRef-DOCUMENT", dataLicense: "CC0-1.0", name: "rom" },
  documentNamespace: "https://vendor.example/rom",
  creationInfo: { created: "2026-11-01T00:00:00Z", creators: ["Tool: ours"] },
  packages: [{ SPDXID: "SPDXRef-rom", name: "rom", downloadLocation: "NOASSERTION" }],
  relationships: [
    {
      spdxElementId: "SPDXRef-DOCUMENT",
      relatedSpdxElement: "SPDXRef-rom",
      relationshipType: "DESCRIBES",
    },
  ],
};
const PACKAGE = SPDX2.packages[0];
const RELATED = SPDX2.relationships[0];

const INFO = {
  ...{ "@id": "_:info", type: "CreationInfo", created: "2026-11-01T00:00:00Z" },
  ...{ specVersion: "3.0.1", createdBy: ["urn:us"] },
};
const US = { type: "Organization", spdxId: "urn:us", creationInfo: "_:info", name: "Us" };
const ROM = {
  ...{ type: "software_Package", spdxId: "urn:rom", creationInfo: "_:info", name: "rom" },
  verifiedUsing: [{ type: "Hash", algorithm: "sha256", hashValue: "ab".repeat(32) }],
};
const RELATION = {
  ...{ type: "Relationship", spdxId: "urn:1", creationInfo: "_:info" },
  ...{ from: "urn:rom", to: ["urn:us"], relationshipType: "suppliedBy" },
};
const graph = (...elements: readonly object[]): object => ({
  "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
  "@graph": elements,
});

test("libraries that decide are of one version each", () => {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
  const deciding = Object.entries(dependencies).filter(([name]) => /ajv|cyclonedx|cvss/.test(name));
  expect(deciding).toHaveLength(5);
  for (const [, version] of deciding) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

describe("the schema of a version", () => {
  const OLD = { ...CYCLONEDX, specVersion: "1.5" };
  const four = (value: object): Promise<readonly PromiseSettledResult<string | undefined>[]> =>
    Promise.allSettled(Array.from({ length: 4 }, () => problemOf(jsonBytes(value))));

  // No other test has this version, so that nothing is there before.
  test("is compiled once for all that come at once, and again where that failed", async () => {
    const compile = jest.spyOn(Ajv.prototype, "compile");
    compile.mockImplementationOnce(() => {
      throw new RangeError("no memory");
    });
    const failed = await four(OLD);
    expect(failed.map(({ status }) => status)).toStrictEqual(Array(4).fill("rejected"));
    expect(compile).toHaveBeenCalledTimes(1);
    const found = await four(OLD);
    expect(found).toStrictEqual(Array(4).fill({ status: "fulfilled", value: undefined }));
    expect(compile).toHaveBeenCalledTimes(2);
    compile.mockRestore();
  });
});

describe("the schema of a bill of materials", () => {
  publishedIt.each([
    ["cyclonedx", "hbom-pcie-sata-adapter.cdx.json"],
    ["cyclonedx", "vex.cdx.json"],
    ["cyclonedx", "cdxa-attestation-1.6.cdx.json"],
    ["cyclonedx", "component-hashes-1.7.cdx.json"],
    ["spdx", "SPDXJSONExample-v2.3.spdx.json"],
    ["spdx", "hello-server.spdx3.json"],
  ])("takes what is published: %s/%s", async (...below) => {
    expect(await problemOf(bytesOf(folder ?? "", ...below))).toBeUndefined();
  });

  test.each([
    ["CycloneDX", CYCLONEDX],
    ["CycloneDX with all addresses that it may have", addressed(16, 255)],
    ["SPDX 2.3", SPDX2],
    ["SPDX 3.0", graph(INFO, US, ROM, RELATION)],
    ["SPDX 3.0 with its information inside", graph({ ...US, creationInfo: INFO })],
  ])("takes %s", async (_name, value) => {
    expect(await problemOf(jsonBytes(value))).toBeUndefined();
  });

  test.each([
    ["a member that is not known", { ...CYCLONEDX, more: 1 }, /the root must NOT have additional/],
    [
      "a type that is not known",
      { ...CYCLONEDX, components: [{ type: "rom", name: "x" }] },
      /^\/components\/0\/type/,
    ],
    ["a version that is no version", { ...CYCLONEDX, version: 0 }, /^\/version/],
    [
      "a component twice",
      { ...CYCLONEDX, components: [...CYCLONEDX.components, ...CYCLONEDX.components] },
      /duplicate/,
    ],
    ["a serial number that is none", { ...CYCLONEDX, serialNumber: "7" }, /^\/serialNumber/],
    ["another licence of the data", { ...SPDX2, dataLicense: "MIT" }, /^\/dataLicense/],
    [
      "a package without a place",
      { ...SPDX2, packages: [{ ...PACKAGE, downloadLocation: undefined }] },
      /^\/packages\/0/,
    ],
    [
      "a file without a checksum",
      { ...SPDX2, files: [{ SPDXID: "SPDXRef-f", fileName: "f" }] },
      /^\/files\/0/,
    ],
    ["an identifier twice", { ...SPDX2, packages: [PACKAGE, PACKAGE] }, /SPDXRef-rom twice/],
    [
      "a relationship to nothing",
      { ...SPDX2, relationships: [{ ...RELATED, relatedSpdxElement: "SPDXRef-x" }] },
      /SPDXRef-x is named/,
    ],
    [
      "a relationship of no kind",
      { ...SPDX2, relationships: [{ ...RELATED, relationshipType: "LIKES" }] },
      /relationshipType/,
    ],
    [
      "a time that is none",
      { ...SPDX2, creationInfo: { created: "today", creators: ["Tool: x"] } },
      /created/,
    ],
    ["a graph without elements", graph(), /no list with elements/],
    ["an element without a type", graph(INFO, US, { spdxId: "urn:x" }), /2 has no type/],
    [
      "an element without an identifier",
      graph(INFO, { ...US, spdxId: undefined }),
      /1 has no spdxId/,
    ],
    ["an element that nobody made", graph(US), /creationInfo is not there/],
    ["an element made at no time", graph({ ...INFO, created: "today" }, US), /created is no time/],
    ["one identifier twice in a graph", graph(INFO, US, US), /taken/],
    [
      "two documents",
      graph({ type: "SpdxDocument" }, { type: "SpdxDocument" }),
      /several documents/,
    ],
    [
      "a hash without a value",
      graph(INFO, { ...ROM, verifiedUsing: [{ type: "Hash", algorithm: "", hashValue: "ab" }] }),
      /hash without/,
    ],
    [
      "a relationship from nowhere",
      graph(INFO, { ...RELATION, from: undefined }),
      /from names nothing/,
    ],
    [
      "a maker that is a package",
      graph({ ...INFO, createdBy: ["urn:rom"] }, ROM),
      /names no agent/,
    ],
    [
      "a list that is long",
      {
        ...CYCLONEDX,
        components: Array.from({ length: 2049 }, (_, i) => ({ type: "file", name: `${i}` })),
      },
      /^\/components has 2049 elements/,
    ],
    ["addresses that are many", addressed(16, 256), /^e-mail addresses have more than 4096/],
    ["addresses of nothing", addressed(2048, 1), /^\/metadata\/authors\/\d+\/email must match/],
    [
      "more addresses of nothing",
      { x: addressed(2048, 0), y: addressed(2048, 0), ...addressed(1, 0) },
      /^e-mail/,
    ],
    ["an address that is long", addressed(1, 321), /\/email has more than 320 characters/],
    [
      "addresses at places that no schema names",
      { x: addressed(16, 128), y: [[addressed(16, 129)]], ...CYCLONEDX },
      /^e-mail/,
    ],
  ])("refuses %s", async (_name, value, why) => {
    expect(await problemOf(jsonBytes(value))).toMatch(why);
  });

  test("looks at no address of a document that has too many", async () => {
    const count = Math.ceil(MAX_EMAIL_CHARACTERS / 320);
    const long = addressed(count + 1, 320);
    const parse = jest.spyOn(Validation.JsonStrictValidator.prototype, "validate");
    expect(await problemOf(jsonBytes(long))).toMatch(/^e-mail/);
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
  });

  const LONG = "x".repeat(9000);
  const twice = { ...PACKAGE, SPDXID: `SPDXRef-${LONG}` };
  const lists = Array<number>(2049).fill(0);
  test.each([
    ["a list below a name", { ...CYCLONEDX, [LONG]: lists }],
    ["an address below a name", { ...CYCLONEDX, [LONG]: { email: "a".repeat(321) } }],
    [
      "an extension below a name",
      { ...CYCLONEDX, components: [{ type: "file", name: "f", [LONG]: 1 }] },
    ],
    ["an identifier twice", { ...SPDX2, packages: [twice, twice] }],
    [
      "a relationship to nothing",
      { ...SPDX2, relationships: [{ ...RELATED, relatedSpdxElement: LONG }] },
    ],
    ["a type", { ...SPDX2, relationships: [{ ...RELATED, relationshipType: LONG }] }],
  ])("says little of %s that is long", async (_name, value) => {
    expect((await problemOf(jsonBytes(value)))?.length).toBeLessThan(400);
  });

  test("says little of a version that is long", async () => {
    const format = { kind: "cyclonedx", specVersion: LONG } as const;
    expect((await checkBomSchema(jsonBytes(CYCLONEDX), format))?.length).toBeLessThan(100);
  });

  test("is that of a version that is here, and of strict JSON", async () => {
    const format = { kind: "cyclonedx", specVersion: "1.3" } as const;
    expect(await checkBomSchema(jsonBytes(CYCLONEDX), format)).toMatch(
      /no schema of CycloneDX 1.3/,
    );
    const twice = new TextEncoder().encode('{"a":1,"a":2}');
    expect(await rejection(checkBomSchema(twice, format))).toBe("CONTENT_MALFORMED");
  });

  test("ends with a verdict, whatever the value", async () => {
    const part = fc.jsonValue({ maxDepth: 3 });
    await fc.assert(
      fc.asyncProperty(part, part, fc.constantFrom("cyclonedx", "spdx"), async (one, two, kind) => {
        const value = {
          ...CYCLONEDX,
          "@graph": one,
          components: two,
          metadata: one,
          packages: two,
        };
        for (const specVersion of ["1.6", "2.3", "3.0.1"]) {
          const verdict = await checkBomSchema(jsonBytes(value), { kind, specVersion }).catch(
            (error: unknown) => (error as { code: string }).code,
          );
          expect(["string", "undefined"]).toContain(typeof verdict);
        }
      }),
      { numRuns: 40 },
    );
  });
});
