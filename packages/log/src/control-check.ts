import { controlKey, formatKey, isEqual, kindRange, KIND, numberOfKey } from "./layout.js";
import { decodeControl } from "./record.js";
import type { KeyRange } from "./store.js";
import type { Survey } from "./survey.js";

/** Follows the control rows: each names the entry logged there, and the control entry before it. */
export class ControlCheck {
  readonly #survey: Survey;
  // Owned by check.
  #previous: number | undefined;
  #count = 0;

  private constructor(survey: Survey, previous: number | undefined) {
    this.#survey = survey;
    this.#previous = previous;
  }

  /**
   * Begins with the rows from an index on; those before it were checked.
   *
   * @throws {@link LogError} `LOG_UNAVAILABLE`
   */
  static async from(survey: Survey, index: number): Promise<ControlCheck> {
    const { from } = kindRange(KIND.control);
    const range = { from, before: controlKey(index), isReversed: true, limit: 1 };
    for await (const key of survey.keys(range)) {
      return new ControlCheck(survey, survey.decode(key, key, numberOfKey));
    }
    return new ControlCheck(survey, undefined);
  }

  /** How many rows were looked at. */
  get count(): number {
    return this.#count;
  }

  /** Checks the rows of a range, which follows the one before. */
  async check(
    range: KeyRange,
    entryAt: (index: number) => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    for await (const key of this.#survey.keys(range)) {
      this.#count++;
      await this.#checkOne(key, entryAt);
    }
  }

  /** The newest row must be that of an index. */
  requireNewest(index: number): void {
    if (this.#previous === index) return;
    const kind = (this.#previous ?? -1) < index ? "missing" : "unexpected";
    const where = formatKey(controlKey(index));
    this.#survey.findings.add(kind, where, "is the newest, says the head");
  }

  async #checkOne(
    key: Uint8Array,
    entryAt: (index: number) => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    const { findings } = this.#survey;
    const index = this.#survey.decode(key, key, numberOfKey);
    const [payload] = await this.#survey.require([key]);
    const control = payload && this.#survey.decode(key, payload, decodeControl);
    if (index === undefined || control === undefined) return;
    if (!isEqual(key, controlKey(index))) {
      findings.add("unexpected", formatKey(key), "row of unknown kind");
      return;
    }
    const logged = await entryAt(index);
    if (logged === undefined || !isEqual(logged, control.entry)) {
      findings.add("mismatch", formatKey(key), "is not the entry logged there");
    }
    const previous = this.#previous;
    if (control.previousIndex > (previous ?? -1) && control.previousIndex < index) {
      const where = formatKey(controlKey(control.previousIndex));
      findings.add("missing", where, `control ${index} follows it`);
    } else if (control.previousIndex !== (previous ?? index)) {
      findings.add("mismatch", formatKey(key), `follows ${control.previousIndex}`);
    }
    this.#previous = index;
  }
}
