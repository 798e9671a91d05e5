import { TlogError, type TlogErrorCode } from "../error.js";

/** Yields the code with which the action is refused; anything else it does fails the test. */
export function refusal(action: () => unknown): TlogErrorCode {
  try {
    action();
  } catch (error) {
    if (error instanceof TlogError) return error.code;
    throw error;
  }
  throw new Error("was not refused");
}

/** Yields the code with which the promise is rejected; anything else it does fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<TlogErrorCode> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TlogError) return error.code;
    throw error;
  }
  throw new Error("was not rejected");
}
