import type { ConsistencyProof, InclusionProof } from "@tallystick/merkle";

import { encodeReceipt } from "./checkpoint.js";
import type { SignedCheckpoint } from "./checkpoint.js";
import { encodeConsistencyProof, encodeInclusionProof } from "./proof.js";

/**
 * Issues a receipt of inclusion (T1, RFC 9942 §5.2) from a checkpoint and a path in its tree.
 *
 * Needs no key: anyone with the tiles and the checkpoint makes the same bytes. The caller has made
 * sure that the path leads to the checkpoint's root.
 *
 * @throws TypeError when the proof is for another size, or for a tree of one entry, whose empty
 * path RFC 9942 cannot express.
 */
export function issueInclusionReceipt(signed: SignedCheckpoint, proof: InclusionProof): Uint8Array {
  if (proof.size !== signed.checkpoint.size) {
    throw new TypeError(`proof for size ${proof.size}, checkpoint of ${signed.checkpoint.size}`);
  }
  if (proof.path.length === 0) throw new TypeError("a tree of one entry has no receipt");
  return encodeReceipt(signed, { kind: "inclusion", proof: encodeInclusionProof(proof) });
}

/**
 * Issues a receipt of consistency (RFC 9942 §5.3) from the newer checkpoint and a path from the
 * older size. Needs no key; the caller has made sure that the path holds.
 *
 * @throws TypeError when the proof is for another newer size, or its path is empty.
 */
export function issueConsistencyReceipt(
  signed: SignedCheckpoint,
  proof: ConsistencyProof,
): Uint8Array {
  if (proof.newSize !== signed.checkpoint.size) {
    throw new TypeError(`proof for size ${proof.newSize}, checkpoint of ${signed.checkpoint.size}`);
  }
  if (proof.path.length === 0) throw new TypeError("equal sizes have no receipt");
  return encodeReceipt(signed, { kind: "consistency", proof: encodeConsistencyProof(proof) });
}
