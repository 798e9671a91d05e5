import { Contradiction, ReceiptError } from "@tallystick/receipt";

import { verifyCheckpoint } from "./checkpoint.js";
import { VerifierError } from "./error.js";
import type { TrustStore } from "./trust.js";

/**
 * Verifies evidence that a pinned log contradicts itself: two checkpoints under its pinned key that
 * cannot both be true.
 *
 * That a key is retired counts for nothing here: what it signed against itself stays evidence.
 * Nothing but the file and the pins is needed, so it convinces whoever has them.
 *
 * @throws {@link VerifierError} `VERIFIER_EVIDENCE_REFUSED`
 */
export async function verifyEvidence(file: Uint8Array, trust: TrustStore): Promise<Contradiction> {
  try {
    return await Contradiction.verify(file, (encoded) =>
      verifyCheckpoint(encoded, trust, { ignoresCutoffs: true }),
    );
  } catch (cause) {
    if (!(cause instanceof ReceiptError) && !(cause instanceof VerifierError)) throw cause;
    throw new VerifierError("VERIFIER_EVIDENCE_REFUSED", cause.message, { cause });
  }
}
