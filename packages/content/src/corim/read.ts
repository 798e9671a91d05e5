import { encodeHex } from "@tallystick/cose";

import type { ContentLimits } from "../limits.js";
import { invalid } from "../record.js";
import { readCve, readCwe } from "../sfr/identifier.js";
import type { SfrDate, SfrDevice, SfrIssue, SfrManifestEntry, SfrReport } from "../sfr/report.js";
import { assess, MAX_ISSUES } from "../sfr/severity.js";
import type { ContentDigest } from "../hash.js";
import type { Findings } from "../warning.js";
import { readDigests } from "./digest.js";
import { decodeItem, Tagged } from "./item.js";
import { Node } from "./node.js";
import { isReportProfile } from "./profile.js";

/** How a CoRIM is read. */
export interface CorimContext {
  readonly limits: ContentLimits;
  readonly findings: Findings;
}

const CORIM_TAG = 501;
const COMID_TAG = 506;
const REPORT_KEY = -1;

/** Reports in one CoRIM; published ones have one. */
const MAX_REPORTS = 64;

const HALF_A_DAY = 12 * 60 * 60;

/** An endorsed measurement that is a report, and what evidence has to show for it to apply. */
interface Endorsed {
  readonly environment: Node;
  readonly report: Node;
  readonly conditions: readonly Node[];
}

/**
 * Yields the reports that a CoRIM endorses, none where it is of another profile.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readCorim(bytes: Uint8Array, context: CorimContext): readonly SfrReport[] {
  const root = rootOf(bytes, context.limits);
  const endorsed = endorsedIn(root, context.limits);
  if (endorsed.length === 0) return [];
  const { findings } = context;
  const provider = providerOf(root);
  requireFewIssues(endorsed);
  // Reports of one triple share its conditions, which are read once however many there are.
  const read = new Map<readonly Node[], readonly ContentDigest[]>();
  return endorsed.map((one) => {
    const { conditions } = one;
    const measured = read.get(conditions) ?? measuredIn(conditions, findings);
    read.set(conditions, measured);
    return readEndorsed(one, { provider, measured, findings });
  });
}

/**
 * Yields whether a CoRIM is of the profile for reports and endorses one, before any is read.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function endorsesReport(bytes: Uint8Array, limits: ContentLimits): boolean {
  return endorsedIn(rootOf(bytes, limits), limits).length > 0;
}

function requireFewIssues(endorsed: readonly Endorsed[]): void {
  const lists = endorsed.filter(({ report }) => report.has(5));
  const counts = lists.map(({ report }) => report.at(5, "issues").elements().length);
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count > MAX_ISSUES) throw invalid("tags", `name ${count} issues, limit ${MAX_ISSUES}`);
}

function rootOf(bytes: Uint8Array, limits: ContentLimits): Node {
  return new Node(decodeItem(bytes, limits, "CoRIM"), "").untagged(CORIM_TAG);
}

function endorsedIn(root: Node, limits: ContentLimits): readonly Endorsed[] {
  if (!root.has(3) || !isReportProfile(root.at(3, "profile").item)) return [];
  const tags = root.at(1, "tags").elements();
  const endorsed = tags.flatMap((tag) => endorsedOf(tag, limits));
  if (endorsed.length <= MAX_REPORTS) return endorsed;
  throw invalid("tags", `endorse ${endorsed.length} reports, limit ${MAX_REPORTS}`);
}

function endorsedOf(tag: Node, limits: ContentLimits): readonly Endorsed[] {
  if (!(tag.item instanceof Tagged) || tag.item.tag !== COMID_TAG) return [];
  const item = decodeItem(tag.untagged(COMID_TAG).bytes(), limits, "CoMID");
  const triples = new Node(item, tag.path).at(4, "triples");
  if (!triples.has(10)) return [];
  return triples
    .at(10, "conditional")
    .elements()
    .flatMap((triple) => {
      const [condition, endorsements] = triple.pair();
      const conditions = condition.elements();
      return endorsements.elements().flatMap((record) => {
        const [environment, measurements] = record.pair();
        return measurements
          .elements()
          .map((measurement) => measurement.at(1, "value"))
          .filter((value) => value.has(REPORT_KEY))
          .map((value) => ({
            environment,
            report: value.at(REPORT_KEY, "report"),
            conditions,
          }));
      });
    });
}

function providerOf(root: Node): string {
  if (!root.has(5)) throw invalid("entities", "are missing");
  const entities = root.at(5, "entities").elements();
  const creator = entities.find((entity) => entity.has(2) && hasRole(entity, 1)) ?? entities[0];
  if (creator === undefined) throw invalid("entities", "are empty");
  return creator.at(0, "name").text().trim();
}

function hasRole(entity: Node, role: number): boolean {
  return entity
    .at(2, "roles")
    .elements()
    .some(({ item }) => item === role);
}

interface Shared {
  readonly provider: string;
  readonly measured: readonly ContentDigest[];
  readonly findings: Findings;
}

function readEndorsed(endorsed: Endorsed, { provider, measured, findings }: Shared): SfrReport {
  const { report } = endorsed;
  const identifiers = report.has(4) ? report.at(4, "identifiers").elements() : [];
  const stated = digestsIn(identifiers, 1, findings);
  const names = new Set(measured.map(nameOf));
  const isOneSet = stated.every((digest) => names.has(nameOf(digest)));
  if (stated.length > 0 && measured.length > 0 && !isOneSet) {
    findings.add("measured-not-stated", report.path);
  }
  if (stated.length + measured.length === 0) findings.add("hash-none", report.path);
  const scope = report.at(3, "scope").integer();
  if (scope < 1 || scope > 3) findings.add("scope-unreadable", `${report.path}.scope`);
  return {
    frameworkVersion: report.at(0, "framework").text(),
    reportVersion: report.at(1, "version").text(),
    device: readDevice(endorsed.environment, identifiers),
    digests: stated.length > 0 ? stated : measured,
    measured,
    manifest: identifiers.flatMap((identifier) => readFiles(identifier, findings)),
    manifestAgrees: undefined,
    provider,
    methodology: undefined,
    scope: scope >= 1 && scope <= 3 ? scope : undefined,
    solidVersion: report.has(6) ? report.at(6, "solid").text() : undefined,
    completed: readInstant(report.at(2, "completed"), findings),
    issuedAt: undefined,
    issues: report.has(5) ? readIssues(report.at(5, "issues"), findings) : [],
  };
}

function readDevice(environment: Node, identifiers: readonly Node[]): SfrDevice {
  const device = environment.at(0, "class");
  const [first] = identifiers;
  const version = first?.has(0) === true ? first.at(0, "version").at(0, "text").text() : undefined;
  const tag = first?.has(2) === true ? first.at(2, "tag").text() : undefined;
  return {
    vendor: device.at(1, "vendor").text().trim(),
    product: device.at(2, "model").text().trim(),
    category: undefined,
    repoTag: tag,
    firmwareVersion: version,
    classId: device.has(0) ? classIdOf(device.at(0, "id")) : undefined,
  };
}

/** Yields the bytes of a class id in hex, whether they are tagged, as they should be, or not. */
function classIdOf(node: Node): string {
  const { item } = node;
  return encodeHex(new Node(item instanceof Tagged ? item.value : item, node.path).bytes());
}

function digestsIn(
  nodes: readonly Node[],
  key: number,
  findings: Findings,
): readonly ContentDigest[] {
  return nodes
    .filter((node) => node.has(key))
    .flatMap((node) => readDigests(node.at(key, "digests"), findings));
}

function measuredIn(conditions: readonly Node[], findings: Findings): readonly ContentDigest[] {
  return conditions.flatMap((condition) => {
    const [, measurements] = condition.pair();
    const values = measurements.elements().map((measurement) => measurement.at(1, "value"));
    return digestsIn(values, 2, findings);
  });
}

function nameOf({ alg, value }: ContentDigest): string {
  return `${alg} ${value}`;
}

function readFiles(identifier: Node, findings: Findings): readonly SfrManifestEntry[] {
  if (!identifier.has(3)) return [];
  return identifier
    .at(3, "source")
    .at(1, "manifest")
    .elements()
    .map((file) => ({
      name: file.at(0, "name").text(),
      digests: readDigests(file.at(1, "digests"), findings),
    }));
}

/** Reads the instant of a day that began, for the provider, up to half a day from it. */
function readInstant(node: Node, findings: Findings): SfrDate {
  const seconds = node.untagged(1).integer();
  const written = instantOf(seconds);
  const noon = instantOf(seconds + HALF_A_DAY - 1);
  if (written === undefined || noon === undefined) throw invalid(node.path, "is no time");
  findings.add("date-from-instant", node.path);
  return { written, day: noon.slice(0, "YYYY-MM-DD".length) };
}

function instantOf(seconds: number): string | undefined {
  // ISO 8601 has four digits for these years alone.
  return seconds >= 0 && seconds < 253_402_300_799
    ? new Date(seconds * 1000).toISOString()
    : undefined;
}

function readIssues(list: Node, findings: Findings): readonly SfrIssue[] {
  return list.elements().map((issue) => {
    const assessment = issue.at(2, "assessment");
    const title = issue.at(0, "title").text();
    const version = assessment.has(2) ? assessment.at(2, "version").text() : undefined;
    const textOf = (key: number, name: string): string | undefined =>
      issue.has(key) ? issue.at(key, name).text() : undefined;
    return {
      title,
      description: issue.at(1, "description").text(),
      ...assess(
        {
          title,
          score: assessment.at(0, "score").text(),
          vector: assessment.at(1, "vector").text(),
          version,
          path: issue.path,
        },
        findings,
      ),
      cwe: readCwe(textOf(3, "cwe"), { path: `${issue.path}.cwe`, findings }),
      cve: readCve(textOf(4, "cve"), { path: `${issue.path}.cve`, findings }),
    };
  });
}
