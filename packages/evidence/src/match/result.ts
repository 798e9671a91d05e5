import type { EvidenceElement } from "../element.js";

/**
 * What came of one element: `match`; `mismatch`, where the evidence has another value; `missing`,
 * where it has none; `unreferenced`, where the manifest asks for none.
 */
export type ElementStatus = "match" | "mismatch" | "missing" | "unreferenced";

/** One element of evidence held against reference values, or what it should have had. */
export interface ElementResult {
  readonly status: ElementStatus;
  /** Which element, for people. */
  readonly element: string;
  /** Of a mismatch, what differs. */
  readonly detail: string | undefined;
  /** `undefined` of what is missing. */
  readonly evidence: EvidenceElement | undefined;
  /** Whether the manifest lists the element and lets it be. */
  readonly isListed: boolean;
}

/** Evidence held against one manifest. */
export interface ReferenceMatch {
  /** Name of the manifest. */
  readonly manifest: string;
  /** Whether the manifest asks for something, and all that it asks for matches. */
  readonly isMatch: boolean;
  /** Whether the evidence has any of the elements that it asks for. */
  readonly isAbout: boolean;
  /** How many elements it asks for, and how many of them match. */
  readonly required: number;
  readonly matched: number;
  readonly results: readonly ElementResult[];
}

/** Yields the result for results of elements. */
export function matchOf(manifest: string, results: readonly ElementResult[]): ReferenceMatch {
  const asked = results.filter(({ status }) => status !== "unreferenced");
  const matched = asked.filter(({ status }) => status === "match").length;
  return {
    manifest,
    isMatch: asked.length > 0 && matched === asked.length,
    isAbout: asked.some(({ status }) => status !== "missing"),
    required: asked.length,
    matched,
    results,
  };
}
