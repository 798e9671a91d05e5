import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

import { isJsonObject, memberOf, type Json, type JsonObject } from "../json.js";

/** Characters of a place, or of an identifier, in what is said of a document that others wrote. */
const MAX_NAME = 128;

/** Beside identifiers of the document itself, what relationships may name (SPDX 2.3 §11.1). */
const ELSEWHERE = /^(?:NONE|NOASSERTION|DocumentRef-[A-Za-z0-9.+-]+(?::SPDXRef-[A-Za-z0-9.+-]+)?)$/;

const ID = { type: "string", pattern: "^SPDXRef-[A-Za-z0-9.-]+$" };
const TEXT = { type: "string" };
const NAME = { type: "string", minLength: 1 };
const TIME = { type: "string", pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" };
const AGENT = { type: "string", pattern: "^(?:(?:Person|Organization): |NOASSERTION$)" };

const CHECKSUM = {
  type: "object",
  required: ["algorithm", "checksumValue"],
  properties: {
    algorithm: {
      enum: [
        ...["SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-384", "SHA3-512"],
        ...["BLAKE2b-256", "BLAKE2b-384", "BLAKE2b-512", "BLAKE3"],
        ...["MD2", "MD4", "MD5", "MD6", "ADLER32"],
      ],
    },
    checksumValue: { type: "string", pattern: "^[0-9a-fA-F]+$" },
  },
};

const EXTERNAL = {
  type: "object",
  required: ["referenceCategory", "referenceType", "referenceLocator"],
  properties: {
    referenceCategory: {
      enum: [
        ...["SECURITY", "OTHER", "PACKAGE-MANAGER", "PACKAGE_MANAGER"],
        ...["PERSISTENT-ID", "PERSISTENT_ID"],
      ],
    },
    referenceType: NAME,
    referenceLocator: { type: "string", pattern: "^\\S+$" },
  },
};

/** SPDX 2.3 §11.1. */
const RELATIONSHIPS: readonly string[] = [
  ...["DESCRIBES", "DESCRIBED_BY", "CONTAINS", "CONTAINED_BY", "DEPENDS_ON", "DEPENDENCY_OF"],
  ...["DEPENDENCY_MANIFEST_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF"],
  ...["OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF", "TEST_DEPENDENCY_OF"],
  ...["RUNTIME_DEPENDENCY_OF", "EXAMPLE_OF", "GENERATES", "GENERATED_FROM", "ANCESTOR_OF"],
  ...["DESCENDANT_OF", "VARIANT_OF", "DISTRIBUTION_ARTIFACT", "PATCH_FOR", "PATCH_APPLIED"],
  ...["COPY_OF", "FILE_ADDED", "FILE_DELETED", "FILE_MODIFIED", "EXPANDED_FROM_ARCHIVE"],
  ...["DYNAMIC_LINK", "STATIC_LINK", "DATA_FILE_OF", "TEST_CASE_OF", "BUILD_TOOL_OF"],
  ...["DEV_TOOL_OF", "TEST_OF", "TEST_TOOL_OF", "DOCUMENTATION_OF", "OPTIONAL_COMPONENT_OF"],
  ...["METAFILE_OF", "PACKAGE_OF", "AMENDS", "PREREQUISITE_FOR", "HAS_PREREQUISITE"],
  ...["REQUIREMENT_DESCRIPTION_FOR", "SPECIFICATION_FOR", "OTHER"],
];

/** What is mandatory in SPDX 2.3 (§6 to §8, §11), of members that others build upon. */
const SPDX_2 = {
  type: "object",
  required: [
    ...["spdxVersion", "SPDXID", "dataLicense", "name", "documentNamespace", "creationInfo"],
  ],
  properties: {
    spdxVersion: { const: "SPDX-2.3" },
    SPDXID: { const: "SPDXRef-DOCUMENT" },
    dataLicense: { const: "CC0-1.0" },
    name: NAME,
    documentNamespace: { type: "string", pattern: "^[A-Za-z][A-Za-z0-9+.-]*:[^\\s#]+$" },
    creationInfo: {
      type: "object",
      required: ["created", "creators"],
      properties: {
        created: TIME,
        creators: {
          type: "array",
          minItems: 1,
          items: { type: "string", pattern: "^(?:Person|Organization|Tool): ?\\S" },
        },
      },
    },
    documentDescribes: { type: "array", items: TEXT },
    packages: {
      type: "array",
      items: {
        type: "object",
        required: ["SPDXID", "name", "downloadLocation"],
        properties: {
          ...{ SPDXID: ID, name: NAME, downloadLocation: NAME, versionInfo: TEXT },
          ...{ supplier: AGENT, originator: AGENT, filesAnalyzed: { type: "boolean" } },
          checksums: { type: "array", items: CHECKSUM },
          externalRefs: { type: "array", items: EXTERNAL },
        },
      },
    },
    files: {
      type: "array",
      items: {
        type: "object",
        required: ["SPDXID", "fileName", "checksums"],
        properties: {
          SPDXID: ID,
          fileName: NAME,
          checksums: { type: "array", minItems: 1, items: CHECKSUM },
        },
      },
    },
    snippets: {
      type: "array",
      items: { type: "object", required: ["SPDXID"], properties: { SPDXID: ID } },
    },
    relationships: {
      type: "array",
      items: {
        type: "object",
        required: ["spdxElementId", "relatedSpdxElement", "relationshipType"],
        properties: {
          spdxElementId: TEXT,
          relatedSpdxElement: TEXT,
          relationshipType: { enum: RELATIONSHIPS },
        },
      },
    },
  },
};

let compiled: ValidateFunction | undefined;

/** Yields why a document is not as SPDX 2.3 has it; `undefined` for one that is. */
export function checkSpdx2(value: Json): string | undefined {
  compiled ??= new Ajv2020({ strict: true }).compile(SPDX_2);
  if (!compiled(value)) {
    const [first] = compiled.errors ?? [];
    const where =
      first === undefined || first.instancePath === "" ? "the root" : first.instancePath;
    return `${where.slice(0, MAX_NAME)} ${first?.message ?? "is not as SPDX 2.3 has it"}`;
  }
  return isJsonObject(value) ? referenceProblem(value) : undefined;
}

/** Yields which identifier is there twice, or is named and not there. */
function referenceProblem(document: JsonObject): string | undefined {
  const ids = new Set<Json | undefined>(["SPDXRef-DOCUMENT"]);
  for (const list of ["packages", "files", "snippets"]) {
    for (const element of objectsIn(document, list)) {
      const id = memberOf(element, "SPDXID");
      if (ids.has(id)) return `/${list} has the identifier ${nameOf(id)} twice`;
      ids.add(id);
    }
  }
  const described = memberOf(document, "documentDescribes");
  const named = [
    ...(Array.isArray(described) ? (described as readonly Json[]) : []),
    ...objectsIn(document, "relationships").flatMap((one) => [
      memberOf(one, "spdxElementId"),
      memberOf(one, "relatedSpdxElement"),
    ]),
  ];
  const lost = named.find((id) => !ids.has(id) && !ELSEWHERE.test(textOf(id)));
  return lost === undefined ? undefined : `${nameOf(lost)} is named and not there`;
}

function textOf(id: Json | undefined): string {
  return typeof id === "string" ? id : "";
}

function nameOf(id: Json | undefined): string {
  return textOf(id).slice(0, MAX_NAME);
}

function objectsIn(document: JsonObject, name: string): readonly JsonObject[] {
  const list = memberOf(document, name);
  return Array.isArray(list) ? (list as readonly Json[]).filter(isJsonObject) : [];
}
