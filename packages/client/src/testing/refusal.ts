import { ClientError } from "../error.js";

/** Yields the error that a call comes to; anything but a {@link ClientError} fails the test. */
export async function refusalOf(call: () => unknown): Promise<ClientError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof ClientError) return error;
    throw error;
  }
  throw new Error("the call came to something");
}
