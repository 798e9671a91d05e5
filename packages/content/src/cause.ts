import { CoseError } from "@tallystick/cose";

import { ContentError, type ContentErrorCode } from "./error.js";

/** Yields what the action yields, a refusal by `@tallystick/cose` restated in a code of this package. */
export function restating<T>(code: ContentErrorCode, what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof CoseError)) throw error;
    throw new ContentError(code, `${what}: ${error.message}`, { cause: error });
  }
}
