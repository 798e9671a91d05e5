import { concatBytes } from "@tallystick/cose";
import { HASH_BYTES, sha256 } from "@tallystick/merkle";

import { ReceiptError } from "./error.js";

const NUMBER_BYTES = 8;

/** A kept checkpoint, chained to the one before. */
export interface ChainLink {
  /** As {@link SignedCheckpoint.encode} gives it. */
  readonly checkpoint: Uint8Array;
  /** SHA-256 of the record before this one; zeros in the first. */
  readonly previousDigest: Uint8Array;
  /** Size of the checkpoint before this one; 0 in the first. */
  readonly previousSize: number;
}

/**
 * Encodes a chain record: the checkpoint, then digest and size of the record before, 40 bytes. A log
 * keeps these, and gives them to auditors as they are.
 *
 * @throws TypeError when the digest is not 32 bytes or the size no safe non-negative integer
 */
export function encodeChainLink(link: ChainLink): Uint8Array {
  const { checkpoint, previousDigest, previousSize } = link;
  if (previousDigest.length !== HASH_BYTES) {
    throw new TypeError(`digest of ${previousDigest.length} bytes, want ${HASH_BYTES}`);
  }
  if (!Number.isSafeInteger(previousSize) || previousSize < 0) {
    throw new TypeError(`tree size ${previousSize}`);
  }
  const number = new Uint8Array(NUMBER_BYTES);
  new DataView(number.buffer).setBigUint64(0, BigInt(previousSize));
  return concatBytes([checkpoint, previousDigest, number]);
}

/**
 * Decodes a chain record. What the checkpoint in it is, and whether its signature holds, is for
 * {@link SignedCheckpoint.verify} to say.
 *
 * @throws {@link ReceiptError} `RECEIPT_MALFORMED`
 */
export function decodeChainLink(record: Uint8Array): ChainLink {
  const end = record.length - HASH_BYTES - NUMBER_BYTES;
  if (end <= 0) throw new ReceiptError("RECEIPT_MALFORMED", "chain record is cut short");
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const previousSize = Number(view.getBigUint64(end + HASH_BYTES));
  if (!Number.isSafeInteger(previousSize)) {
    throw new ReceiptError("RECEIPT_MALFORMED", "chain record has a size beyond 2^53");
  }
  return {
    checkpoint: record.slice(0, end),
    previousDigest: record.slice(end, end + HASH_BYTES),
    previousSize,
  };
}

/** Yields what the next record names this one by: SHA-256 of the record. */
export function chainDigest(record: Uint8Array): Uint8Array {
  return sha256(record);
}
