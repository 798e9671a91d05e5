import type { IndexedReference } from "@tallystick/content";

import type { EvidenceElement } from "../element.js";
import { digestDifference } from "./compare.js";
import type { ElementResult } from "./result.js";

/**
 * Holds evidence against values by block. Any of the digests of a value will do; values that the
 * manifest lists and does not ask for are compared with nothing.
 */
export function matchIndexed(
  elements: readonly EvidenceElement[],
  references: readonly IndexedReference[],
): readonly ElementResult[] {
  const blocks = new Map(elements.map((element) => [element.block, element]));
  return references.flatMap((reference): readonly ElementResult[] => {
    const evidence = blocks.get(reference.block);
    const { block, name, isRequired } = reference;
    const element = `block ${block}${name === undefined ? "" : ` (${name})`}`;
    if (!isRequired) {
      if (evidence === undefined) return [];
      const listed = { element, detail: undefined, evidence, isListed: true };
      return [{ ...listed, status: "unreferenced" }];
    }
    const frame = { element, isListed: true };
    if (evidence === undefined) {
      return [{ ...frame, status: "missing", detail: undefined, evidence: undefined }];
    }
    const detail = differenceOf(reference, evidence);
    return [{ ...frame, status: detail === undefined ? "match" : "mismatch", detail, evidence }];
  });
}

function differenceOf(
  { digests }: IndexedReference,
  { measurement }: EvidenceElement,
): string | undefined {
  const got = measurement.digests ?? [];
  const differences = digests.map((digest) => digestDifference([digest], got));
  if (differences.includes(undefined)) return undefined;
  if (got.length === 0) return "no digest";
  return differences.length === 1
    ? differences[0]
    : `${got.map(({ alg, value }) => `${alg} ${value}`).join(", ")}, which is none of ${digests.length}`;
}
