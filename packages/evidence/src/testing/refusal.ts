import { EvidenceError, type EvidenceErrorCode } from "../error.js";

/** Yields the code with which the action is refused; anything else it does fails the test. */
export async function refusalOf(action: () => unknown): Promise<EvidenceErrorCode> {
  try {
    await action();
  } catch (error) {
    if (error instanceof EvidenceError) return error.code;
    throw error;
  }
  throw new Error("was not refused");
}
