import { CoseError, verifySignature, type Algorithm } from "@tallystick/cose";

import { ContentError } from "../error.js";
import { termRefusal, type ReviewKey, type ReviewKeys } from "./keys.js";

/** A signature on a report, and what a message tells of its key. */
export interface ReviewSignature {
  readonly kid: string | undefined;
  /** The algorithm of the header, or those that the key may say where no header does. */
  readonly algorithms: readonly Algorithm[];
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Whose keys count, and as of when. */
export interface ReviewTrust {
  readonly keys: ReviewKeys;
  /**
   * Seconds since the epoch at which the keys' terms are judged. For a registered statement this is
   * the time of its receipt: what a report says of itself proves no time. Where it is `undefined`,
   * keys that have terms are refused.
   */
  readonly time: number | undefined;
}

/**
 * Yields the key that made the signature and was in force at the time.
 *
 * @throws {@link ContentError} `CONTENT_KEY_UNKNOWN`, `CONTENT_KEY_OUT_OF_TERM`,
 * `CONTENT_SIGNATURE_INVALID`
 */
export async function findSigner(signed: ReviewSignature, trust: ReviewTrust): Promise<ReviewKey> {
  let late: string | undefined;
  for (const candidate of trust.keys.candidates(signed.kid, signed.algorithms)) {
    if (!(await isSignedBy(signed, candidate))) continue;
    const refusal = termRefusal(candidate, trust.time);
    if (refusal === undefined) return candidate;
    late = refusal;
  }
  if (late !== undefined) {
    throw new ContentError("CONTENT_KEY_OUT_OF_TERM", `the key of the signature ${late}`);
  }
  throw new ContentError("CONTENT_SIGNATURE_INVALID", "the signature is of no key that is trusted");
}

/**
 * Yields the key that a signature is of, whatever its terms; `undefined` where it is of none.
 *
 * @throws {@link ContentError} `CONTENT_KEY_UNKNOWN`
 */
export async function findKey(
  signed: ReviewSignature,
  keys: ReviewKeys,
): Promise<ReviewKey | undefined> {
  for (const candidate of keys.candidates(signed.kid, signed.algorithms)) {
    if (await isSignedBy(signed, candidate)) return candidate;
  }
  return undefined;
}

async function isSignedBy(signed: ReviewSignature, { key }: ReviewKey): Promise<boolean> {
  const { message, signature } = signed;
  const algorithm = signed.algorithms.find((known) => key.fits(known));
  if (algorithm === undefined) return false;
  try {
    await verifySignature({ algorithm, key, message, signature });
    return true;
  } catch (error) {
    if (error instanceof CoseError && error.code === "COSE_SIGNATURE_INVALID") return false;
    throw error;
  }
}
