/**
 * What stands in browsers for `swid-signature`, whose libraries need Node, so that what may ask for it
 * can be bundled. No answer is given: one that differs from Node's would be taken for a finding.
 *
 * @packageDocumentation
 */

/** Throws `TypeError`: signatures of XML are verified under Node alone. */
export function verifySwidRim(): Promise<never> {
  return Promise.reject(new TypeError("signatures of XML are verified under Node alone"));
}

/** Throws `TypeError`: signatures of XML are verified under Node alone. */
export const findSwidAuthorities: () => Promise<never> = verifySwidRim;
