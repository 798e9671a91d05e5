import { encodeHex } from "@tallystick/cose";
import type { Certificate, CertificatePath } from "@tallystick/statement";

import { verifyChain, type ChainTrust } from "./chain.js";
import { EvidenceError } from "./error.js";
import type { Evidence } from "./evidence.js";
import { verifyTranscript } from "./spdm/signature.js";

/** How evidence is verified. */
export interface VerifyEvidenceOptions extends ChainTrust {
  /** Certificates of the device, leaf first, of a transcript, which does not carry them. */
  readonly chain?: readonly Certificate[] | undefined;
  /** What the device was asked with; without it nobody knows when the evidence was made. */
  readonly nonce?: Uint8Array | undefined;
}

/** Evidence of a device whose certificates lead to a pinned root. Immutable. */
export class VerifiedEvidence {
  readonly evidence: Evidence;
  readonly path: CertificatePath;
  /** Whether it answers the challenge that the caller named. */
  readonly isFresh: boolean;

  private constructor(evidence: Evidence, path: CertificatePath, isFresh: boolean) {
    this.evidence = evidence;
    this.path = path;
    this.isFresh = isFresh;
    Object.freeze(this);
  }

  /**
   * Verifies the certificates up to a pinned anchor and, of a transcript, the signature under the
   * leaf's key and the nonce of the request. Certificates of DICE layers are no answer to anything:
   * they show what a device once ran, and are never fresh.
   *
   * @throws {@link EvidenceError} `EVIDENCE_UNSIGNED`, `EVIDENCE_CHAIN_INVALID`,
   * `EVIDENCE_NAMES_UNCHAINED`, `EVIDENCE_SIGNATURE_INVALID`, `EVIDENCE_NONCE_MISMATCH`,
   * `EVIDENCE_UNSUPPORTED`
   */
  static async verify(
    evidence: Evidence,
    options: VerifyEvidenceOptions,
  ): Promise<VerifiedEvidence> {
    const { proof } = evidence;
    const { nonce, chain } = options;
    if (proof.form === "spdm-record") {
      throw new EvidenceError("EVIDENCE_UNSIGNED", "a measurement record is signed by nobody");
    }
    if (proof.form === "concise") {
      throw new EvidenceError(
        "EVIDENCE_UNSIGNED",
        "concise evidence by itself is signed by nobody",
      );
    }
    if (proof.form === "dice") {
      if (nonce !== undefined) {
        throw new EvidenceError("EVIDENCE_NONCE_MISMATCH", "certificates answer no challenge");
      }
      // The last layer of a device may be allowed to certify alone.
      const trust = { ...options, usages: ["digitalSignature", "keyCertSign"] as const };
      return new VerifiedEvidence(evidence, await verifyChain(proof.certificates, trust), false);
    }
    if (chain === undefined) {
      throw new EvidenceError(
        "EVIDENCE_CHAIN_INVALID",
        "the certificates of the device are missing",
      );
    }
    const path = await verifyChain(chain, { ...options, usages: ["digitalSignature"] });
    await verifyTranscript(proof.transcript, path.leaf.publicKey);
    if (nonce !== undefined && encodeHex(nonce) !== encodeHex(proof.transcript.nonce)) {
      throw new EvidenceError("EVIDENCE_NONCE_MISMATCH", "it answers another challenge");
    }
    return new VerifiedEvidence(evidence, path, nonce !== undefined);
  }
}
