const HASHES = [{ alg: "SHA-256", content: "ab".repeat(32) }];
const CHECKSUMS = [{ algorithm: "SHA256", checksumValue: "ab".repeat(32) }];

/** A CycloneDX document with everything in it that is read. */
export const CYCLONEDX: object = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  version: 1,
  metadata: {
    timestamp: "2026-01-01T00:00:00Z",
    supplier: { name: "Example Silicon" },
    component: { type: "firmware", name: "RoT", version: "7.0.1", manufacturer: { name: "A" } },
  },
  components: [
    {
      ...{ "bom-ref": "a", type: "library", name: "a", version: "1", purl: "pkg:npm/a@1" },
      ...{ hashes: HASHES, components: [{ type: "file", name: "b", hashes: HASHES }] },
    },
  ],
  vulnerabilities: [{ id: "CVE-2026-1", analysis: { state: "not_affected" } }],
};

/** An SPDX 2.3 document with everything in it that is read. */
export const SPDX2: object = {
  ...{ spdxVersion: "SPDX-2.3", name: "RoT", documentNamespace: "https://vendor.example/7" },
  creationInfo: { created: "2026-01-01T00:00:00Z", creators: ["Organization: Example", "Tool: t"] },
  documentDescribes: ["SPDXRef-a"],
  packages: [
    {
      ...{ SPDXID: "SPDXRef-a", name: "a", versionInfo: "1", supplier: "Organization: A (a@b.c)" },
      ...{ originator: "NOASSERTION", primaryPackagePurpose: "FIRMWARE", checksums: CHECKSUMS },
      externalRefs: [
        { referenceType: "purl", referenceLocator: "pkg:npm/a@1" },
        { referenceType: "cpe23Type", referenceLocator: "cpe" },
      ],
    },
  ],
  files: [{ SPDXID: "SPDXRef-f", fileName: "rom.bin", checksums: CHECKSUMS }],
};

const INFO = { created: "2026-01-01T00:00:00Z", specVersion: "3.0.1", createdBy: ["urn:o"] };

/** An SPDX 3.0 document with everything in it that is read. */
export const SPDX3: object = {
  "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
  "@graph": [
    { type: "CreationInfo", "@id": "_:c", ...INFO },
    { type: "Organization", spdxId: "urn:o", name: "Example Silicon", creationInfo: "_:c" },
    {
      ...{ type: "SpdxDocument", spdxId: "urn:d", name: "RoT", creationInfo: "_:c" },
      rootElement: ["urn:p"],
    },
    {
      ...{ type: "software_Package", spdxId: "urn:p", name: "a", creationInfo: INFO },
      ...{ suppliedBy: "urn:o", originatedBy: ["urn:o"], software_packageVersion: "1" },
      software_packageUrl: "pkg:npm/a@1",
      externalIdentifier: [{ externalIdentifierType: "packageUrl", identifier: "pkg:npm/b@1" }],
      verifiedUsing: [{ type: "Hash", algorithm: "sha256", hashValue: "ab".repeat(32) }],
    },
    { type: "software_File", spdxId: "urn:f", name: "rom.bin", creationInfo: "_:c" },
  ],
};
