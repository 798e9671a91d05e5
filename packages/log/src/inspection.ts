import type { Checkpoint } from "@tallystick/receipt";

import { toLogError } from "./error.js";
import { type Expectation, type Kept, recover } from "./recover.js";
import type { Standing } from "./standing.js";

/** What opening a log would find. */
export interface Inspection {
  readonly newest: Checkpoint;
  readonly standing: Standing;
}

/**
 * Yields what {@link Log.open} would find, by the same checks, and changes nothing. It refuses where
 * that would; store and anchor stay open.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_SCHEMA_UNSUPPORTED`, `LOG_KEY_MISMATCH`,
 * `LOG_FORKED`, `LOG_ANCHOR_BEHIND`, `LOG_ANCHOR_MISSING`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function inspectLog(kept: Kept, expected: Expectation): Promise<Inspection> {
  try {
    const { state, standing } = await recover(kept, expected);
    return { newest: state.view.signed.checkpoint, standing };
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "the log could not be examined");
  }
}
