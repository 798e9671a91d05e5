import { isJsonObject, memberOf, type Json, type JsonObject } from "../json.js";

/** Types of the model that are no elements, so that they need no creation information (SPDX 3.0 Core). */
const NO_ELEMENTS: ReadonlySet<Json | undefined> = new Set([
  ...["CreationInfo", "Hash", "ExternalIdentifier", "ExternalRef", "ExternalMap"],
  ...["IntegrityMethod", "NamespaceMap", "PackageVerificationCode", "DictionaryEntry"],
  ...["PositiveIntegerRange", "software_ContentIdentifier"],
]);

const RELATIONSHIPS: ReadonlySet<Json | undefined> = new Set([
  ...["Relationship", "LifecycleScopedRelationship"],
]);

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const VERSION = /^3\.0\.\d+$/;
const HEX = /^[0-9a-fA-F]+$/;

type Elements = ReadonlyMap<Json | undefined, JsonObject>;

/**
 * Yields why a document is not as SPDX 3.0 has it in its JSON-LD serialisation; `undefined` for one
 * that is: identifiers, creation information, relationships and hashes.
 */
export function checkSpdx3(value: Json): string | undefined {
  const graph = isJsonObject(value) ? memberOf(value, "@graph") : undefined;
  if (!Array.isArray(graph) || graph.length === 0) return "/@graph is no list with elements";
  const elements = graph as readonly Json[];
  const byId = new Map<Json | undefined, JsonObject>();
  let documents = 0;
  for (const [place, element] of elements.entries()) {
    if (!isJsonObject(element)) return `/@graph/${place} is not an object`;
    const id = idOf(element);
    if (id !== undefined && byId.has(id)) return `/@graph/${place} has an identifier that is taken`;
    if (id !== undefined) byId.set(id, element);
    if (memberOf(element, "type") === "SpdxDocument") documents++;
  }
  if (documents > 1) return "/@graph has several documents";
  for (const [place, element] of elements.entries()) {
    const why = isJsonObject(element) ? elementProblem(element, byId) : undefined;
    if (why !== undefined) return `/@graph/${place}${why}`;
  }
  return undefined;
}

function idOf(element: JsonObject): Json | undefined {
  return memberOf(element, "spdxId") ?? memberOf(element, "@id");
}

function elementProblem(element: JsonObject, byId: Elements): string | undefined {
  const type = memberOf(element, "type");
  if (!isName(type)) return " has no type";
  if (type === "CreationInfo") return creationProblem(element, byId);
  const hashes = hashProblem(element);
  if (hashes !== undefined) return hashes;
  if (NO_ELEMENTS.has(type)) return undefined;
  if (!isName(memberOf(element, "spdxId"))) return " has no spdxId";
  const info = memberOf(element, "creationInfo");
  const creation = isJsonObject(info) ? info : byId.get(info);
  if (creation === undefined || memberOf(creation, "type") !== "CreationInfo") {
    return "/creationInfo is not there";
  }
  if (creation === info) {
    const why = creationProblem(creation, byId);
    if (why !== undefined) return `/creationInfo${why}`;
  }
  return RELATIONSHIPS.has(type) ? relationshipProblem(element) : undefined;
}

function creationProblem(info: JsonObject, byId: Elements): string | undefined {
  if (!isLike(TIME, memberOf(info, "created"))) return "/created is no time";
  if (!isLike(VERSION, memberOf(info, "specVersion"))) return "/specVersion is not 3.0";
  const by = listOf(memberOf(info, "createdBy"));
  if (by.length === 0 || !by.every(isName)) return "/createdBy names nobody";
  // Agents may stand in another document; one that is here is an agent.
  const other = by
    .map((id) => byId.get(id))
    .find((agent) => agent !== undefined && !isAgent(agent));
  return other === undefined ? undefined : "/createdBy names no agent";
}

function isAgent(element: JsonObject): boolean {
  const type = memberOf(element, "type");
  return ["Agent", "Organization", "Person", "SoftwareAgent"].some((name) => name === type);
}

function relationshipProblem(element: JsonObject): string | undefined {
  if (!isName(memberOf(element, "from"))) return "/from names nothing";
  if (!isName(memberOf(element, "relationshipType"))) return "/relationshipType is not there";
  const to = listOf(memberOf(element, "to"));
  return to.length > 0 && to.every(isName) ? undefined : "/to names nothing";
}

function hashProblem(element: JsonObject): string | undefined {
  for (const hash of listOf(memberOf(element, "verifiedUsing"))) {
    if (!isJsonObject(hash)) return "/verifiedUsing has something else than objects";
    if (memberOf(hash, "type") !== "Hash") continue;
    const isHash = isName(memberOf(hash, "algorithm")) && isLike(HEX, memberOf(hash, "hashValue"));
    if (!isHash) return "/verifiedUsing has a hash without algorithm or value";
  }
  return undefined;
}

function isLike(pattern: RegExp, value: Json | undefined): boolean {
  return typeof value === "string" && pattern.test(value);
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function isName(value: Json | undefined): boolean {
  return typeof value === "string" && value !== "";
}
