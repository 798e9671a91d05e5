import { JsonRecord } from "../record.js";
import { isJsonObject, memberOf, type Json } from "../json.js";
import type { Findings } from "../warning.js";
import { defined, noteUnhashed, readDigests, readPurls } from "./bom.js";
import type { Bom, BomComponent } from "./bom.js";

const DIGESTS = { list: "verifiedUsing", alg: "algorithm", value: "hashValue" } as const;

const CONTEXT = /^https:\/\/spdx\.org\/rdf\/(\d+\.\d+(?:\.\d+)?)\/spdx-context\.jsonld$/;

const COMPONENTS: ReadonlyMap<string, string> = new Map([
  ["software_Package", "package"],
  ["software_File", "file"],
]);

/** Yields the version by the context of an SPDX 3 document; `undefined` for what is none. */
export function spdx3Version(value: Json): string | undefined {
  if (!isJsonObject(value) || !Array.isArray(memberOf(value, "@graph"))) return undefined;
  const context = memberOf(value, "@context");
  const contexts: readonly unknown[] = Array.isArray(context) ? context : [context];
  for (const text of contexts) {
    const found = typeof text === "string" ? CONTEXT.exec(text)?.[1] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Reads an SPDX 3.0 document in JSON-LD as the specification serialises it: one graph, elements by
 * `spdxId`. Nothing is fetched, contexts least of all.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readSpdx3(value: Json, findings: Findings): Bom {
  const root = JsonRecord.of(value, "");
  const elements = root.records("@graph");
  const byId = new Map<Json | undefined, JsonRecord>();
  for (const element of elements) {
    const id = element.text("spdxId") ?? element.text("@id");
    if (id !== undefined) byId.set(id, element);
  }
  const document = elements.find((element) => element.get("type") === "SpdxDocument");
  const creation = infoOf(document ?? elements[0], byId);
  const components = elements
    .filter((element) => COMPONENTS.has(element.text("type") ?? ""))
    .map((element) => readElement(element, byId, findings));
  const roots = new Set(document?.list("rootElement") ?? []);
  const agents = (creation?.list("createdBy") ?? []).map((id) => byId.get(id));
  const organisations = agents.filter((agent) => agent?.get("type") === "Organization");
  const makers = defined(organisations.map((agent) => agent?.text("name")));
  const bom: Bom = {
    specVersion: creation?.text("specVersion") ?? spdx3Version(value) ?? "3.0",
    serial: document?.text("spdxId"),
    version: undefined,
    name: document?.text("name"),
    supplier: makers[0],
    makers,
    created: creation?.text("created"),
    subject: components.find(({ id }) => id !== undefined && roots.has(id)),
    components,
    vulnerabilities: [],
  };
  return noteUnhashed(bom, findings);
}

type Elements = ReadonlyMap<Json | undefined, JsonRecord>;

/** Yields the creation information, which stands inside of an element or in the graph beside it. */
function infoOf(element: JsonRecord | undefined, byId: Elements): JsonRecord | undefined {
  const info = element?.get("creationInfo");
  return isJsonObject(info) ? element?.record("creationInfo") : byId.get(info);
}

function readElement(element: JsonRecord, byId: Elements, findings: Findings): BomComponent {
  const identifiers = element
    .records("externalIdentifier")
    .filter((candidate) => candidate.text("externalIdentifierType") === "packageUrl");
  const purls = [
    element.text("software_packageUrl"),
    ...identifiers.map((identifier) => identifier.text("identifier")),
  ];
  const supplier = byId.get(element.get("suppliedBy"))?.text("name");
  const originators = (element.list("originatedBy") ?? []).map((id) => byId.get(id)?.text("name"));
  const type = element.requiredText("type");
  return {
    id: element.requiredText("spdxId"),
    type: COMPONENTS.get(type) ?? type,
    name: element.requiredText("name"),
    version: element.text("software_packageVersion"),
    supplier,
    makers: defined([supplier, ...originators]),
    ...readPurls(purls, element.path, findings),
    digests: readDigests(element, DIGESTS, findings),
  };
}
