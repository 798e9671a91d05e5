import type { ContentDigest, Measurement, SfrReport, Triple } from "@tallystick/content";
import type { EvidenceElement } from "@tallystick/evidence";

import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";
import { isOfVendor, isOwnRelease, leadsTo, vendorsOf } from "./vendor.js";

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
  /** What manifests endorse on conditions that evidence shows, by manifest. */
  readonly endorsed: ReadonlyMap<Known, readonly Triple[]>;
}

/** What is asked about. */
export interface Asked {
  readonly digests: readonly ContentDigest[];
  /** Of evidence: the manifests that it matches; no other leads on. */
  readonly manifests?: readonly Known[] | undefined;
  /** Of evidence: what the digests are of. */
  readonly elements?: readonly EvidenceElement[] | undefined;
  /** Of evidence: what manifests endorse on conditions that it shows. */
  readonly endorsed?: readonly { readonly known: Known; readonly triple: Triple }[] | undefined;
}

/** What is being put together, and of what. */
interface Search {
  readonly found: Map<Known, Found>;
  readonly index: Index;
  readonly policy: AppraisalPolicy;
}

/** What is no release, by what it may be met by, in order. */
interface Index {
  readonly byDigest: ReadonlyMap<string, readonly Known[]>;
  /** Reports by vendor, product and version. */
  readonly byVersion: ReadonlyMap<string, readonly Known[]>;
  readonly places: ReadonlyMap<Known, number>;
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
  asked: Asked,
  known: readonly Known[],
  policy: AppraisalPolicy,
): Relevance {
  const { manifests } = asked;
  const { vendors } = policy;
  const digests = new Set(asked.digests.map(textOf));
  const found = new Map<Known, Found>();
  for (const one of known) {
    const isLeft = manifests !== undefined && ["rim", "swid"].includes(one.content.kind);
    if (!isLeft) meet(found, one, { digests, edge: "direct" });
  }
  for (const one of manifests ?? []) note(found, one, { edge: "measured", reports: [] });
  const leadingRims =
    manifests ?? known.filter((one) => one.content.kind === "rim" && found.has(one));
  const rims = new Map(leadingRims.map((one) => [one.entryId, one]));
  const search = { found, index: indexOf(known), policy };
  const leading: Known[] = [];
  for (const one of known) {
    if (one.content.kind !== "release") continue;
    const { files, rims: named } = one.content.release;
    const rim = named
      .map(({ entry = "" }) => rims.get(entry))
      .find((other) => other !== undefined && leadsTo(other, one, vendors));
    if (rim !== undefined) note(found, one, { edge: `rim ${rim.entryId}`, reports: [] });
    // Anybody could say that something measures what another vendor's firmware does.
    if (!isOwnRelease(one, vendors)) continue;
    const own = vendorsOf(one, vendors);
    if (rim === undefined && !isMeasured(one, asked, { digests, own })) continue;
    leading.push(one);
    const edge = `release ${one.entryId}`;
    meetAll(search, { digests: new Set(textsOf(files)), edge, own });
  }
  for (const rim of manifests ?? []) meetFiles(search, rim);
  const endorsed = endorsedBy(asked);
  for (const [rim, triples] of endorsed) {
    note(found, rim, { edge: "endorses", reports: [] });
    const own = vendorsOf(rim, vendors);
    const named = new Set(filesIn(triples).flat());
    meetAll(search, { digests: named, edge: `rim ${rim.entryId}`, own }, true);
  }
  if (policy.evidence?.allowsVersions === true && manifests !== undefined) {
    for (const release of leading) meetVersion(search, release);
  }
  const used = [...found].map(([one, { edge, reports }]) => ({
    ...{ known: one, edge },
    reports: [...reports],
  }));
  return { used, leading, endorsed };
}

/** By manifest, so that each meets what it names once, however often it does. */
function endorsedBy({ endorsed = [] }: Asked): Relevance["endorsed"] {
  const found = new Map<Known, Triple[]>();
  for (const { known, triple } of endorsed) {
    const triples = found.get(known);
    if (triples === undefined) found.set(known, [triple]);
    else triples.push(triple);
  }
  return found;
}

/** Yields the digests of each file that values name. */
function filesIn(triples: readonly Triple[]): readonly (readonly string[])[] {
  return triples.flatMap(({ measurements }) =>
    measurements.flatMap(({ digests = [] }) => (digests.length > 0 ? [digests.map(textOf)] : [])),
  );
}

/** A release tells what measures of devices of its issuer's vendors alone. */
function isMeasured(
  { content }: Known,
  { elements }: Asked,
  { digests, own }: Required<Pick<Meeting, "digests" | "own">>,
): boolean {
  if (content.kind !== "release") return false;
  const measured = textsOf(content.release.measurements).filter((digest) => digests.has(digest));
  if (measured.length === 0 || elements === undefined) return measured.length > 0;
  const named = new Set(measured);
  return elements.some(
    (element) =>
      (element.measurement.digests ?? []).some((digest) => named.has(textOf(digest))) &&
      isOfVendor(element, own),
  );
}

function indexOf(known: readonly Known[]): Index {
  const byDigest = new Map<string, Known[]>();
  const byVersion = new Map<string, Known[]>();
  const places = new Map<Known, number>();
  const put = (map: Map<string, Known[]>, name: string, one: Known): void => {
    const list = map.get(name);
    if (list === undefined) map.set(name, [one]);
    else if (list.at(-1) !== one) list.push(one);
  };
  for (const [place, one] of known.entries()) {
    places.set(one, place);
    if (one.content.kind === "release") continue;
    const named = [...one.reports.flatMap(digestsOfReport), ...digestsOf(one)];
    for (const digest of named) put(byDigest, digest, one);
    for (const { device } of one.reports) {
      const { vendor, product, firmwareVersion } = device;
      put(byVersion, JSON.stringify([vendor, product, firmwareVersion]), one);
    }
  }
  return { byDigest, byVersion, places };
}

/** Meets what the digests name, in order. */
function meetAll({ found, index }: Search, meeting: Meeting, isReport = false): void {
  const named = new Set([...meeting.digests].flatMap((one) => index.byDigest.get(one) ?? []));
  const placeOf = (one: Known): number => index.places.get(one) ?? 0;
  for (const other of [...named].sort((a, b) => placeOf(a) - placeOf(b))) {
    if (!isReport || other.reports.length > 0) meet(found, other, meeting);
  }
}

/** A manifest may name the files that what it measures comes of. */
function meetFiles(search: Search, rim: Known): void {
  const own = vendorsOf(rim, search.policy.vendors);
  const meeting = { digests: new Set(filesOf(rim)), edge: `rim ${rim.entryId}`, own };
  meetAll(search, meeting, true);
}

/** Yields the digests of files that a manifest names: what it endorses, and rests on. */
export function filesOf(known: Known): readonly string[] {
  const { content } = known;
  if (content.kind !== "rim") return [];
  return [
    ...endorsedIn(known).flatMap(({ digests = [] }) => digests),
    ...content.rim.dependentRims.flatMap(({ thumbprints }) => thumbprints),
  ].map(textOf);
}

function endorsedIn({ content }: Known): readonly Measurement[] {
  if (content.kind !== "rim") return [];
  return content.rim.comids.flatMap(({ endorsed }) =>
    endorsed.flatMap(({ measurements }) => measurements),
  );
}

/** Vendor, product and version name firmware less surely than a digest does. */
function meetVersion({ found, index }: Search, { content, entryId }: Known): void {
  if (content.kind !== "release") return;
  const { vendor, product, version } = content.release;
  for (const other of index.byVersion.get(JSON.stringify([vendor, product, version])) ?? []) {
    const reports = other.reports.filter(
      ({ device }) =>
        device.vendor === vendor &&
        device.product === product &&
        device.firmwareVersion === version,
    );
    note(found, other, { edge: `version ${entryId}`, reports });
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

/** Yields what asks for a person, of releases and manifests with files that no report is about. */
export function uncoveredReasons({ used, leading, endorsed }: Relevance): readonly Reason[] {
  const reviewed = new Set(used.flatMap(({ reports }) => reports.flatMap(digestsOfReport)));
  const edges = new Set(used.map(({ edge }) => edge));
  const ofReleases = leading.flatMap(({ entryId, content }) => {
    if (content.kind !== "release" || edges.has(`version ${entryId}`)) return [];
    const open = content.release.files.filter(
      (file) => !textsOf([file]).some((digest) => reviewed.has(digest)),
    );
    const [first] = open;
    if (first === undefined) return [];
    const more = open.length === 1 ? "" : ` and ${open.length - 1} more`;
    return [unreviewed(entryId, `${JSON.stringify(first.name)}${more}`)];
  });
  const ofManifests = used.flatMap(({ known, edge }) => {
    if (edge !== "measured" || !filesOf(known).some((digest) => reviewed.has(digest))) return [];
    const files = endorsedIn(known).filter(({ digests = [] }) => digests.length > 0);
    const open = files.filter(
      ({ digests = [] }) => !digests.some((digest) => reviewed.has(textOf(digest))),
    );
    if (open.length === 0) return [];
    return [unreviewed(known.entryId, `${open.length} of ${files.length} files of a manifest`)];
  });
  const onConditions = [...endorsed].flatMap(([{ entryId }, triples]) => {
    const files = filesIn(triples);
    const open = files.filter((digests) => !digests.some((digest) => reviewed.has(digest)));
    if (open.length === 0 || open.length === files.length) return [];
    const what = `${open.length} of ${files.length} files that a manifest endorses on conditions`;
    return [unreviewed(entryId, what)];
  });
  return [...ofReleases, ...ofManifests, ...onConditions];
}

function unreviewed(statement: string, files: string): Reason {
  const value = `what is measured comes of ${files} too, which no report is about`;
  return { decision: "manual", rule: "files", statement, value };
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
