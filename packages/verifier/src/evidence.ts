import { Contradiction, ReceiptError } from "@tallystick/receipt";

import { VerifierError } from "./error.js";
import type { TrustStore } from "./trust.js";

/**
 * Verifies evidence that a pinned log contradicts itself: two checkpoints under its pinned keys that
 * cannot both be true.
 *
 * Nothing but the file and the pins is needed, so it convinces whoever has them.
 *
 * @throws {@link VerifierError} `VERIFIER_EVIDENCE_REFUSED`
 */
export async function verifyEvidence(file: Uint8Array, trust: TrustStore): Promise<Contradiction> {
  let refusal: ReceiptError | undefined;
  for (const { issuer, origin, vds, keys } of trust.services) {
    if (vds !== 1) continue;
    try {
      const found = await Contradiction.verify(file, keys);
      const { checkpoint } = found.larger;
      // T23: a key that is pinned for one log says nothing about another.
      if (checkpoint.issuer === issuer && checkpoint.origin === origin) return found;
    } catch (error) {
      if (!(error instanceof ReceiptError)) throw error;
      refusal = error;
    }
  }
  const reason = refusal?.message ?? "it is of no log that is pinned";
  throw new VerifierError("VERIFIER_EVIDENCE_REFUSED", reason, { cause: refusal });
}
