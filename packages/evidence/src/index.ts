/**
 * What devices say that they run, and whether it is what their vendors say that they should.
 *
 * {@link decodeEvidence} reads an SPDM transcript, a bare measurement record, the certificates of DICE
 * layers, or concise evidence into elements of one shape. {@link VerifiedEvidence.verify} is the only way to evidence
 * whose certificates lead to a root that the caller pins. {@link matchReferences} holds elements
 * against the reference values of a manifest, element by element; {@link applyEndorsements} yields
 * what a manifest endorses on conditions that they show.
 *
 * Refused input is an {@link EvidenceError}; misuse by the caller is a `TypeError`. Nothing here
 * reads a clock, a file or the network.
 *
 * @packageDocumentation
 */
export { EvidenceError, type EvidenceErrorCode } from "./error.js";
export type { DeviceClass, ElementKind, EvidenceElement, Place } from "./element.js";
export {
  decodeEvidence,
  type DecodeEvidenceOptions,
  type Evidence,
  type EvidenceForm,
  type EvidenceProof,
} from "./evidence.js";
export type { ChainTrust } from "./chain.js";
export { readCertificates } from "./dice/certificates.js";
export { VerifiedEvidence, type VerifyEvidenceOptions } from "./verified.js";
export type { GpuFacts } from "./spdm/nvidia.js";
export type { SpdmTranscript } from "./spdm/transcript.js";
export type { MeasurementBlock } from "./spdm/block.js";
export { matchReferences } from "./match/match.js";
export {
  applyEndorsements,
  type EndorsementResult,
  type Endorsements,
  type IsAuthority,
} from "./match/endorse.js";
export type { ElementResult, ElementStatus, ReferenceMatch } from "./match/result.js";
