import type { ContentKind, OpaqueContent } from "./content.js";

/** The content of a payload that is of no kind that is understood. */
export const OTHER: OpaqueContent = { kind: "opaque", problem: undefined, mayBe: [], warnings: [] };

/** Makes the content of a payload that could not be read, and may be of some kinds. */
export function opaque(problem: string, mayBe: readonly ContentKind[]): OpaqueContent {
  return { kind: "opaque", problem, mayBe, warnings: [] };
}
