import { VerifierError } from "../error.js";

/** Yields the error with which the action is refused; anything else it does fails the test. */
export function refusal(action: () => unknown): VerifierError {
  try {
    action();
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

/** Yields the error with which the promise is rejected; anything else it does fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<VerifierError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof VerifierError) return error;
    throw error;
  }
  throw new Error("was not rejected");
}

/** Yields a copy with one bit changed. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(bytes);
  const at = Math.floor(bit / 8);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
  return flipped;
}
