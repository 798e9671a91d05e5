import { CoseError } from "./error.js";
import { LABEL } from "./labels.js";
import type { Sign1 } from "./sign1.js";
import { isCborArray, type Label } from "./value.js";

/** The labels that this library processes itself. */
const PROCESSED: ReadonlySet<Label> = new Set([
  LABEL.alg,
  LABEL.crit,
  LABEL.contentType,
  LABEL.kid,
]);

/**
 * Yields the labels that `crit` demands the reader to understand; none without `crit`
 * (RFC 9052 §3.1).
 *
 * ```cddl
 * crit = 2 => [ + label ]        ; protected header only, each label present there
 * ```
 *
 * @throws {@link CoseError} `COSE_CRIT_MALFORMED`
 */
export function criticalLabels(message: Sign1): readonly Label[] {
  if (message.unprotectedHeader.has(LABEL.crit)) {
    throw new CoseError("COSE_CRIT_MALFORMED", "crit in the unprotected header");
  }
  if (!message.protectedHeader.has(LABEL.crit)) return [];
  const crit = message.protectedHeader.get(LABEL.crit);
  if (!isCborArray(crit) || crit.length === 0) {
    throw new CoseError("COSE_CRIT_MALFORMED", "crit is not an array or is empty");
  }
  return crit.map((label) => {
    if (typeof label !== "number" && typeof label !== "string") {
      throw new CoseError("COSE_CRIT_MALFORMED", "crit holds something else than labels");
    }
    if (!message.protectedHeader.has(label)) {
      throw new CoseError("COSE_CRIT_MALFORMED", "crit names a label that is not protected");
    }
    return label;
  });
}

/**
 * Refuses a message with a critical label that neither this library nor the caller processes
 * (RFC 9052 §3.1: "the receiver MUST treat it as a fatal error").
 *
 * @throws {@link CoseError} `COSE_CRIT_UNKNOWN`, `COSE_CRIT_MALFORMED`
 */
export function requireUnderstood(message: Sign1, understood: ReadonlySet<Label>): void {
  for (const label of criticalLabels(message)) {
    if (!PROCESSED.has(label) && !understood.has(label)) {
      const name = typeof label === "number" ? label.toString() : "of text";
      throw new CoseError("COSE_CRIT_UNKNOWN", `critical label ${name} is not understood`);
    }
  }
}
