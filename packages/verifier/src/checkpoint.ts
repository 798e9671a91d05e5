import { encodeHex, formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { ReceiptError, SignedCheckpoint, VDS } from "@tallystick/receipt";
import type { Checkpoint } from "@tallystick/receipt";

import { VerifierError } from "./error.js";
import type { TrustStore } from "./trust.js";

/** What of a checkpoint counts beside its signature. */
export interface CheckpointOptions {
  /**
   * Takes what a retired key has signed beyond its cutoff as well: as evidence, as what was seen before,
   * or where a checkpoint that counts names it; not to rely on.
   */
  readonly ignoresCutoffs?: boolean;
}

/**
 * Verifies a checkpoint, as `SignedCheckpoint.encode` gives it, under the pinned keys of the log that
 * it says it is of: the one that it names.
 *
 * @throws {@link VerifierError} `VERIFIER_CHECKPOINT_REFUSED`
 */
export async function verifyCheckpoint(
  encoded: Uint8Array,
  trust: TrustStore,
  { ignoresCutoffs = false }: CheckpointOptions = {},
): Promise<SignedCheckpoint> {
  const kid = encodeHex(kidIn(encoded));
  const names: string[] = [];
  for (const { issuer, origin, vds, keys } of trust.services) {
    for (const key of vds === VDS.rfc9162Sha256 ? keys : []) {
      names.push(formatThumbprint(key));
      if (!key.names.some((name) => encodeHex(name) === kid)) continue;
      const signed = await verifiedBy(key, encoded);
      const { checkpoint } = signed;
      // T23: a key that is pinned for one log says nothing about another.
      if (checkpoint.issuer !== issuer || checkpoint.origin !== origin) continue;
      if (!ignoresCutoffs) requireWithin(trust, key, checkpoint);
      return signed;
    }
  }
  const pinned = names.length === 0 ? "none" : names.join(", ");
  throw refused(`it is of no log that is pinned; pinned keys: ${pinned}`);
}

function kidIn(encoded: Uint8Array): Uint8Array {
  try {
    return SignedCheckpoint.kidOf(encoded);
  } catch (cause) {
    if (!(cause instanceof ReceiptError)) throw cause;
    throw refused(cause.message, cause);
  }
}

async function verifiedBy(key: PublicKey, encoded: Uint8Array): Promise<SignedCheckpoint> {
  try {
    return await SignedCheckpoint.verify(encoded, key);
  } catch (cause) {
    if (!(cause instanceof ReceiptError)) throw cause;
    throw refused(`${cause.message}, under the key ${formatThumbprint(key)}`, cause);
  }
}

function requireWithin(trust: TrustStore, key: PublicKey, checkpoint: Checkpoint): void {
  try {
    trust.requireWithin(checkpoint.issuer, key, checkpoint);
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    throw refused(cause.message, cause);
  }
}

function refused(message: string, cause?: Error): VerifierError {
  return new VerifierError("VERIFIER_CHECKPOINT_REFUSED", message, cause && { cause });
}
