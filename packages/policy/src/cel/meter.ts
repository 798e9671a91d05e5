import { isCelList, isCelMap } from "@bufbuild/cel";
import type { CelValue } from "@bufbuild/cel";

/** What one evaluation of an expression may cost; a unit is about the work of comparing two numbers. */
export const COST_BUDGET = 1_000_000;

/** Characters or bytes that are read for one unit. */
const CHUNK = 16;

/** Says that an evaluation has spent its budget; never leaves this folder. */
export class BudgetSpent extends Error {
  constructor() {
    super(`it costs more than ${COST_BUDGET} units to evaluate`);
    this.name = "BudgetSpent";
  }
}

/** Counts what one evaluation costs: the same for the same expression and facts, on every machine. */
export class Meter {
  #left = COST_BUDGET;

  get isSpent(): boolean {
    return this.#left < 0;
  }

  /** Charges before the work is done. Throws {@link BudgetSpent}. */
  charge(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new BudgetSpent();
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
