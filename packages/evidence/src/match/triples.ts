import type { Environment, Measurement, Triple } from "@tallystick/content";

import type { EvidenceElement, Place } from "../element.js";
import { differenceOf } from "./compare.js";
import type { ElementResult } from "./result.js";

/** Comparisons of one manifest: elements times measurements. */
export const MAX_COMPARISONS = 4_000_000;

/**
 * Holds evidence against reference triples. Those of one environment about the same elements are
 * alternatives, of which the one that comes closest is told. All measurements of a triple have to
 * match, and every element that one of them names: a layer that is not what it should be may add a
 * sound element of the same name.
 */
export function matchTriples(
  elements: readonly EvidenceElement[],
  triples: readonly Triple[],
): readonly ElementResult[] {
  const groups = new Map<string, Triple[]>();
  for (const triple of triples) {
    const name = nameOf(triple);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [triple]);
    else group.push(triple);
  }
  return [...groups.values()].flatMap((group) => closest(elements, group));
}

function closest(
  elements: readonly EvidenceElement[],
  [first, ...others]: readonly Triple[],
): readonly ElementResult[] {
  if (first === undefined) return [];
  let best = matchTriple(elements, first);
  for (const triple of others) {
    const results = matchTriple(elements, triple);
    if (faultsIn(results) < faultsIn(best)) best = results;
  }
  return best;
}

function faultsIn(results: readonly ElementResult[]): number {
  return results.filter(({ status }) => status !== "match").length;
}

/** Holds evidence against all measurements of one triple: first those, in order, then what else they name. */
export function matchTriple(
  elements: readonly EvidenceElement[],
  { environment, measurements }: Triple,
): readonly ElementResult[] {
  const there = elements.flatMap((element) => {
    const places = element.places.filter((place) => isIn(place, environment));
    return places.length === 0 ? [] : [{ element, places }];
  });
  const conditions = measurements.map((condition) => ({
    words: wordsOf(environment, condition),
    compared: there
      .filter(({ places }) => places.some(({ key }) => key === condition.key))
      .map(({ element }) => compare(condition, element)),
  }));
  const results = conditions.map(({ words, compared }) => resultOf(words, compared));
  const told = new Set(results.map(({ evidence }) => evidence));
  const held = new Set(
    conditions.flatMap(({ compared }) => compared.filter(isHeld).map(elementOf)),
  );
  for (const { words, compared } of conditions) {
    for (const one of compared.filter(({ evidence }) => !held.has(evidence))) {
      if (told.has(one.evidence)) continue;
      told.add(one.evidence);
      results.push({ ...one, status: "mismatch", element: words, isListed: true });
    }
  }
  return results;
}

interface Compared {
  readonly evidence: EvidenceElement;
  readonly detail: string | undefined;
}

function compare(condition: Measurement, evidence: EvidenceElement): Compared {
  return { evidence, detail: differenceOf(condition, evidence.measurement) };
}

function isHeld({ detail }: Compared): boolean {
  return detail === undefined;
}

function elementOf({ evidence }: Compared): EvidenceElement {
  return evidence;
}

function resultOf(element: string, compared: readonly Compared[]): ElementResult {
  const held = compared.find(isHeld);
  const [first] = compared;
  if (held !== undefined) return { ...held, status: "match", element, isListed: true };
  if (first !== undefined) return { ...first, status: "mismatch", element, isListed: true };
  const nothing = { detail: undefined, evidence: undefined };
  return { ...nothing, status: "missing", element, isListed: true };
}

/** Every attribute of the condition is there and equal; what else is there is let be. */
export function isIn({ environment }: Place, { attributes }: Environment): boolean {
  return (
    attributes.size > 0 && [...attributes].every(([name, value]) => environment.get(name) === value)
  );
}

function nameOf({ environment, measurements }: Triple): string {
  const named = [...environment.attributes].sort(([one], [other]) => (one < other ? -1 : 1));
  const keys = measurements.map(({ key }) => key ?? "").sort();
  return JSON.stringify([named, keys]);
}

function wordsOf({ attributes }: Environment, { key }: Measurement): string {
  const named = [...attributes].map(([name, value]) => `${name} ${value}`);
  return [...named, ...(key === undefined ? [] : [`key ${key}`])].join(", ");
}
