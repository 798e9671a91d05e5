import { DocumentReader } from "@tallystick/statement";

import { VerifierError } from "./error.js";

export function malformed(message: string, options: ErrorOptions = {}): VerifierError {
  return new VerifierError("VERIFIER_TRUST_MALFORMED", message, options);
}

/** Reads members, and refuses what they may not be as `VERIFIER_TRUST_MALFORMED`. */
export const reader: DocumentReader = new DocumentReader({
  refuse: (problems, options) => malformed(problems.join("; "), options),
  problemsOf: (error) => (error instanceof VerifierError ? [error.message] : undefined),
});
