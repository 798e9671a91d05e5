import { ContentError, findReportKey, ReviewKeys, type ReviewKey } from "@tallystick/content";
import { encodeHex, type PublicKey } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

import { CONTENT_LIMITS } from "./content-facts.js";

/**
 * Whose key the review report inside a statement is signed with: found out before the decision, which
 * waits for nothing. {@link ReportSignature.find} is the only way to get one. It says what is so of
 * the bytes and the keys, so that it is the same whenever it is found out (I9).
 */
export class ReportSignature {
  readonly #tried: ReadonlySet<string>;
  /** Thumbprint of the key in hexadecimal; `undefined` where it is none of those that were tried. */
  readonly signer: string | undefined;

  private constructor(tried: ReadonlySet<string>, signer: string | undefined) {
    this.#tried = tried;
    this.signer = signer;
    Object.freeze(this);
  }

  /** Tries the keys on what a statement carries, if that is a signed report. */
  static async find(
    { payload, hashEnvelope }: SignedStatement,
    keys: readonly ReviewKey[],
  ): Promise<ReportSignature> {
    const tried = new Set(keys.map(({ key }) => thumbprintOf(key)));
    if (payload === null || hashEnvelope !== undefined)
      return new ReportSignature(tried, undefined);
    try {
      const found = await findReportKey(payload, new ReviewKeys(keys), CONTENT_LIMITS);
      return new ReportSignature(tried, found === undefined ? undefined : thumbprintOf(found.key));
    } catch (error) {
      if (!(error instanceof ContentError)) throw error;
      return new ReportSignature(tried, undefined);
    }
  }

  /** Yields whether all these keys were tried, so that what is not said of them is not so. */
  covers(keys: readonly ReviewKey[]): boolean {
    return keys.every(({ key }) => this.#tried.has(thumbprintOf(key)));
  }
}

/** Yields the name by which keys are told apart. */
export function thumbprintOf(key: PublicKey): string {
  return encodeHex(key.thumbprint());
}
