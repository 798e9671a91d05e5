import { isCelList, isCelMap } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";

/**
 * What the rules of a policy may cost for one statement, all together; a unit is at least the work of
 * comparing two numbers.
 */
export const COST_BUDGET = 600_000;

/** Characters or bytes that are read for one unit. */
const CHUNK = 16;

/** Says that the rules have spent their budget; never leaves a rule. */
export class BudgetSpent extends Error {
  constructor(message = `the rules cost more than ${COST_BUDGET} units to evaluate`) {
    super(message);
    this.name = "BudgetSpent";
  }
}

/** Counts what the rules cost for one statement: the same for the same rules and facts, on every machine. */
export class Meter {
  #left = COST_BUDGET;

  get isSpent(): boolean {
    return this.#left < 0;
  }

  /** Charges before the work is done. Throws {@link BudgetSpent}, with the message if there is one. */
  charge(units: number, message?: string): void {
    this.#left -= units;
    if (this.#left < 0) throw new BudgetSpent(message);
  }

  /** Charges for a value that is read from end to end; what it contains counts with its length. */
  chargeDeep(value: CelValue): void {
    this.charge(1 + lengthOf(value));
    if (isCelList(value)) {
      for (const item of value) this.chargeDeep(item);
    } else if (isCelMap(value)) {
      for (const [key, item] of value) {
        this.chargeDeep(key);
        this.chargeDeep(item);
      }
    }
  }
}

/** Yields the units for the outermost layer of a value: its elements, or its characters in chunks. */
export function lengthOf(value: CelValue | undefined): number {
  if (typeof value === "string" || value instanceof Uint8Array) {
    return Math.ceil(value.length / CHUNK);
  }
  return isCelList(value) || isCelMap(value) ? value.size : 0;
}
