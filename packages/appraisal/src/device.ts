import {
  decodeEvidence,
  EvidenceError,
  readCertificates,
  VerifiedEvidence,
  type Evidence,
} from "@tallystick/evidence";

import { AppraisalError } from "./error.js";
import type { EvidencePolicy } from "./evidence-policy.js";
import type { AppraisalPolicy } from "./policy.js";
import type { Reason } from "./reason.js";

/** Evidence of a device, and whether anybody vouches for it. */
export interface DeviceEvidence {
  readonly evidence: Evidence;
  /** `undefined` where nobody signed, or it does not hold. */
  readonly verified: VerifiedEvidence | undefined;
  /** Why it is not verified. */
  readonly fault: EvidenceError | undefined;
}

/** How evidence of a device is judged. */
export interface JudgeEvidenceOptions {
  /** As of when certificates are judged, in seconds since the epoch: that of the newest checkpoint. */
  readonly time: number;
  /**
   * Certificates of the device, leaf first, in PEM or DER: of an SPDM transcript, which does not carry
   * them.
   */
  readonly chain?: Uint8Array | undefined;
  /** What the device was asked with; without it evidence may be old. */
  readonly nonce?: Uint8Array | undefined;
}

/**
 * Decodes evidence of at most 1 MiB and verifies it under the anchors of the policy. What does not
 * hold is returned with its fault, by which {@link decide} denies.
 *
 * @throws {@link AppraisalError} `APPRAISAL_EVIDENCE_UNACCEPTED`, `APPRAISAL_CHAIN_MISSING`
 * @throws {@link EvidenceError} `EVIDENCE_TOO_LARGE`, `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export async function judgeEvidence(
  bytes: Uint8Array,
  { evidence: accepted }: AppraisalPolicy,
  { time, chain, nonce }: JudgeEvidenceOptions,
): Promise<DeviceEvidence> {
  const { anchors, device } = requireAccepted(accepted);
  const evidence = decodeEvidence(bytes, { device });
  if (evidence.form === "spdm" && chain === undefined) {
    throw new AppraisalError(
      "APPRAISAL_CHAIN_MISSING",
      "an SPDM transcript does not carry the certificates of the device, which are missing",
    );
  }
  const certificates = chain === undefined ? undefined : readCertificates(chain);
  try {
    const verified = await VerifiedEvidence.verify(evidence, {
      ...{ anchors, time, nonce, chain: certificates },
    });
    return { evidence, verified, fault: undefined };
  } catch (fault) {
    if (!(fault instanceof EvidenceError) || fault.code === "EVIDENCE_UNSUPPORTED") throw fault;
    return { evidence, verified: undefined, fault };
  }
}

/**
 * Yields what a policy accepts of devices.
 *
 * @throws {@link AppraisalError} `APPRAISAL_EVIDENCE_UNACCEPTED`
 */
export function requireAccepted(accepted: EvidencePolicy | undefined): EvidencePolicy {
  if (accepted !== undefined) return accepted;
  throw new AppraisalError(
    "APPRAISAL_EVIDENCE_UNACCEPTED",
    "the policy says nothing of evidence, its member evidence says what is accepted of devices",
  );
}

/** Yields whether anything that evidence says may count. */
export function isCredible({ fault }: DeviceEvidence, { allowsUnsigned }: EvidencePolicy): boolean {
  return fault === undefined || (allowsUnsigned && fault.code === "EVIDENCE_UNSIGNED");
}

/** Yields what evidence comes to by itself: who vouches for it, when it was made, and its state. */
export function deviceReasons(device: DeviceEvidence, accepted: EvidencePolicy): readonly Reason[] {
  const { evidence, verified, fault } = device;
  const reason = (decision: Reason["decision"], rule: string, value: string): Reason => ({
    ...{ decision, rule, statement: undefined, value },
  });
  if (!isCredible(device, accepted)) {
    return [reason("deny", "evidence", `${fault?.code ?? ""}: ${fault?.message ?? ""}`)];
  }
  const vouched =
    verified === undefined
      ? "it is signed by nobody, which the policy allows"
      : `signed by ${verified.path.leaf.label}, under ${verified.path.anchor.label}`;
  const isFresh = verified?.isFresh === true;
  const fresh = isFresh
    ? reason("allow", "fresh", "it answers the challenge")
    : reason(
        accepted.allowsStale ? "allow" : "manual",
        "fresh",
        `it answers no challenge that was named, and may be old${accepted.allowsStale ? ", which the policy allows" : ""}`,
      );
  const states = evidence.concerns.map((concern) =>
    accepted.allowsDebug
      ? reason("allow", "state", `${concern}, which the policy allows`)
      : reason("deny", "state", concern),
  );
  // Whoever relays the question chooses it, and could leave out what tells of debugging.
  const isPart = evidence.proof.form === "spdm" && !evidence.proof.transcript.isWhole;
  const parts = isPart ? [reason("deny", "whole", "not all measurements were asked for")] : [];
  return [reason("allow", "evidence", vouched), fresh, ...parts, ...states];
}
