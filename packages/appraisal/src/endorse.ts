import type { Triple } from "@tallystick/content";
import {
  applyEndorsements,
  EvidenceError,
  type EndorsementResult,
  type Evidence,
} from "@tallystick/evidence";

import { isSignerOf } from "./authority.js";
import type { Known } from "./gather.js";
import { meant, referencesOf, sharesDigest, unfitness, type Held } from "./manifest.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";

/** A manifest whose conditional endorsements evidence meets, or may meet. */
export interface Endorsing {
  readonly known: Known;
  readonly results: readonly EndorsementResult[];
}

/** What the conditional endorsements among statements come to for evidence. */
export interface Endorsed {
  readonly endorsing: readonly Endorsing[];
  readonly warnings: readonly string[];
}

/** Most endorsements of one manifest, and most manifests that endorse nothing, that are told one by one. */
const MAX_TOLD = 16;

/**
 * Applies the conditional endorsements and series of every manifest that counts; conditions of others
 * are not compared with the evidence, which takes its time and anybody could ask for. One that has
 * reference values about the device as well endorses nothing unless these match.
 */
export function endorse(
  evidence: Evidence,
  known: readonly Known[],
  { policy, held }: { readonly policy: AppraisalPolicy; readonly held: readonly Held[] },
): Endorsed {
  const endorsing: Endorsing[] = [];
  const idle: string[] = [];
  for (const one of known) {
    const conditions = conditionsOf(one);
    if (conditions.length === 0) continue;
    const unfit = unfitToEndorse(one, [], policy);
    if (unfit !== undefined) {
      const isAbout = sharesDigest({ triples: conditions, indexed: [] }, evidence);
      if (isAbout) idle.push(`${one.entryId} endorses nothing: ${unfit}`);
      continue;
    }
    const results = resultsOf(one, evidence, policy);
    if (results instanceof EvidenceError) {
      idle.push(`${one.entryId} endorses nothing: ${results.message}`);
      continue;
    }
    if (results.length === 0) continue;
    const why = unfitToEndorse(one, results, policy) ?? differing(one, held);
    if (why === undefined) endorsing.push({ known: one, results });
    else idle.push(`${one.entryId} endorses nothing: ${why}`);
  }
  return { endorsing, warnings: bounded(idle) };
}

/** Strangers can publish any number of manifests, and each would be a line. */
function bounded(warnings: readonly string[]): readonly string[] {
  const more = warnings.length - MAX_TOLD;
  if (more <= 0) return warnings;
  return [...warnings.slice(0, MAX_TOLD), `${more} more manifests endorse nothing`];
}

function conditionsOf({ content }: Known): readonly Triple[] {
  if (content.kind !== "rim") return [];
  return content.rim.comids.flatMap(({ conditional, series }) => [
    ...conditional.flatMap(({ conditions }) => conditions),
    ...series.map(({ condition }) => condition),
  ]);
}

function resultsOf(
  known: Known,
  { elements }: Evidence,
  { evidence }: AppraisalPolicy,
): readonly EndorsementResult[] | EvidenceError {
  const { content } = known;
  if (content.kind !== "rim") return [];
  const ofDevice = <T extends Triple>(triple: T): T => meant(triple, evidence?.device.vendor);
  const { comids } = content.rim;
  const conditional = comids.flatMap((comid) =>
    comid.conditional.map(({ conditions, endorsements }) => ({
      conditions: conditions.map(ofDevice),
      endorsements: endorsements.map(ofDevice),
    })),
  );
  const series = comids.flatMap((comid) =>
    comid.series.map((one) => ({ ...one, condition: ofDevice(one.condition) })),
  );
  try {
    return applyEndorsements(elements, { conditional, series }, isSignerOf(known));
  } catch (error) {
    if (error instanceof EvidenceError) return error;
    throw error;
  }
}

/** What is endorsed has to be of a vendor for whom the issuer signs, as reference values have. */
function unfitToEndorse(
  known: Known,
  results: readonly EndorsementResult[],
  policy: AppraisalPolicy,
): string | undefined {
  const references = referencesOf(known.content);
  if (references === undefined) return undefined;
  const triples = results
    .flatMap(({ environments }) => environments)
    .map((environment) => ({ environment, measurements: [] }));
  return unfitness(known, { ...references, triples }, policy);
}

function differing(known: Known, held: readonly Held[]): string | undefined {
  const own = held.find((one) => one.known === known);
  return own?.match.isMatch === false ? "its reference values do not match" : undefined;
}

/** Yields the values that are endorsed, by the manifests that do. */
export function appliedBy(
  endorsing: readonly Endorsing[],
): readonly { readonly known: Known; readonly triple: Triple }[] {
  return endorsing.flatMap(({ known, results }) =>
    results.flatMap(({ endorsed }) => endorsed.map((triple) => ({ known, triple }))),
  );
}

/** Yields what endorsements come to: one that cannot be decided is for a person to look at. */
export function endorsementReasons(endorsing: readonly Endorsing[]): readonly Reason[] {
  return endorsing.flatMap(({ known: { entryId }, results }) => {
    const frame = { rule: "endorsed", statement: entryId };
    const open = results.filter(({ status }) => status === "undecided");
    const applied = results.length - open.length;
    const told = open.slice(0, MAX_TOLD).map(({ detail = "" }): Reason => {
      const value = `an endorsement on a condition cannot be decided: ${detail}`;
      return { ...frame, decision: "manual", value };
    });
    if (applied === 0) return told;
    const value = `endorses more on ${applied} ${applied === 1 ? "condition" : "conditions"} that the evidence shows`;
    return [{ ...frame, decision: "allow", value }, ...told];
  });
}

/** Yields what rules may ask of what is endorsed on conditions. */
export function endorsedFacts(endorsing: readonly Endorsing[]): readonly object[] {
  return appliedBy(endorsing).flatMap(({ known, triple: { environment, measurements } }) =>
    measurements.map(({ key, version, svn, digests = [] }) => ({
      statement: known.entryId,
      ...(environment.vendor === undefined ? {} : { vendor: environment.vendor }),
      ...(environment.model === undefined ? {} : { model: environment.model }),
      ...(key === undefined ? {} : { key }),
      ...(version === undefined ? {} : { version: version.text }),
      ...(svn === undefined ? {} : { svn: svn.value.toString() }),
      digests: digests.map(({ alg, value }) => ({ alg, value })),
    })),
  );
}
