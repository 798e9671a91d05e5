import type { PublicKey } from "@tallystick/cose";

import { completeLimits, type ContentLimits } from "../limits.js";
import type { ReviewKey, ReviewKeys } from "../sfr/keys.js";
import { findKey, findSigner, type ReviewTrust } from "../sfr/signature.js";
import { readManifest, readSigner, type RimManifest, type RimSigner } from "./manifest.js";
import { decodeMessage, RIM_RULES } from "./message.js";

/** How a manifest is verified: whose keys count, and as of when. */
export interface VerifyRimOptions extends ReviewTrust {
  readonly limits?: Partial<ContentLimits>;
}

/**
 * Yields the key that a CoRIM inside a COSE message is signed with, whatever its terms say of now;
 * `undefined` where it is of none of these keys. What the manifest says is not looked at.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
 * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_STRUCTURE_INVALID`, `CONTENT_KEY_UNKNOWN`
 */
export async function findRimKey(
  payload: Uint8Array,
  keys: ReviewKeys,
  limits: Partial<ContentLimits> = {},
): Promise<ReviewKey | undefined> {
  return findKey(decodeMessage(payload, completeLimits(limits), RIM_RULES), keys);
}

/** A reference integrity manifest under a signature that holds, of a key that the caller trusts. */
export class VerifiedRim {
  readonly rim: RimManifest;
  /** What the message says of its signer; its key says who it is. */
  readonly signer: RimSigner;
  /** Whose key it is, in the caller's words. */
  readonly provider: string;
  readonly key: PublicKey;

  private constructor(
    { rim, signer }: { readonly rim: RimManifest; readonly signer: RimSigner },
    { provider, key }: { readonly provider: string; readonly key: PublicKey },
  ) {
    this.rim = rim;
    this.signer = signer;
    this.provider = provider;
    this.key = key;
    Object.freeze(this);
  }

  /**
   * Verifies a CoRIM inside a COSE_Sign1, or a COSE_Sign with one signature, over the bytes as they
   * came. `alg` is protected; certificates in the header are not looked at.
   *
   * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
   * `CONTENT_ALG_UNSUPPORTED`, `CONTENT_STRUCTURE_INVALID`, `CONTENT_KEY_UNKNOWN`,
   * `CONTENT_KEY_OUT_OF_TERM`, `CONTENT_SIGNATURE_INVALID`
   */
  static async verify(payload: Uint8Array, options: VerifyRimOptions): Promise<VerifiedRim> {
    const limits = completeLimits(options.limits);
    const message = decodeMessage(payload, limits, RIM_RULES);
    const rim = readManifest(message.payload, limits);
    const signer = readSigner(message.secured, limits);
    return new VerifiedRim({ rim, signer }, await findSigner(message, options));
  }
}
