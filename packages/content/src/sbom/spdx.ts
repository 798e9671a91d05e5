import { invalid, JsonRecord } from "../record.js";
import type { Json } from "../json.js";
import type { Findings } from "../warning.js";
import { defined, noteUnhashed, readDigests, readPurls } from "./bom.js";
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
  const makers = organisationsIn(creation.list("creators") ?? []);
  const bom: Bom = {
    specVersion: root.requiredText("spdxVersion").replace(/^SPDX-/, ""),
    serial: root.requiredText("documentNamespace"),
    version: undefined,
    name: root.requiredText("name"),
    supplier: makers[0],
    makers,
    created: creation.requiredText("created"),
    subject: components.find(({ id }) => id !== undefined && described.has(id)),
    components,
    vulnerabilities: [],
  };
  return noteUnhashed(bom, findings);
}

function readPackage(record: JsonRecord, findings: Findings): BomComponent {
  const purls = record
    .records("externalRefs")
    .filter((candidate) => candidate.text("referenceType") === "purl")
    .map((reference) => reference.requiredText("referenceLocator"));
  const supplier = nameOf(record.text("supplier"));
  return {
    id: record.requiredText("SPDXID"),
    type: record.text("primaryPackagePurpose")?.toLowerCase() ?? "package",
    name: record.requiredText("name"),
    version: record.text("versionInfo"),
    supplier,
    makers: defined([supplier, nameOf(record.text("originator"))]),
    ...readPurls(purls, record.at("externalRefs"), findings),
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
    makers: [],
    ...readPurls([], "", findings),
    digests: readDigests(record, DIGESTS, findings),
  };
}

function organisationsIn(creators: readonly Json[]): readonly string[] {
  const texts = creators.map((creator) => {
    if (typeof creator === "string") return creator;
    throw invalid("creationInfo.creators", "has something else than texts");
  });
  return defined(texts.filter((text) => text.startsWith("Organization:")).map(nameOf));
}

/** Yields the name in `Organization: Example (a@b.example)`, where the address may be empty. */
function nameOf(agent: string | undefined): string | undefined {
  if (agent === undefined || NOTHING.has(agent)) return undefined;
  const name = agent.replace(/^(?:Organization|Person): */, "");
  const open = name.lastIndexOf("(");
  if (open === -1 || !name.endsWith(")")) return name;
  const address = name.slice(open + 1, -1);
  // What else stands in brackets belongs to the name, as in Example (Europe).
  return address === "" || address.includes("@") ? name.slice(0, open).trimEnd() : name;
}
