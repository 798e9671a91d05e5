import { describe, expect, test } from "@jest/globals";
import { readdirSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import type { BomContent } from "../content.js";
import { ContentError } from "../error.js";
import { factsOfContent } from "../facts.js";
import { recogniseContent } from "../recognise.js";
import { bytesOf } from "../testing/published.js";
import { refusal } from "../testing/refusal.js";
import { jsonBytes } from "../testing/sample.js";
import { sharedFolder } from "../testing/shared.js";

const CYCLONEDX = "application/vnd.cyclonedx+json";
const SPDX = "application/spdx+json";
const SPDX3 = "application/spdx3+json";
const sha256 = "ab".repeat(32);

function read(value: object, contentType?: string): BomContent {
  const content = recogniseContent(jsonBytes(value), { contentType });
  if (content.kind !== "cyclonedx" && content.kind !== "spdx") throw new Error(content.kind);
  return content;
}

const codesOf = ({ warnings }: BomContent): readonly string[] => warnings.map(({ code }) => code);

const library = {
  type: "library",
  "bom-ref": "lib",
  name: "zlib",
  version: "1.3.1",
  purl: "pkg:generic/zlib@1.3.1",
  supplier: { name: "Example Supplier" },
  hashes: [{ alg: "SHA-256", content: sha256.toUpperCase() }],
};
const cyclonedx = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  version: 2,
  metadata: {
    timestamp: "2026-01-02T03:04:05Z",
    supplier: { name: "Example Silicon" },
    component: { type: "firmware", name: "rom", components: [library] },
  },
};
const hello = { SPDXID: "SPDXRef-1", name: "hello", versionInfo: "1.0" };
const spdx = {
  spdxVersion: "SPDX-2.3",
  SPDXID: "SPDXRef-DOCUMENT",
  name: "document",
  documentNamespace: "https://example.com/1",
  creationInfo: { created: "2026-01-02T03:04:05Z", creators: ["Tool: x", "Organization: Ex ()"] },
  documentDescribes: ["SPDXRef-1"],
  packages: [{ ...hello, checksums: [{ algorithm: "SHA256", checksumValue: sha256 }] }],
};

const folder = sharedFolder("published bills of materials", "data", "sbom");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("the published bills of materials", () => {
  const shared = folder ?? "";
  const contentOf = (...path: readonly string[]): BomContent => {
    const content = recogniseContent(bytesOf(shared, ...path));
    if (content.kind !== "cyclonedx" && content.kind !== "spdx") throw new Error(content.kind);
    return content;
  };

  test("are these", () => {
    const files = ["cyclonedx", "spdx"].flatMap((name) => readdirSync(join(shared, name)));
    expect(files.filter((name) => name.endsWith(".json")).sort()).toStrictEqual([
      "SPDXJSONExample-v2.3.spdx.json",
      "cdxa-attestation-1.6.cdx.json",
      "component-hashes-1.7.cdx.json",
      "hbom-pcie-sata-adapter.cdx.json",
      "hello-server.spdx3.json",
      "vex.cdx.json",
    ]);
  });

  test("hardware: a main component and six others, without hashes", () => {
    const content = contentOf("cyclonedx", "hbom-pcie-sata-adapter.cdx.json");
    const { bom } = content;
    expect(bom).toMatchObject({ specVersion: "1.4", version: 1, name: "pcie-sata-adaptor-board" });
    expect(bom.components).toHaveLength(7);
    expect(bom.components.every(({ type }) => type === "device")).toBe(true);
    expect(bom.components[1]).toMatchObject({ supplier: "Samtec", digests: [] });
    expect(codesOf(content)).toContain("components-unhashed");
  });

  test("vulnerabilities: one, not affected", () => {
    const { bom } = contentOf("cyclonedx", "vex.cdx.json");
    expect(bom).toMatchObject({ serial: undefined, components: [] });
    expect(bom.vulnerabilities).toStrictEqual([{ id: "CVE-2020-25649", state: "not_affected" }]);
  });

  test("an attestation: recognised, without components", () => {
    const { bom } = contentOf("cyclonedx", "cdxa-attestation-1.6.cdx.json");
    expect(bom).toMatchObject({ specVersion: "1.6", components: [] });
  });

  test("twelve hashes: the three that are known", () => {
    const content = contentOf("cyclonedx", "component-hashes-1.7.cdx.json");
    const digests = content.bom.components[0]?.digests;
    expect(digests?.map(({ alg }) => alg)).toStrictEqual(["sha-256", "sha-384", "sha-512"]);
    expect(codesOf(content).filter((code) => code === "digest-unknown")).toHaveLength(9);
  });

  test("SPDX 2.3: glibc by SHA-256, others by a purl or nothing", () => {
    const { kind, bom } = contentOf("spdx", "SPDXJSONExample-v2.3.spdx.json");
    expect(kind).toBe("spdx");
    expect(bom).toMatchObject({ specVersion: "2.3", supplier: "ExampleCodeInspect" });
    expect(bom.components.find(({ name }) => name === "glibc")?.digests).toStrictEqual([
      { alg: "sha-256", value: "11b6d3ee554eedf79299905a98f9b9a04e498210b59f15094c916c91d150efcd" },
    ]);
    const purls = bom.components.map(({ purl }) => purl).filter((purl) => purl !== undefined);
    expect(purls).toStrictEqual(["pkg:maven/org.apache.jena/apache-jena@3.12.0"]);
  });

  test("SPDX 3.0: a file with two known hashes, four packages with purls", () => {
    const { bom } = contentOf("spdx", "hello-server.spdx3.json");
    expect(bom).toMatchObject({ specVersion: "3.0.1", created: "2022-11-03T07:10:10Z" });
    const file = bom.components.find(({ type }) => type === "file");
    expect(file?.digests.map(({ alg }) => alg)).toStrictEqual(["sha-512", "sha-256"]);
    expect(bom.subject).toBeDefined();
    const packages = bom.components.filter(({ type }) => type === "package");
    expect(packages.map(({ purl }) => purl?.slice(0, 4))).toStrictEqual(
      Array.from({ length: 4 }, () => "pkg:"),
    );
  });

  test("have plain facts", () => {
    for (const path of ["cyclonedx", "spdx"]) {
      for (const name of readdirSync(join(shared, path))) {
        if (!name.endsWith(".json")) continue;
        const facts = factsOfContent(contentOf(path, name));
        expect(JSON.parse(JSON.stringify(facts))).toStrictEqual(facts);
      }
    }
  });

  test("are recognised, opaque or refused, wherever they were changed", () => {
    const files = ["cyclonedx", "spdx"].flatMap((path) =>
      (folder === undefined ? [] : readdirSync(join(shared, path)))
        .filter((name) => name.endsWith(".json"))
        .map((name) => bytesOf(shared, path, name)),
    );
    const change = fc.constantFrom(...files).chain((file) =>
      fc.record({
        file: fc.constant(file),
        at: fc.nat(file.length - 1),
        byte: fc.constantFrom(0x22, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x30, 0x61, 0xff),
        isCut: fc.boolean(),
        contentType: fc.constantFrom(undefined, CYCLONEDX, SPDX),
      }),
    );
    fc.assert(
      fc.property(change, ({ file, at, byte, isCut, contentType }) => {
        const changed = isCut ? file.slice(0, at) : new Uint8Array(file);
        if (!isCut) changed[at] = byte;
        try {
          factsOfContent(recogniseContent(changed, { contentType }));
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a CycloneDX document", () => {
  test("has its components, those inside of others too", () => {
    const content = read(cyclonedx, `${CYCLONEDX}; version=1.6`);
    expect(content.bom).toMatchObject({ supplier: "Example Silicon", version: 2, name: "rom" });
    expect(content.bom.components.map(({ name }) => name)).toStrictEqual(["rom", "zlib"]);
    expect(content.bom.components[1]).toStrictEqual({
      id: "lib",
      type: "library",
      name: "zlib",
      version: "1.3.1",
      supplier: "Example Supplier",
      makers: ["Example Supplier"],
      purl: "pkg:generic/zlib@1.3.1",
      purls: ["pkg:generic/zlib@1.3.1"],
      digests: [{ alg: "sha-256", value: sha256 }],
    });
    expect(codesOf(content)).toStrictEqual(["components-unhashed"]);
  });

  test.each([
    ["content-type-version", cyclonedx, `${CYCLONEDX}; version=1.5`],
    ["serial-form", { ...cyclonedx, serialNumber: "1" }, undefined],
    ["purl-unreadable", { ...cyclonedx, components: [{ ...library, purl: "zlib" }] }, undefined],
    [
      "digest-malformed",
      { ...cyclonedx, components: [{ ...library, hashes: [{ alg: "SHA-512", content: sha256 }] }] },
      undefined,
    ],
  ])("that is unusual is told as %s", (code, value, contentType) => {
    expect(codesOf(read(value, contentType))).toContain(code);
  });

  test.each([
    ["components that are no list", { components: {} }],
    ["a component that is no object", { components: ["zlib"] }],
    ["a component without name", { components: [{ type: "library" }] }],
    ["a component without type", { components: [{ name: "zlib" }] }],
    ["a hash without value", { components: [{ ...library, hashes: [{ alg: "SHA-256" }] }] }],
    ["a version that is no integer", { version: "1" }],
    ["metadata that is a list", { metadata: [] }],
    ["vulnerabilities that are no list", { vulnerabilities: 1 }],
  ])("is refused: %s", (_name, members) => {
    const payload = jsonBytes({ ...cyclonedx, ...members });
    expect(refusal(() => recogniseContent(payload))).toBe("CONTENT_STRUCTURE_INVALID");
  });
});

describe("an SPDX document", () => {
  test("has its packages and who made it", () => {
    expect(read(spdx, SPDX).bom).toMatchObject({
      specVersion: "2.3",
      serial: "https://example.com/1",
      supplier: "Ex",
      subject: { name: "hello" },
      components: [{ name: "hello", version: "1.0", digests: [{ value: sha256 }] }],
    });
  });

  const context = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
  test("of 3.0 has its elements, whose creation can stand inside of them", () => {
    const creationInfo = { type: "CreationInfo", specVersion: "3.0.1", created: "2026-01-02" };
    const element = { type: "software_Package", spdxId: "p", name: "hello", suppliedBy: "o" };
    const graph = [
      { type: "SpdxDocument", spdxId: "d", name: "document", rootElement: ["p"], creationInfo },
      { type: "Organization", spdxId: "o", name: "Example Supplier" },
      element,
    ];
    expect(read({ "@context": [context], "@graph": graph }, `${SPDX3}; version=3.0`)).toMatchObject(
      {
        bom: {
          specVersion: "3.0.1",
          serial: "d",
          created: "2026-01-02",
          subject: { name: "hello", supplier: "Example Supplier" },
        },
      },
    );
  });

  test.each([
    ["no namespace", { ...spdx, documentNamespace: undefined }],
    ["no creation", { ...spdx, creationInfo: undefined }],
    ["a creator that is no text", { ...spdx, creationInfo: { created: "", creators: [1] } }],
    ["a package without name", { ...spdx, packages: [{ SPDXID: "SPDXRef-1" }] }],
    ["a graph of texts", { "@context": context, "@graph": ["a"] }],
    ["an element without id", { "@context": context, "@graph": [{ type: "software_File" }] }],
  ])("is refused: %s", (_name, value) => {
    expect(refusal(() => recogniseContent(jsonBytes(value)))).toBe("CONTENT_STRUCTURE_INVALID");
  });
});

describe("a bill of materials", () => {
  test.each([
    ["CycloneDX 1.3", { ...cyclonedx, specVersion: "1.3" }, CYCLONEDX],
    ["CycloneDX 2", { ...cyclonedx, specVersion: 2 }, "application/json"],
    ["SPDX 2.2", { ...spdx, spdxVersion: "SPDX-2.2" }, SPDX],
    [
      "SPDX 3.1",
      { "@context": "https://spdx.org/rdf/3.1/spdx-context.jsonld", "@graph": [] },
      SPDX3,
    ],
  ])("of a version that is not read is opaque, and says so: %s", (_name, value, contentType) => {
    const content = recogniseContent(jsonBytes(value), { contentType });
    expect(content.kind === "opaque" ? content.problem : "").toMatch(/^a version of /);
  });

  test.each([
    ["SPDX under the type of CycloneDX", spdx, CYCLONEDX],
    ["CycloneDX under the type of SPDX", cyclonedx, SPDX],
    ["other JSON", {}, CYCLONEDX],
  ])("is refused under the type of another: %s", (_name, value, contentType) => {
    const recognise = (): unknown => recogniseContent(jsonBytes(value), { contentType });
    expect(refusal(recognise)).toBe("CONTENT_TYPE_MISMATCH");
  });
});
