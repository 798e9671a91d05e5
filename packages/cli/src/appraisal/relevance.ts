import type { ContentDigest, SfrReport } from "@tallystick/content";

import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";

/** A statement about the firmware, and how it is known to be about it. */
export interface Used {
  readonly known: Known;
  /** `direct`, `release` or `rim`, with the EntryID that leads there. */
  readonly edge: string;
  /** Of its reports, those that are about the firmware. */
  readonly reports: readonly SfrReport[];
}

/** The statements about firmware. */
export interface Relevance {
  readonly used: readonly Used[];
  /** Releases by which what is measured was told to come of files. */
  readonly leading: readonly Known[];
}

/** What is asked about. */
export interface Asked {
  readonly digests: readonly ContentDigest[];
  /** Of evidence: the manifests that it matches; no other leads on. */
  readonly manifests?: readonly Known[] | undefined;
}

/** What is being put together, and of what. */
interface Search {
  readonly found: Map<Known, Found>;
  readonly known: readonly Known[];
  readonly policy: AppraisalPolicy;
}

interface Found {
  readonly edge: string;
  readonly reports: Set<SfrReport>;
}

/** What a statement may be met by, and on whose word. */
interface Meeting {
  readonly digests: ReadonlySet<string>;
  readonly edge: string;
  /** Vendors whose reports count; all of them where it is `undefined`. */
  readonly own?: ReadonlySet<string>;
}

/**
 * Yields the statements about the subject: direct, by the RIM that a release names, by the release.
 *
 * A release leads on from what is measured, and from no file: a file says nothing of those beside it.
 */
export function relevant(
  { digests: subject, manifests }: Asked,
  known: readonly Known[],
  policy: AppraisalPolicy,
): Relevance {
  const { vendors } = policy;
  const asked = new Set(subject.map(textOf));
  const found = new Map<Known, Found>();
  for (const one of known) {
    const isLeft = manifests !== undefined && one.content.kind === "rim";
    if (!isLeft) meet(found, one, { digests: asked, edge: "direct" });
  }
  for (const one of manifests ?? []) note(found, one, { edge: "measured", reports: [] });
  const rims = manifests ?? known.filter((one) => one.content.kind === "rim" && found.has(one));
  const leading: Known[] = [];
  for (const one of known) {
    if (one.content.kind !== "release") continue;
    const { files, measurements, rims: named } = one.content.release;
    const rim = rims.find(({ entryId }) => named.some(({ entry }) => entry === entryId));
    if (rim !== undefined) note(found, one, { edge: `rim ${rim.entryId}`, reports: [] });
    const isMeasured = textsOf(measurements).some((digest) => asked.has(digest));
    // Anybody could say that something measures what another vendor's firmware does.
    const own = vendors.get(one.issuer) ?? new Set<string>();
    if (own.size === 0 || (rim === undefined && !isMeasured)) continue;
    leading.push(one);
    const digests = new Set(textsOf(files));
    for (const other of known) {
      if (other.content.kind === "release") continue;
      meet(found, other, { digests, edge: `release ${one.entryId}`, own });
    }
  }
  const search = { found, known, policy };
  for (const rim of manifests ?? []) meetFiles(search, rim);
  if (policy.evidence?.allowsVersions === true && manifests !== undefined) {
    for (const release of leading) meetVersion(search, release);
  }
  const used = [...found].map(([one, { edge, reports }]) => ({
    ...{ known: one, edge },
    reports: [...reports],
  }));
  return { used, leading };
}

/** A manifest may name the files that what it measures comes of. */
function meetFiles({ found, known, policy }: Search, rim: Known): void {
  const digests = new Set(filesOf(rim));
  const own = policy.vendors.get(rim.issuer) ?? new Set<string>();
  for (const other of known) {
    if (other.reports.length > 0) meet(found, other, { digests, edge: `rim ${rim.entryId}`, own });
  }
}

/** Yields the digests of files that a manifest names: what it endorses, and rests on. */
export function filesOf({ content }: Known): readonly string[] {
  if (content.kind !== "rim") return [];
  const { comids, dependentRims } = content.rim;
  const endorsed = comids.flatMap((comid) =>
    comid.endorsed.flatMap(({ measurements }) => measurements),
  );
  return [
    ...endorsed.flatMap(({ digests = [] }) => digests),
    ...dependentRims.flatMap(({ thumbprints }) => thumbprints),
  ].map(textOf);
}

/** Vendor, product and version name firmware less surely than a digest does. */
function meetVersion({ found, known, policy }: Search, { content, issuer, entryId }: Known): void {
  if (content.kind !== "release") return;
  const { vendor, product, version } = content.release;
  if (policy.vendors.get(issuer)?.has(vendor) !== true) return;
  for (const other of known) {
    const reports = other.reports.filter(
      ({ device }) =>
        device.vendor === vendor &&
        device.product === product &&
        device.firmwareVersion === version,
    );
    if (reports.length > 0) note(found, other, { edge: `version ${entryId}`, reports });
  }
}

function meet(found: Map<Known, Found>, one: Known, { digests, edge, own }: Meeting): void {
  const reports = one.reports.filter(
    (report) =>
      (own === undefined || own.has(report.device.vendor)) &&
      digestsOfReport(report).some((digest) => digests.has(digest)),
  );
  const isMet = reports.length > 0 || digestsOf(one).some((digest) => digests.has(digest));
  if (isMet) note(found, one, { edge, reports });
}

function note(
  found: Map<Known, Found>,
  one: Known,
  { edge, reports }: Pick<Used, "edge" | "reports">,
): void {
  const before = found.get(one);
  found.set(one, {
    edge: before?.edge ?? edge,
    reports: new Set([...(before?.reports ?? []), ...reports]),
  });
}

/** Yields what asks for a person, of releases that have files which no report is about. */
export function uncoveredReasons({ used, leading }: Relevance): readonly Reason[] {
  const reviewed = new Set(used.flatMap(({ reports }) => reports.flatMap(digestsOfReport)));
  return leading.flatMap(({ entryId, content }) => {
    if (content.kind !== "release") return [];
    if (used.some(({ edge }) => edge === `version ${entryId}`)) return [];
    const open = content.release.files.filter(
      (file) => !textsOf([file]).some((digest) => reviewed.has(digest)),
    );
    const [first] = open;
    if (first === undefined) return [];
    const more = open.length === 1 ? "" : ` and ${open.length - 1} more`;
    const value = `what is measured comes of ${JSON.stringify(first.name)}${more} too, which no report is about`;
    return [{ decision: "manual" as const, rule: "files", statement: entryId, value }];
  });
}

/** Yields the digests of what is no report. */
function digestsOf({ content }: Known): readonly string[] {
  if (content.kind === "release") {
    const { files, measurements } = content.release;
    return textsOf([...files, ...measurements]);
  }
  if (content.kind !== "rim" || !content.rim.isProfileKnown) return [];
  return content.rim.comids.flatMap(({ references }) =>
    references.flatMap(({ measurements }) =>
      measurements.flatMap(({ digests = [] }) => digests.map(textOf)),
    ),
  );
}

/** Yields the digests of a file and of evidence that a report names. */
export function digestsOfReport({ digests, measured }: SfrReport): readonly string[] {
  return [...digests, ...measured].map(textOf);
}

function textsOf(
  items: readonly { readonly digests: readonly ContentDigest[] }[],
): readonly string[] {
  return items.flatMap(({ digests }) => digests.map(textOf));
}

/** Yields one text for equal digests. */
export function textOf({ alg, value }: { readonly alg: string; readonly value: string }): string {
  return `${alg} ${value}`;
}
