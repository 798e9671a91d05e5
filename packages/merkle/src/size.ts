import { MerkleError } from "./error.js";

// Sizes and indexes pass 2^32, where bit operators truncate; these are their arithmetic stand-ins.

const WORD = 2 ** 32;

/** Yields floor(n / 2). */
export function half(n: number): number {
  return Math.floor(n / 2);
}

/** Yields floor(log2 n) for a safe integer n \> 0. `Math.log2` rounds up just below 2^53. */
export function floorLog2(n: number): number {
  return n < WORD ? 31 - Math.clz32(n) : 63 - Math.clz32(Math.floor(n / WORD));
}

/** Yields k of RFC 9162 §2.1.1, the largest power of two smaller than n, for n \> 1. */
export function splitPoint(n: number): number {
  return 2 ** floorLog2(n - 1);
}

/** Refuses what is not a tree size: an integer from 0 to 2^53 - 1. */
export function checkSize(size: number): void {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new MerkleError("MERKLE_SIZE_INVALID", `tree size ${size} is not from 0 to 2^53 - 1`);
  }
}

/** Refuses what is not the index of a leaf in a tree of `size` leaves. */
export function checkIndex(index: number, size: number): void {
  checkSize(size);
  // R17, D2: leaf index below tree size.
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new MerkleError(
      "MERKLE_INDEX_OUT_OF_RANGE",
      `leaf index ${index} is not in a tree of size ${size}`,
    );
  }
}
