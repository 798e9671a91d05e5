import {
  algorithmByName,
  concatBytes,
  CoseError,
  digest,
  verifySignature,
  type AlgorithmName,
  type HashName,
  type PublicKey,
} from "@tallystick/cose";

import { EvidenceError, unsupported } from "../error.js";
import type { SpdmTranscript } from "./transcript.js";

interface Scheme {
  readonly algorithm: AlgorithmName;
  readonly hash: HashName;
}

/** What a curve is used with; no device was seen that mixes. */
const SCHEMES: ReadonlyMap<string | undefined, Scheme> = new Map([
  ["P-256", { algorithm: "ES256", hash: "sha-256" }],
  ["P-384", { algorithm: "ES384", hash: "sha-384" }],
  ["P-521", { algorithm: "ES512", hash: "sha-512" }],
]);

const PREFIX_BYTES = 64;
const CONTEXT_BYTES = 36;

/**
 * Verifies the signature of a transcript: over L1 in SPDM 1.1, over a prefix and the hash of L1 in
 * SPDM 1.2 (DSP0274, "signature generation"). Resolves when it holds.
 *
 * @throws {@link EvidenceError} `EVIDENCE_SIGNATURE_INVALID`, `EVIDENCE_UNSUPPORTED`
 */
export async function verifyTranscript(transcript: SpdmTranscript, key: PublicKey): Promise<void> {
  const { version, message, signature, baseHash } = transcript;
  const scheme = SCHEMES.get(key.curve);
  if (scheme === undefined) throw unsupported(`an SPDM signature of a ${key.kty} key`);
  if (baseHash !== undefined && baseHash !== scheme.hash) {
    throw new EvidenceError(
      "EVIDENCE_SIGNATURE_INVALID",
      `${baseHash} was agreed on, and the certificate is of ${key.curve ?? key.kty}`,
    );
  }
  const signed = version === 0x11 ? message : prefixed(digest(scheme.hash, message));
  try {
    await verifySignature({
      ...{ algorithm: algorithmByName(scheme.algorithm), key },
      ...{ message: signed, signature },
    });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new EvidenceError(
      "EVIDENCE_SIGNATURE_INVALID",
      "the signature does not hold under the key of the certificate",
      { cause },
    );
  }
}

/** Yields what is signed from SPDM 1.2 on: the version four times, a padded context, and the hash. */
export function prefixed(hash: Uint8Array): Uint8Array {
  const text = new TextEncoder();
  const context = text.encode("responder-measurements signing");
  const padding = new Uint8Array(CONTEXT_BYTES - context.length);
  const version = text.encode("dmtf-spdm-v1.2.*".repeat(PREFIX_BYTES / 16));
  return concatBytes([version, padding, context, hash]);
}
