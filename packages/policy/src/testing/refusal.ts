import { PolicyError } from "../error.js";

/** Yields the error with which the action is refused; anything else it does fails the test. */
export function refusal(action: () => unknown): PolicyError {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

/** Yields the error with which the promise is rejected; anything else it does fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<PolicyError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
  throw new Error("was not rejected");
}
