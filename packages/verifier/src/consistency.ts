import { Receipt, VerifiedConsistency } from "@tallystick/receipt";
import type { TrustedTree } from "@tallystick/receipt";

import { VerifierError } from "./error.js";
import { isRefusal } from "./step.js";
import type { TrustStore } from "./trust.js";

/**
 * Verifies a receipt of consistency from a tree that the caller has verified before, such as the
 * size and root of an earlier receipt, under the pinned key of the service that issued it.
 *
 * @throws {@link VerifierError} `VERIFIER_CONSISTENCY_UNVERIFIED`
 */
export async function verifyConsistency(
  bytes: Uint8Array,
  trust: TrustStore,
  old: TrustedTree,
): Promise<VerifiedConsistency> {
  try {
    const receipt = Receipt.decode(bytes);
    const found = trust.resolve(receipt.issuer, receipt.kid);
    if (found === undefined)
      throw unverified("the receipt is of a service or key that is not pinned");
    if (receipt.subject !== found.service.origin) {
      throw unverified(`the receipt is of another log than ${found.service.origin}`);
    }
    const { key, service } = found;
    const verified = await VerifiedConsistency.verify(receipt, { old, key, vds: service.vds });
    const { signedSize: size, issuedAt: time } = receipt;
    trust.requireWithin(service.issuer, key, { size, root: verified.newRoot, time });
    return verified;
  } catch (error) {
    if (!isRefusal(error) && !isRetired(error)) throw error;
    throw unverified(error.message, { cause: error });
  }
}

function isRetired(error: unknown): error is VerifierError {
  return error instanceof VerifierError && error.code === "VERIFIER_KEY_RETIRED";
}

function unverified(message: string, options?: ErrorOptions): VerifierError {
  return new VerifierError("VERIFIER_CONSISTENCY_UNVERIFIED", message, options ?? {});
}
