import { DocumentReader } from "@tallystick/statement";

import { PolicyError } from "./error.js";

export function malformed(message: string, options?: ErrorOptions): PolicyError {
  return new PolicyError("POLICY_MALFORMED", [message], options);
}

/** Reads members, and refuses what they may not be as `POLICY_MALFORMED`. */
export const reader: DocumentReader = new DocumentReader({
  refuse: (problems, options) => new PolicyError("POLICY_MALFORMED", problems, options),
  problemsOf: (error) => (error instanceof PolicyError ? error.reasons : undefined),
});
