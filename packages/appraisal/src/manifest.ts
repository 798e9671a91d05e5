import {
  referencesOfRim,
  referencesOfSwid,
  type Content,
  type ReferenceValues,
  type Triple,
  type Validity,
} from "@tallystick/content";
import {
  EvidenceError,
  matchReferences,
  type ElementResult,
  type EvidenceElement,
  type Evidence,
  type ReferenceMatch,
} from "@tallystick/evidence";

import type { Known } from "./gather.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";
import { textOf } from "./relevance.js";
import { shareVendor, vendorsOf, type Vendors } from "./vendor.js";

/** Evidence held against the manifest in a statement. */
export interface Held {
  readonly known: Known;
  readonly match: ReferenceMatch;
}

/** What the manifests among statements come to for evidence. */
export interface Weighed {
  /** Manifests about the device that count, matching or not. */
  readonly held: readonly Held[];
  /** Why it cannot be decided: manifests that may be about the device, and may count elsewhere. */
  readonly undecided: readonly Reason[];
  readonly warnings: readonly string[];
}

/** Most differing elements of one manifest that are told one by one. */
const MAX_TOLD = 16;

/** Yields the reference values of a manifest; `undefined` of what is none. */
export function referencesOf(content: Content): ReferenceValues | undefined {
  if (content.kind === "swid") return referencesOfSwid(content.swid);
  return content.kind === "rim" ? referencesOfRim(content.rim) : undefined;
}

/** Holds evidence against every manifest about it that counts. */
export function weigh(
  evidence: Evidence,
  known: readonly Known[],
  policy: AppraisalPolicy,
): Weighed {
  const held: Held[] = [];
  const undecided: Reason[] = [];
  const warnings: string[] = [];
  for (const one of known) {
    const stated = referencesOf(one.content);
    if (stated === undefined || !isOfVersion(stated, evidence)) continue;
    const references = meantFor(stated, policy.evidence?.device.vendor);
    const why = unfitness(one, references, policy);
    if (why !== undefined) {
      if (!sharesDigest(references, evidence)) continue;
      // What hinders before its signature hinders wherever it is looked at.
      if (one.isUndecided === true && why === one.unchecked) undecided.push(undecidedBy(one, why));
      else warnings.push(`${one.entryId} does not count as a manifest: ${why}`);
      continue;
    }
    const match = matchUnlessLarge(evidence, references);
    if (match instanceof EvidenceError) {
      warnings.push(`${one.entryId} does not count as a manifest: ${match.message}`);
      continue;
    }
    if (!match.isAbout) continue;
    held.push({ known: one, match });
    if (one.unchecked !== undefined) {
      const told = `the signature inside manifest ${one.entryId} was not checked, which the policy allows`;
      warnings.push(`${told}: ${one.unchecked}`);
    }
  }
  return { held, undecided, warnings };
}

function undecidedBy({ entryId }: Known, why: string): Reason {
  const value = `it is about the device, and does not count as a manifest: ${why}`;
  return { decision: "manual", rule: "undecided", statement: entryId, value };
}

/** What one manifest is too large for does not keep others from being looked at. */
function matchUnlessLarge(
  { elements }: Evidence,
  references: ReferenceValues,
): ReferenceMatch | EvidenceError {
  try {
    return matchReferences(elements, references);
  } catch (error) {
    if (error instanceof EvidenceError) return error;
    throw error;
  }
}

/** A GPU says of which firmware it reports, and values by block are of one firmware alone. */
function isOfVersion({ version, indexed }: ReferenceValues, { gpu }: Evidence): boolean {
  if (indexed.length === 0 || version === undefined || gpu === undefined) return true;
  return version === gpu.vbios || version === gpu.driver;
}

/** Where a manifest names no vendor, that of the device is meant, and nobody else's. */
function meantFor(references: ReferenceValues, vendor: string | undefined): ReferenceValues {
  return { ...references, triples: references.triples.map((triple) => meant(triple, vendor)) };
}

/** Yields a triple with the vendor of the device in it, where it names none. */
export function meant<T extends Triple>(triple: T, vendor: string | undefined): T {
  const { environment } = triple;
  if (vendor === undefined || environment.vendor !== undefined) return triple;
  if (environment.attributes.size === 0) return triple;
  const attributes = new Map([...environment.attributes, ["vendor", JSON.stringify(vendor)]]);
  return { ...triple, environment: { ...environment, attributes, vendor } };
}

/** Yields why a manifest does not count, whatever it says. */
export function unfitness(
  one: Known,
  references: ReferenceValues,
  { vendors, evidence }: AppraisalPolicy,
): string | undefined {
  const { content, issuer, time, unchecked } = one;
  const own = vendorsOf(one, vendors);
  if (own.size === 0) return `${issuer} signs for no vendor`;
  const device = evidence?.device.vendor;
  const named = vendorsIn(content, references, device);
  const foreign = named.find((vendor) => vendor !== undefined && !own.has(vendor));
  if (foreign !== undefined) return `${issuer} does not sign for ${JSON.stringify(foreign)}`;
  if (named.includes(undefined)) return "it names no vendor, nor does the policy name the device's";
  if (content.kind === "swid" && device !== undefined && named[0] !== device) {
    return `it is of ${JSON.stringify(named[0])}, and the device of ${JSON.stringify(device)}`;
  }
  if (unchecked !== undefined && evidence?.allowsUncheckedManifests !== true) return unchecked;
  if (content.kind !== "rim") return undefined;
  if (!content.rim.isProfileKnown) return `its profile is not known`;
  const [lapsed] = [content.rim.validity, content.signer?.validity].flatMap((validity) =>
    isIn(validity, time) ? [] : ["it was not valid when it was registered"],
  );
  return lapsed;
}

/** Values by block are all of one vendor. */
function vendorsIn(
  content: Content,
  { triples }: ReferenceValues,
  device: string | undefined,
): readonly (string | undefined)[] {
  if (content.kind === "swid") return [content.swid.vendor ?? device];
  return triples.map(({ environment: { vendor } }) => vendor);
}

/** Validity is judged as of the receipt, as signatures are. */
function isIn(validity: Validity | undefined, time: number | undefined): boolean {
  if (validity === undefined) return true;
  if (time === undefined) return false;
  return time >= (validity.notBefore ?? -Infinity) && time <= validity.notAfter;
}

/** Yields whether values name a digest that the evidence has. */
export function sharesDigest(
  { triples, indexed }: Pick<ReferenceValues, "triples" | "indexed">,
  { elements }: Evidence,
): boolean {
  const measured = new Set(elements.flatMap(digestsOf));
  const named = [
    ...triples.flatMap(({ measurements }) => measurements.flatMap(({ digests = [] }) => digests)),
    ...indexed.flatMap(({ digests }) => digests),
  ];
  return named.some((digest) => measured.has(textOf(digest)));
}

/** Yields the digests of an element, but for those of nothing but zeros, which name nothing. */
export function digestsOf({ measurement: { digests = [] } }: EvidenceElement): readonly string[] {
  return digests.filter(({ value }) => value !== "" && !isZero(value)).map(textOf);
}

/** Yields whether an element has digests, and all of them are zeros: there is nothing measured. */
export function isBlank({ measurement: { digests = [] } }: EvidenceElement): boolean {
  return digests.length > 0 && digests.every(({ value }) => isZero(value));
}

function isZero(value: string): boolean {
  return /^0+$/.test(value);
}

/** Yields the elements that matching manifests match. */
export function matchedBy(held: readonly Held[]): ReadonlySet<EvidenceElement> {
  return elementsIn(held, ({ status }) => status === "match");
}

/** Yields the elements that matching manifests match, and those that they list and let be. */
export function listedBy(held: readonly Held[]): ReadonlySet<EvidenceElement> {
  return elementsIn(held, ({ isListed }) => isListed);
}

function elementsIn(
  held: readonly Held[],
  counts: (result: ElementResult) => boolean,
): ReadonlySet<EvidenceElement> {
  const found = held
    .filter(({ match }) => match.isMatch)
    .flatMap(({ match }) => match.results.filter(counts))
    .map(({ evidence }) => evidence);
  return new Set(found.filter((element) => element !== undefined));
}

/**
 * Yields what manifests come to: one that matches allows; one that does not denies, unless another
 * by an issuer of the same vendor matches what it has otherwise, as the manifest of the next version
 * does.
 */
export function manifestReasons({ held }: Weighed, vendors: Vendors): readonly Reason[] {
  const forgiving = new Map<string, Forgiving>();
  return held.flatMap(({ known, match }): readonly Reason[] => {
    const { matched, isMatched } = forgiving.get(known.issuer) ?? forgivenTo(known, held, vendors);
    forgiving.set(known.issuer, { matched, isMatched });
    const frame = { rule: "manifest", statement: known.entryId };
    const count = `${match.matched} of ${match.required}`;
    const name = JSON.stringify(match.manifest);
    if (match.isMatch) {
      return [{ ...frame, decision: "allow", value: `measures what ${name} says, ${count}` }];
    }
    const against = match.results.filter((result) =>
      result.status === "missing"
        ? !isMatched
        : result.status === "mismatch" && !isElsewhere(result, matched),
    );
    const told = against.slice(0, MAX_TOLD).map((result) => ({
      ...{ ...frame, decision: "deny" as const },
      value: `${name}, ${count}: ${wordsOf(result)}`,
    }));
    const more = against.length - told.length;
    if (more <= 0) return told;
    return [
      ...told,
      { ...frame, decision: "deny", value: `${name}: ${more} more elements differ` },
    ];
  });
}

/** What may be otherwise by a manifest, since others match it. */
interface Forgiving {
  readonly matched: ReadonlySet<EvidenceElement>;
  readonly isMatched: boolean;
}

function forgivenTo(known: Known, held: readonly Held[], vendors: Vendors): Forgiving {
  const others = held.filter((one) => shareVendor(one.known, known, vendors));
  return { matched: matchedBy(others), isMatched: others.some(({ match }) => match.isMatch) };
}

function isElsewhere({ evidence }: ElementResult, matched: ReadonlySet<EvidenceElement>): boolean {
  return evidence !== undefined && matched.has(evidence);
}

function wordsOf({ status, element, detail }: ElementResult): string {
  return status === "missing" ? `${element} is missing` : `${element} has ${detail ?? ""}`;
}
