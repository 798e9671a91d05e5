import { JsonRecord } from "../record.js";
import type { Json } from "../json.js";
import type { Findings } from "../warning.js";
import { defined, noteUnhashed, readDigests, readPurls } from "./bom.js";
import type { Bom, BomComponent, BomVulnerability } from "./bom.js";

/** The versions that are read. */
export const CYCLONEDX_VERSIONS: readonly string[] = ["1.4", "1.5", "1.6", "1.7"];

const DIGESTS = { list: "hashes", alg: "alg", value: "content" } as const;

const SERIAL = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Reads a CycloneDX document of one of {@link CYCLONEDX_VERSIONS}. What a summary is made of is
 * checked; the schema as a whole is not.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readCyclonedx(value: Json, findings: Findings): Bom {
  const root = JsonRecord.of(value, "");
  const metadata = root.has("metadata") ? root.record("metadata") : undefined;
  const inner = metadata?.has("component") === true ? [metadata.record("component")] : [];
  const about = componentsOf(inner, findings);
  const [subject] = about;
  const makers = metadata === undefined ? [] : makersOf(metadata);
  const serial = root.text("serialNumber");
  if (serial !== undefined && !SERIAL.test(serial)) findings.add("serial-form", "serialNumber");
  const bom: Bom = {
    specVersion: root.requiredText("specVersion"),
    serial,
    version: root.integer("version"),
    name: subject?.name,
    supplier: makers[0] ?? subject?.supplier,
    makers,
    created: metadata?.text("timestamp"),
    subject,
    components: [...about, ...componentsOf(root.records("components"), findings)],
    vulnerabilities: root.records("vulnerabilities").flatMap(readVulnerability),
  };
  return noteUnhashed(bom, findings);
}

/** Yields the components with those inside of them. */
function componentsOf(records: readonly JsonRecord[], findings: Findings): readonly BomComponent[] {
  return records.flatMap((record) => [
    readComponent(record, findings),
    ...componentsOf(record.records("components"), findings),
  ]);
}

function readComponent(record: JsonRecord, findings: Findings): BomComponent {
  const makers = makersOf(record);
  return {
    id: record.text("bom-ref"),
    type: record.requiredText("type"),
    name: record.requiredText("name"),
    version: record.text("version"),
    supplier: makers[0],
    makers,
    ...readPurls([record.text("purl")], record.at("purl"), findings),
    digests: readDigests(record, DIGESTS, findings),
  };
}

/** Yields who supplies it, and who makes it, whose member has had two names. */
function makersOf(record: JsonRecord): readonly string[] {
  const names = ["supplier", "manufacturer", "manufacture"].filter((name) => record.has(name));
  return defined(names.map((name) => record.record(name).text("name")));
}

function readVulnerability(record: JsonRecord): readonly BomVulnerability[] {
  const id = record.text("id");
  const state = record.has("analysis") ? record.record("analysis").text("state") : undefined;
  return id === undefined ? [] : [{ id, state }];
}
