import { celError, isCelError, plan } from "@bufbuild/cel";
import type { CelInput } from "@bufbuild/cel";

import { PolicyError } from "../error.js";
import { meteredEnv } from "./functions.js";
import { BudgetSpent, Meter } from "./meter.js";
import type { Shape } from "./shape.js";
import { parseExpression } from "./syntax.js";

/** What an expression sees: a value for each variable by name. */
export type Bindings = Readonly<Record<string, CelInput>>;

/** What came of an evaluation. */
export type Verdict =
  | { readonly holds: true }
  | {
      readonly holds: false;
      /** Why it is neither true nor false; left out when it is false. */
      readonly why?: string;
    };

/** Longest reason that an evaluation gives. */
const MAX_WHY = 200;

type Plan = (bindings: Bindings) => unknown;

/**
 * An expression of the Common Expression Language that is ready to be evaluated, at a bounded cost.
 * {@link CelProgram.compile} is the only way to get one.
 */
export class CelProgram {
  readonly #plan: Plan;
  #meter = new Meter();
  /** The variables that it may use, with what is known of them. */
  readonly variables: ReadonlyMap<string, Shape>;

  private constructor(expression: string, variables: ReadonlyMap<string, Shape>) {
    const parsed = parseExpression(expression, variables);
    this.variables = variables;
    this.#plan = plan(
      meteredEnv(() => this.#meter),
      parsed,
    );
  }

  /**
   * Parses an expression and finds unknown variables, members and functions, passed bounds (8 KiB,
   * 4,096 parts, 128 levels), and types that cannot fit, as far as the shapes of the variables tell
   * them: what is found would fail or be false for every statement.
   *
   * @throws {@link PolicyError} `POLICY_MALFORMED`
   */
  static compile(expression: string, variables: ReadonlyMap<string, Shape>): CelProgram {
    try {
      return new CelProgram(expression, variables);
    } catch (cause) {
      if (cause instanceof PolicyError) throw cause;
      const message = cause instanceof Error ? cause.message : "it cannot be planned";
      throw new PolicyError("POLICY_MALFORMED", [message.slice(0, MAX_WHY)], { cause });
    }
  }

  /**
   * Yields whether the expression holds for the bindings. Never throws: an error, a result that is
   * no boolean and a passed budget are refusals that say why. Reads no clock and no locale, and costs
   * the same everywhere (I9). The meter may have been charged before; a spent one decides nothing.
   */
  evaluate(bindings: Bindings, meter: Meter = new Meter()): Verdict {
    this.#meter = meter;
    // Without a prototype, so that no variable is found that is not bound.
    const own = Object.assign(Object.create(null) as Record<string, CelInput>, bindings);
    const result = this.#run(own);
    if (meter.isSpent) return { holds: false, why: new BudgetSpent().message };
    if (typeof result === "boolean") return result ? { holds: true } : { holds: false };
    if (isCelError(result)) return { holds: false, why: clip(result.message) };
    return { holds: false, why: "it yields neither true nor false" };
  }

  #run(bindings: Bindings): unknown {
    try {
      return this.#plan(bindings);
    } catch (error) {
      return celError(error);
    }
  }
}

function clip(message: string): string {
  return message.length > MAX_WHY ? `${message.slice(0, MAX_WHY)}…` : message;
}
