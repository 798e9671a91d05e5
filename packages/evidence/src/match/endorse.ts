import type {
  ConditionalEndorsement,
  EndorsementSeries,
  Environment,
  Measurement,
  Triple,
} from "@tallystick/content";

import type { EvidenceElement } from "../element.js";
import { EvidenceError } from "../error.js";
import { isIn, MAX_COMPARISONS, matchTriple } from "./triples.js";

/** What a manifest endorses where evidence shows what it asks for. */
export interface Endorsements {
  readonly conditional: readonly ConditionalEndorsement[];
  readonly series: readonly EndorsementSeries[];
}

/** What came of one endorsement whose condition the evidence shows, or may show. */
export interface EndorsementResult {
  /** `undecided` where all that can be compared is shown, and something cannot be compared. */
  readonly status: "applied" | "undecided";
  /** Of one that is undecided, why. */
  readonly detail: string | undefined;
  /** What is endorsed; empty where that is undecided. */
  readonly endorsed: readonly Triple[];
  /** Environments that it speaks of, endorsed ones and those of conditions. */
  readonly environments: readonly Environment[];
  /** Elements of evidence that its conditions name by a digest. */
  readonly elements: readonly EvidenceElement[];
}

/** Yields whether all of these keys, in diagnostic notation, are those of whoever signed. */
export type IsAuthority = (keys: readonly string[]) => boolean;

type Verdict =
  | { readonly status: "unmet" }
  | {
      readonly status: "met" | "undecided";
      readonly detail: string | undefined;
      readonly elements: readonly EvidenceElement[];
    };

const UNMET: Verdict = { status: "unmet" };

/**
 * Yields what conditional endorsements and series come to for evidence (CoRIM, phase 4 of
 * appraisal). Conditions are held against the evidence alone, not against what others endorse. The
 * first selection of a series that is shown counts. What is not shown yields nothing; where a value
 * or an authority cannot be compared, the result says so, and the selections behind it do not count.
 *
 * @throws {@link EvidenceError} `EVIDENCE_TOO_LARGE` where that were more than four million comparisons
 */
export function applyEndorsements(
  elements: readonly EvidenceElement[],
  endorsements: Endorsements,
  isAuthority: IsAuthority,
): readonly EndorsementResult[] {
  requireFew(elements, endorsements);
  const ground = { elements, isAuthority };
  return [
    ...endorsements.conditional.flatMap((one) => applyConditional(one, ground)),
    ...endorsements.series.flatMap((one) => applySeries(one, ground)),
  ];
}

interface Ground {
  readonly elements: readonly EvidenceElement[];
  readonly isAuthority: IsAuthority;
}

function requireFew(
  elements: readonly EvidenceElement[],
  { conditional, series }: Endorsements,
): void {
  const counts = [
    ...conditional.flatMap(({ conditions }) => conditions.map((one) => one.measurements.length)),
    ...series.flatMap(({ condition, steps }) => [
      condition.measurements.length,
      ...steps.map(({ selection }) => selection.length),
    ]),
  ];
  const measurements = counts.reduce((sum, count) => sum + count + 1, 0);
  const places = elements.reduce((sum, element) => sum + element.places.length, 0);
  if (measurements * places <= MAX_COMPARISONS) return;
  throw new EvidenceError(
    "EVIDENCE_TOO_LARGE",
    `${places} places and ${measurements} values of conditions, limit ${MAX_COMPARISONS} comparisons`,
  );
}

function applyConditional(
  { conditions, endorsements }: ConditionalEndorsement,
  ground: Ground,
): readonly EndorsementResult[] {
  const verdict = allOf(conditions.map((condition) => verdictOn(condition, ground)));
  const environments = [...conditions, ...endorsements].map(({ environment }) => environment);
  return resultOf(verdict, { endorsed: endorsements, environments });
}

function applySeries(
  { condition, authorizedBy, steps }: EndorsementSeries,
  ground: Ground,
): readonly EndorsementResult[] {
  const { environment } = condition;
  const base = verdictOn(condition, ground, authorizedBy);
  if (base.status === "unmet") return [];
  for (const { selection, addition } of steps) {
    const verdict =
      selection.length === 0
        ? undecided("a selection of a series states nothing")
        : verdictOn({ environment, measurements: selection }, ground);
    // The first that is shown counts, and of what is undecided nobody knows whether it is.
    if (verdict.status === "unmet") continue;
    const endorsed = [{ environment, measurements: addition }];
    return resultOf(allOf([base, verdict]), { endorsed, environments: [environment] });
  }
  return [];
}

function resultOf(
  verdict: Verdict,
  { endorsed, environments }: Pick<EndorsementResult, "endorsed" | "environments">,
): readonly EndorsementResult[] {
  if (verdict.status === "unmet") return [];
  const { status, detail, elements } = verdict;
  if (status === "undecided") return [{ status, detail, endorsed: [], environments, elements: [] }];
  return [{ status: "applied", detail, endorsed, environments, elements }];
}

/** What is not shown settles it; next, what is undecided does. */
function allOf(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.length === 0) return undecided("no condition is stated");
  const shown = verdicts.flatMap((one) => (one.status === "unmet" ? [] : [one]));
  if (shown.length < verdicts.length) return UNMET;
  const open = shown.find(({ status }) => status === "undecided");
  if (open !== undefined) return open;
  return {
    status: "met",
    detail: undefined,
    elements: shown.flatMap(({ elements }) => elements),
  };
}

function undecided(detail: string): Verdict {
  return { status: "undecided", detail, elements: [] };
}

function verdictOn(
  { environment, measurements }: Triple,
  { elements, isAuthority }: Ground,
  authorizedBy?: readonly string[],
): Verdict {
  const comparable = measurements.map((one): Measurement => ({ ...one, unknown: [] }));
  const results = matchTriple(elements, { environment, measurements: comparable });
  const isThere =
    measurements.length > 0 ||
    elements.some(({ places }) => places.some((place) => isIn(place, environment)));
  if (!isThere || results.some(({ status }) => status !== "match")) return UNMET;
  const [unknown] = measurements.flatMap((one) => one.unknown);
  if (unknown !== undefined) return undecided(`code point ${unknown} is not known`);
  const authorities = [authorizedBy, ...measurements.map((one) => one.authorizedBy)];
  if (authorities.some((keys) => keys !== undefined && !isAuthority(keys))) {
    return undecided("it asks for the word of a key that is not known to have signed the manifest");
  }
  // An SVN or a version is shown by any firmware that has it; a digest names one.
  const named = results.flatMap(({ evidence }, i) =>
    evidence !== undefined && (measurements[i]?.digests ?? []).length > 0 ? [evidence] : [],
  );
  return { status: "met", detail: undefined, elements: named };
}
