import { ContentError, type ContentErrorCode } from "../error.js";

/** Yields the code with which the action is refused; anything else it does fails the test. */
export function refusal(action: () => unknown): ContentErrorCode {
  try {
    action();
  } catch (error) {
    if (error instanceof ContentError) return error.code;
    throw error;
  }
  throw new Error("was not refused");
}

/** Yields the code with which the promise is rejected; anything else it does fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<ContentErrorCode> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ContentError) return error.code;
    throw error;
  }
  throw new Error("was not rejected");
}
