import type { EvidenceElement } from "@tallystick/evidence";

import type { Endorsing } from "./endorse.js";
import type { EvidencePolicy } from "./evidence-policy.js";
import type { Known } from "./gather.js";
import { digestsOf, isBlank, listedBy, type Held } from "./manifest.js";
import type { Reason } from "./reason.js";
import { digestsOfReport, filesOf, textOf, type Relevance } from "./relevance.js";
import { isOfVendor, leadsTo, vendorsOf, type Vendors } from "./vendor.js";

/** Most elements that are named one by one. */
const MAX_NAMED = 8;

/** What is known of a device by statements. */
export interface Coverage {
  readonly elements: readonly EvidenceElement[];
  readonly held: readonly Held[];
  readonly endorsing: readonly Endorsing[];
  readonly relevance: Relevance;
  readonly vendors: Vendors;
}

/**
 * Yields what comes of firmware in evidence that no statement accounts for: each element has to be
 * matched by a manifest or named by a report or a release, and a report has to be led to from there.
 */
export function coverageReasons(
  coverage: Coverage,
  { uncovered: decision }: EvidencePolicy,
): readonly Reason[] {
  const reviewed = reviewedElements(coverage);
  const known = new Set([...reviewed, ...listedBy(coverage.held), ...namedElements(coverage)]);
  const firmware = coverage.elements.filter(
    (element) => ["rom", "firmware"].includes(element.kind) && !isBlank(element),
  );
  const stray = firmware.filter((element) => !known.has(element));
  const open = firmware.filter((element) => known.has(element) && !reviewed.has(element));
  return [
    ...reasonsOf(stray, decision, "is in no manifest that matches, no report and no release"),
    ...reasonsOf(open, decision, "is led from to no report"),
  ];
}

function reasonsOf(
  elements: readonly EvidenceElement[],
  decision: Reason["decision"],
  why: string,
): readonly Reason[] {
  if (elements.length === 0) return [];
  const names = elements.slice(0, MAX_NAMED).map(({ name }) => name);
  const more = elements.length - names.length;
  const value = `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}: ${why}`;
  return [{ decision, rule: "uncovered", statement: undefined, value }];
}

/** Yields the elements that releases name of whose issuers that counts. */
function namedElements(coverage: Coverage): readonly EvidenceElement[] {
  return coverage.relevance.leading.flatMap((release) => measuredBy(release, coverage));
}

/** Yields the elements from which a report is led to. */
function reviewedElements(coverage: Coverage): ReadonlySet<EvidenceElement> {
  const { elements, held, relevance, vendors } = coverage;
  const { used, leading } = relevance;
  const about = new Set(used.flatMap(({ reports }) => reports.flatMap(digestsOfReport)));
  const hasReport = (digests: readonly string[]): boolean => digests.some((one) => about.has(one));
  const reviewed = new Set(elements.filter((element) => hasReport(digestsOf(element))));
  const add = (some: Iterable<EvidenceElement>): void => {
    for (const element of some) reviewed.add(element);
  };
  const edges = new Set(used.map(({ edge }) => edge));
  for (const release of leading) {
    const isByVersion = edges.has(`version ${release.entryId}`);
    if (!isByVersion && !hasReport(releaseFiles(release))) continue;
    const named = held.filter(
      ({ known }) => namesManifest(release, known) && leadsTo(known, release, vendors),
    );
    add(measuredBy(release, coverage));
    add(listedBy(named));
  }
  for (const one of held) {
    if (hasReport(filesOf(one.known))) add(listedBy([one]));
  }
  for (const { elements: named, endorsed } of coverage.endorsing.flatMap(
    ({ results }) => results,
  )) {
    const values = endorsed.flatMap(({ measurements }) => measurements);
    const files = values.flatMap(({ digests = [] }) => (digests.length > 0 ? [digests] : []));
    // All of them: one that is reviewed says nothing of another beside it.
    const isWhole = files.every((digests) => hasReport(digests.map(textOf)));
    if (files.length > 0 && isWhole) add(named);
  }
  return reviewed;
}

/** Yields the elements of its issuer's vendors that a release says are measured. */
function measuredBy(
  release: Known,
  { elements, vendors }: Pick<Coverage, "elements" | "vendors">,
): readonly EvidenceElement[] {
  const { content } = release;
  if (content.kind !== "release" || content.release.measurements.length === 0) return [];
  const named = content.release.measurements.flatMap(({ digests }) => digests.map(textOf));
  const measured = new Set(named);
  const own = vendorsOf(release, vendors);
  return elements.filter(
    (element) =>
      digestsOf(element).some((digest) => measured.has(digest)) && isOfVendor(element, own),
  );
}

function releaseFiles({ content }: Known): readonly string[] {
  if (content.kind !== "release") return [];
  return content.release.files.flatMap(({ digests }) => digests.map(textOf));
}

function namesManifest({ content }: Known, { entryId }: Known): boolean {
  return content.kind === "release" && content.release.rims.some(({ entry }) => entry === entryId);
}
