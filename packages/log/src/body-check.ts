import { sha256 } from "@tallystick/merkle";

import { bodyKey, formatKey, isEqual } from "./layout.js";
import type { Survey } from "./survey.js";

// Bodies in one read; each may be as large as the log's owner allows.
const BODIES_AT_ONCE = 32;

/** Holds bodies against the entries that name them. */
export class BodyCheck {
  readonly #survey: Survey;
  // Owned by check.
  #count = 0;

  constructor(survey: Survey) {
    this.#survey = survey;
  }

  /** How many were found as they should be. */
  get count(): number {
    return this.#count;
  }

  async check(entries: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < entries.length; at += BODIES_AT_ONCE) {
      const some = entries.slice(at, at + BODIES_AT_ONCE);
      const bodies = await this.#survey.require(some.map(bodyKey));
      some.forEach((entry, i) => {
        const body = bodies[i];
        if (body === undefined) return;
        if (isEqual(sha256(body), entry)) this.#count++;
        else {
          const where = formatKey(bodyKey(entry));
          this.#survey.findings.add("mismatch", where, "does not hash to its entry");
        }
      });
    }
  }
}
