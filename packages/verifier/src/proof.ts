import { decodeCbor, CoseError, encodeCbor, isCborArray } from "@tallystick/cose";
import {
  decodeInclusionProof,
  issueInclusionReceipt,
  ReceiptError,
  VDS,
} from "@tallystick/receipt";
import type { VerifiedInclusion } from "@tallystick/receipt";
import { parseCheckpoint, TlogError, withNoteSignatures } from "@tallystick/tlog";
import type { NoteSignature, TlogProof } from "@tallystick/tlog";

import { verifyCheckpoint } from "./checkpoint.js";
import type { TrustStore } from "./trust.js";
import { noteOf } from "./witnesses.js";

/** Third part of an `extra`: the signatures of the note are not the receipt's. */
const NOT_CARRIED = false;

/**
 * Yields a receipt of inclusion as a C2SP tlog-proof: the same index and path, under the note of the same
 * checkpoint. The note has the signatures that the receipt carries, unless others are given; one of them
 * has to be the log's own for a reader of proofs to take it.
 *
 * The `extra` of the proof holds what a note has no place for, so that {@link receiptOf} makes the receipt
 * again: the CBOR array of protected header and signature, and `false` behind them where the receipt
 * carries no signature of its note.
 *
 * @throws TlogError `TLOG_SIGNATURE_MISSING` without any signature, `TLOG_PROOF_MALFORMED` for a receipt
 * of another tree than RFC 9162's, and what {@link noteOf} throws
 */
export function proofOf(
  inclusion: VerifiedInclusion,
  signatures?: readonly NoteSignature[],
): TlogProof {
  const { receipt } = inclusion;
  const [encoded] = receipt.proofs;
  if (encoded === undefined || receipt.vds !== VDS.rfc9162Sha256) {
    throw new TlogError("TLOG_PROOF_MALFORMED", `a receipt of vds ${receipt.vds} is no tlog-proof`);
  }
  const { text, signatures: carried } = noteOf(inclusion);
  const note = { text, signatures: signatures ?? carried };
  if (note.signatures.length === 0) {
    const message = "the receipt carries no signature of its note, and a proof needs the log's";
    throw new TlogError("TLOG_SIGNATURE_MISSING", message);
  }
  const { index, path } = decodeInclusionProof(encoded);
  const { protectedBytes, signature } = receipt.message;
  const parts = [protectedBytes, signature];
  const extra = encodeCbor(carried.length > 0 ? parts : [...parts, NOT_CARRIED]);
  return { extra, index, path, note };
}

/**
 * Yields the receipt that a C2SP tlog-proof was made of by {@link proofOf}, byte for byte,
 * once the checkpoint in it holds under a pinned key. It has the signatures of the note, unless the `extra`
 * says that the receipt carried none. Whether the path leads to its root is for
 * whoever verifies the receipt to see.
 *
 * @throws TlogError `TLOG_PROOF_MALFORMED`, `TLOG_CHECKPOINT_MALFORMED`; ReceiptError
 * `RECEIPT_MALFORMED`; {@link VerifierError} `VERIFIER_CHECKPOINT_REFUSED`
 */
export async function receiptOf(
  { extra, index, path, note }: TlogProof,
  trust: TrustStore,
): Promise<Uint8Array> {
  const { origin, size, root } = parseCheckpoint(note.text);
  const { protectedBytes, signature, isCarrying } = partsOf(extra);
  const signed = await verifyCheckpoint(encodeCbor([root, protectedBytes, signature]), trust);
  const { checkpoint } = signed;
  if (checkpoint.origin !== origin || checkpoint.size !== size) {
    throw new TlogError("TLOG_PROOF_MALFORMED", "note and receipt are of two checkpoints");
  }
  if (path.length === 0) {
    throw new ReceiptError("RECEIPT_MALFORMED", "a tree of one entry has no receipt");
  }
  const receipt = issueInclusionReceipt(signed, { index, size, path });
  return isCarrying ? withNoteSignatures(receipt, note.signatures) : receipt;
}

interface Parts {
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly isCarrying: boolean;
}

function partsOf(extra: Uint8Array = new Uint8Array()): Parts {
  const value = decoded(extra);
  const [protectedBytes, signature, ...rest] = isCborArray(value) ? value : [];
  const areBytes = protectedBytes instanceof Uint8Array && signature instanceof Uint8Array;
  const isCarrying = rest.length === 0;
  const isKnown = isCarrying || (rest.length === 1 && rest[0] === NOT_CARRIED);
  if (areBytes && isKnown) return { protectedBytes, signature, isCarrying };
  throw unsigned();
}

function decoded(extra: Uint8Array): ReturnType<typeof decodeCbor> {
  try {
    return decodeCbor(extra);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw unsigned({ cause });
  }
}

function unsigned(options?: ErrorOptions): TlogError {
  const message =
    "the proof has no signature of a receipt in its extra, so no receipt follows from it";
  return new TlogError("TLOG_PROOF_MALFORMED", message, options);
}
