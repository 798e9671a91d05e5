import type { VerifiedInclusion } from "@tallystick/receipt";
import { formatCheckpoint, noteSignaturesIn, TlogError, verifyWitnessed } from "@tallystick/tlog";
import type { Cosigner, Note, WitnessPolicy } from "@tallystick/tlog";

/**
 * Yields the note of the checkpoint that a receipt is under, with the signatures that its unprotected
 * header carries. The text follows from what the receipt signs: name of the log, tree size, and root.
 *
 * Nothing of the signatures is verified.
 *
 * @throws TlogError `TLOG_NOTE_MALFORMED`, `TLOG_CHECKPOINT_MALFORMED`
 */
export function noteOf({ receipt, root }: VerifiedInclusion): Note {
  const { subject, signedSize, message } = receipt;
  if (subject === undefined || signedSize === undefined) {
    const message = "the receipt signs no tree size, so it names no checkpoint";
    throw new TlogError("TLOG_CHECKPOINT_MALFORMED", message);
  }
  const text = formatCheckpoint({ origin: subject, size: signedSize, root });
  return { text, signatures: noteSignaturesIn(message.unprotectedHeader) };
}

/**
 * Verifies that the witnesses of a policy cosigned the checkpoint that a receipt is under. Yields those
 * whose cosignature holds, with its time, which is told and not judged.
 *
 * The receipt vouches for the log. Where the policy names logs, one of them has to be this log, and its
 * own signature of the note has to be there as well.
 *
 * @throws TlogError `TLOG_NOTE_MALFORMED`, `TLOG_CHECKPOINT_MALFORMED`, `TLOG_SIGNATURE_INVALID`,
 * `TLOG_SIGNATURE_MISSING`, `TLOG_QUORUM_MISSING`
 */
export async function verifyWitnesses(
  inclusion: VerifiedInclusion,
  policy: WitnessPolicy,
): Promise<readonly Cosigner[]> {
  const note = noteOf(inclusion);
  if (note.signatures.length === 0 && !policy.isQuorum([])) {
    throw new TlogError("TLOG_QUORUM_MISSING", "no quorum: the receipt carries no cosignatures");
  }
  return verifyWitnessed(note, policy);
}
