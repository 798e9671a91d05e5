import { verifyRaw } from "#crypto";
import type { Algorithm } from "./algorithm.js";
import { CoseError } from "./error.js";
import { materialOf, type PublicKey } from "./public-key.js";

/** A bare signature with all that it takes to verify it. */
export interface SignatureInput {
  readonly algorithm: Algorithm;
  readonly key: PublicKey;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Verifies a bare signature, in the form of RFC 9053 §2 or RFC 8230 §2; resolves when it holds.
 *
 * The verdict is the same on every platform. ECDSA signatures are accepted with either s.
 *
 * @throws {@link CoseError} `COSE_ALG_KEY_MISMATCH`, `COSE_SIGNATURE_INVALID`
 */
export async function verifySignature(input: SignatureInput): Promise<void> {
  const { algorithm, key, message, signature } = input;
  if (!key.fits(algorithm)) {
    throw new CoseError(
      "COSE_ALG_KEY_MISMATCH",
      `${describe(key)} key is not for ${algorithm.name}`,
    );
  }
  let isValid: boolean;
  try {
    isValid = await verifyRaw(algorithm, materialOf(key), { message, signature });
  } catch (cause) {
    throw new CoseError("COSE_SIGNATURE_INVALID", "signature could not be verified", { cause });
  }
  if (!isValid) throw new CoseError("COSE_SIGNATURE_INVALID", "signature does not verify");
}

function describe(key: PublicKey): string {
  return key.algorithm?.name ?? key.curve ?? key.kty;
}
