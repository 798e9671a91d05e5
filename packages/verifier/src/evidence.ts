import { encodeHex } from "@tallystick/cose";
import { Contradiction, ReceiptError } from "@tallystick/receipt";

import { verifyCheckpoint } from "./checkpoint.js";
import { VerifierError } from "./error.js";
import type { TrustStore } from "./trust.js";

/**
 * Verifies evidence that a pinned log contradicts itself: two checkpoints under its pinned key that
 * cannot both be true.
 *
 * That a key is retired counts for nothing here: what it signed against itself stays evidence. Against
 * what another key of the log signed, it is within its cutoff alone.
 * Nothing but the file and the pins is needed, so it convinces whoever has them.
 *
 * @throws {@link VerifierError} `VERIFIER_EVIDENCE_REFUSED`
 */
export async function verifyEvidence(file: Uint8Array, trust: TrustStore): Promise<Contradiction> {
  try {
    const found = await Contradiction.verify(file, (encoded) =>
      verifyCheckpoint(encoded, trust, { ignoresCutoffs: true }),
    );
    const pair = [found.smaller, found.larger];
    // Two keys contradict each other only where both count: a thief of the one signs what he likes.
    if (new Set(pair.map(({ kid }) => encodeHex(kid))).size > 1) {
      for (const signed of pair) await verifyCheckpoint(signed.encode(), trust);
    }
    return found;
  } catch (cause) {
    if (!(cause instanceof ReceiptError) && !(cause instanceof VerifierError)) throw cause;
    throw new VerifierError("VERIFIER_EVIDENCE_REFUSED", cause.message, { cause });
  }
}
