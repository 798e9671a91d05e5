/**
 * What stands in browsers for `swid-signature`, whose libraries need Node, so that what may ask for it
 * can be bundled. No answer is given: one that differs from Node's would be taken for a finding.
 *
 * @packageDocumentation
 */
import { ContentError } from "./error.js";

/**
 * Verifies nothing: signatures of XML are verified under Node alone.
 *
 * @throws {@link ContentError} `CONTENT_PART_MISSING`
 */
export function verifySwidRim(): Promise<never> {
  const message = "signatures of XML are verified under Node alone";
  return Promise.reject(new ContentError("CONTENT_PART_MISSING", message));
}

/**
 * Finds nothing out, as {@link verifySwidRim}.
 *
 * @throws {@link ContentError} `CONTENT_PART_MISSING`
 */
export const findSwidAuthorities: () => Promise<never> = verifySwidRim;
