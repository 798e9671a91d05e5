/**
 * The text formats that transparency logs and their witnesses exchange (C2SP): signed notes,
 * verifier keys, checkpoints, cosignatures, policies that say whose cosignatures are enough, and proofs
 * of inclusion to be verified offline.
 *
 * {@link parseNote} reads a note and believes nothing of it; {@link VerifiedNote.verify} is the way to
 * signatures that hold, under keys of the caller's own. The text of a note is a checkpoint if
 * {@link parseCheckpoint} says so. The other way, {@link formatCheckpoint} makes the text,
 * {@link signNote} or {@link cosign} a signature, and {@link formatNote} the bytes.
 *
 * Everything that is read has exactly one spelling: what parses formats to the same bytes. Nothing
 * here reads a clock, a file or the network. Refused input is a {@link TlogError}; misuse by the
 * caller is a `TypeError`.
 *
 * @packageDocumentation
 */
export { decodeBase64, encodeBase64 } from "./base64.js";
export { type Checkpoint, formatCheckpoint, parseCheckpoint, type TreeHead } from "./checkpoint.js";
export { TlogError, type TlogErrorCode } from "./error.js";
export {
  formatNote,
  formatSignatureLines,
  isKeyName,
  MAX_NOTE_BYTES,
  MAX_NOTE_SIGNATURES,
  type Note,
  type NoteSignature,
  parseNote,
  parseSignatureLines,
} from "./note.js";
export {
  type Cosigner,
  verifyCosignatures,
  verifyWitnessed,
  WitnessedCheckpoint,
  WitnessPolicy,
} from "./policy.js";
export type { PolicyLog, PolicyWitness } from "./policy-lines.js";
export {
  formatTlogProof,
  parseTlogProof,
  type ProofTrust,
  type TlogProof,
  verifyTlogProof,
} from "./proof.js";
export { NOTE_SIGNATURES_LABEL, noteSignaturesIn, withNoteSignatures } from "./receipt-header.js";
export { cosign, signNote } from "./signing.js";
export { VerifiedNote, type VerifiedSignature } from "./verified-note.js";
export { type NoteSigner, noteSigner, type SignatureType, VerifierKey } from "./verifier-key.js";
