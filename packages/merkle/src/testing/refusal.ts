import { MerkleError, type MerkleErrorCode } from "../error.js";

/** Yields the code that `run` is refused with, or "ok". Any other error passes through. */
export function outcomeOf(run: () => unknown): MerkleErrorCode | "ok" {
  try {
    run();
    return "ok";
  } catch (error) {
    if (error instanceof MerkleError) return error.code;
    throw error;
  }
}

/** Yields a copy with one bit changed. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(bytes);
  const at = Math.floor(bit / 8) % bytes.length;
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
  return flipped;
}
