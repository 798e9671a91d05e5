import { invalid, JsonRecord } from "../record.js";
import type { Json } from "../json.js";
import type { Findings } from "../warning.js";
import { noteUnhashed, readDigests, readPurl } from "./bom.js";
import type { Bom, BomComponent } from "./bom.js";

const DIGESTS = { list: "checksums", alg: "algorithm", value: "checksumValue" } as const;

/** Names that say that nothing is said. */
const NOTHING = new Set(["NOASSERTION", "NONE"]);

/**
 * Reads an SPDX 2.3 document. What a summary is made of is checked; the schema as a whole is not.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readSpdx2(value: Json, findings: Findings): Bom {
  const root = JsonRecord.of(value, "");
  const creation = root.record("creationInfo");
  const described = new Set(root.list("documentDescribes") ?? []);
  const components = [
    ...root.records("packages").map((record) => readPackage(record, findings)),
    ...root.records("files").map((record) => readFile(record, findings)),
  ];
  const bom: Bom = {
    specVersion: root.requiredText("spdxVersion").replace(/^SPDX-/, ""),
    serial: root.requiredText("documentNamespace"),
    version: undefined,
    name: root.requiredText("name"),
    supplier: organisationIn(creation.list("creators") ?? []),
    created: creation.requiredText("created"),
    subject: components.find(({ id }) => id !== undefined && described.has(id)),
    components,
    vulnerabilities: [],
  };
  return noteUnhashed(bom, findings);
}

function readPackage(record: JsonRecord, findings: Findings): BomComponent {
  const reference = record
    .records("externalRefs")
    .find((candidate) => candidate.text("referenceType") === "purl");
  const purl = reference?.requiredText("referenceLocator");
  return {
    id: record.requiredText("SPDXID"),
    type: record.text("primaryPackagePurpose")?.toLowerCase() ?? "package",
    name: record.requiredText("name"),
    version: record.text("versionInfo"),
    supplier: nameOf(record.text("supplier")),
    purl: readPurl(purl, record.at("externalRefs"), findings),
    digests: readDigests(record, DIGESTS, findings),
  };
}

function readFile(record: JsonRecord, findings: Findings): BomComponent {
  return {
    id: record.requiredText("SPDXID"),
    type: "file",
    name: record.requiredText("fileName"),
    version: undefined,
    supplier: undefined,
    purl: undefined,
    digests: readDigests(record, DIGESTS, findings),
  };
}

function organisationIn(creators: readonly Json[]): string | undefined {
  const texts = creators.map((creator) => {
    if (typeof creator === "string") return creator;
    throw invalid("creationInfo.creators", "has something else than texts");
  });
  return nameOf(texts.find((text) => text.startsWith("Organization:")));
}

/** Yields the name in `Organization: Example ()`, where the address is empty more often than not. */
function nameOf(agent: string | undefined): string | undefined {
  if (agent === undefined || NOTHING.has(agent)) return undefined;
  return agent.replace(/^(?:Organization|Person): */, "").replace(/ ?\(\)$/, "");
}
