import { ReceiptError, SignedCheckpoint } from "@tallystick/receipt";

import { VerifierError } from "./error.js";
import type { TrustStore } from "./trust.js";

/**
 * Verifies a checkpoint, as `SignedCheckpoint.encode` gives it, under the pinned keys of the log that
 * it says it is of.
 *
 * @throws {@link VerifierError} `VERIFIER_CHECKPOINT_REFUSED`
 */
export async function verifyCheckpoint(
  encoded: Uint8Array,
  trust: TrustStore,
): Promise<SignedCheckpoint> {
  let refusal: ReceiptError | undefined;
  for (const { issuer, origin, vds, keys } of trust.services) {
    for (const key of vds === 1 ? keys : []) {
      try {
        const signed = await SignedCheckpoint.verify(encoded, key);
        const { checkpoint } = signed;
        // T23: a key that is pinned for one log says nothing about another.
        if (checkpoint.issuer === issuer && checkpoint.origin === origin) return signed;
      } catch (error) {
        if (!(error instanceof ReceiptError)) throw error;
        refusal = error;
      }
    }
  }
  const reason = refusal?.message ?? "it is of no log that is pinned";
  throw new VerifierError("VERIFIER_CHECKPOINT_REFUSED", reason, { cause: refusal });
}
