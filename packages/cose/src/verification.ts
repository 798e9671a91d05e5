import { algorithmById, type Algorithm } from "./algorithm.js";
import { requireUnderstood } from "./crit.js";
import { CoseError } from "./error.js";
import { LABEL } from "./labels.js";
import type { PublicKey } from "./public-key.js";
import { encodeSigStructure, type Sign1 } from "./sign1.js";
import { verifySignature } from "./signature.js";
import type { Label } from "./value.js";

/** What a verifier brings along beside message and key. */
export interface Sign1Context {
  /** The payload of a detached message. */
  readonly payload?: Uint8Array;
  readonly externalAad?: Uint8Array;
  /** Critical labels that the caller processes, beside those that this library does. */
  readonly understood?: ReadonlySet<Label>;
}

/**
 * Verifies a COSE_Sign1 (RFC 9052 §4.4) and yields its payload.
 *
 * The message comes from {@link decodeSign1}, so that its header is what its bytes say. The caller
 * has chosen the key by its own trust; a kid in the message is a hint and is not compared here.
 *
 * @throws {@link CoseError} `COSE_ALG_MISSING`, `COSE_ALG_UNPROTECTED`, `COSE_ALG_UNSUPPORTED`,
 * `COSE_CRIT_UNKNOWN`, `COSE_CRIT_MALFORMED`, `COSE_PAYLOAD_MISSING`, `COSE_PAYLOAD_CONFLICT`,
 * `COSE_ALG_KEY_MISMATCH`, `COSE_SIGNATURE_INVALID`
 */
export async function verifySign1(
  message: Sign1,
  key: PublicKey,
  context: Sign1Context = {},
): Promise<Uint8Array> {
  const algorithm = protectedAlgorithm(message);
  requireUnderstood(message, context.understood ?? new Set());
  const payload = payloadOf(message, context.payload);
  const { externalAad = new Uint8Array(0) } = context;
  await verifySignature({
    algorithm,
    key,
    message: encodeSigStructure(message.protectedBytes, externalAad, payload),
    signature: message.signature,
  });
  return payload;
}

/**
 * Yields the algorithm of the protected header. One in the unprotected header is never used: an
 * attacker could choose it.
 *
 * @throws {@link CoseError} `COSE_ALG_MISSING`, `COSE_ALG_UNPROTECTED`, `COSE_ALG_UNSUPPORTED`
 */
export function protectedAlgorithm(message: Sign1): Algorithm {
  if (message.unprotectedHeader.has(LABEL.alg)) {
    throw new CoseError("COSE_ALG_UNPROTECTED", "alg in the unprotected header");
  }
  if (!message.protectedHeader.has(LABEL.alg)) {
    throw new CoseError("COSE_ALG_MISSING", "no alg in the protected header");
  }
  return algorithmById(message.protectedHeader.get(LABEL.alg));
}

function payloadOf(message: Sign1, given: Uint8Array | undefined): Uint8Array {
  if (message.payload !== null) {
    if (given === undefined) return message.payload;
    throw new CoseError("COSE_PAYLOAD_CONFLICT", "payload given for a message that carries one");
  }
  if (given === undefined) {
    throw new CoseError("COSE_PAYLOAD_MISSING", "message is detached and no payload was given");
  }
  // The caller's bytes may change before the signature is verified.
  return new Uint8Array(given);
}
