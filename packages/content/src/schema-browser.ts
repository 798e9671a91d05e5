/**
 * What stands in browsers for `schema`, whose schemas are read from files, so that what may ask for it
 * can be bundled. No answer is given: one that differs from Node's would be taken for a finding.
 *
 * @packageDocumentation
 */
import { ContentError } from "./error.js";

/**
 * Checks nothing: bills of materials are held against their schemas under Node alone.
 *
 * @throws {@link ContentError} `CONTENT_PART_MISSING`
 */
export function checkBomSchema(): Promise<never> {
  const message = "bills of materials are held against their schemas under Node alone";
  return Promise.reject(new ContentError("CONTENT_PART_MISSING", message));
}
