import type { ReferenceValues } from "@tallystick/content";

import type { EvidenceElement } from "../element.js";
import { EvidenceError } from "../error.js";
import { matchIndexed } from "./indexed.js";
import { matchOf, type ElementResult, type ReferenceMatch } from "./result.js";
import { MAX_COMPARISONS, matchTriples } from "./triples.js";

/** Of elements that nothing in the manifest names. */
function unreferenced(evidence: EvidenceElement): ElementResult {
  const { name } = evidence;
  return { status: "unreferenced", element: name, detail: undefined, evidence, isListed: false };
}

/**
 * Holds the elements of evidence against the reference values of one manifest, by the comparison
 * rules of CoRIM or block by block, and tells of each what came of it. Nothing is verified here.
 *
 * @throws {@link EvidenceError} `EVIDENCE_TOO_LARGE` where that were more than four million comparisons
 */
export function matchReferences(
  elements: readonly EvidenceElement[],
  { name, triples, indexed }: ReferenceValues,
): ReferenceMatch {
  const measurements = triples.reduce((sum, triple) => sum + triple.measurements.length + 1, 0);
  const places = elements.reduce((sum, element) => sum + element.places.length, 0);
  if (measurements * places > MAX_COMPARISONS) {
    throw new EvidenceError(
      "EVIDENCE_TOO_LARGE",
      `${places} places and ${measurements} reference values, limit ${MAX_COMPARISONS} comparisons`,
    );
  }
  const results = [...matchTriples(elements, triples), ...matchIndexed(elements, indexed)];
  const seen = new Set(results.map(({ evidence }) => evidence));
  const rest = elements.filter((element) => !seen.has(element)).map(unreferenced);
  return matchOf(name, [...results, ...rest]);
}
