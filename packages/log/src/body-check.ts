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

  /** Checks those of neighbouring entries, the first of which stands at an index. */
  async check(entries: readonly Uint8Array[], first: number): Promise<void> {
    for (let at = 0; at < entries.length; at += BODIES_AT_ONCE) {
      const some = entries.slice(at, at + BODIES_AT_ONCE);
      const keys = some.map((_entry, i) => bodyKey(first + at + i));
      const bodies = await this.#survey.require(keys);
      keys.forEach((key, i) => {
        const [body, entry] = [bodies[i], some[i]];
        if (body === undefined || entry === undefined) return;
        if (isEqual(sha256(body), entry)) this.#count++;
        else this.#survey.findings.add("mismatch", formatKey(key), "does not hash to its entry");
      });
    }
  }
}
