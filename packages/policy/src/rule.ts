import type { ReviewKey } from "@tallystick/content";

import { BudgetSpent, Meter } from "./cel/meter.js";
import { CelProgram, type Verdict } from "./cel/program.js";
import { PolicyError } from "./error.js";
import { FACT_SHAPES } from "./fact-shapes.js";
import type { Facts } from "./facts.js";
import { malformed, reader } from "./member.js";
import type { RimAuthorities } from "./rim-signature.js";
import { Parameters, isRecord, malformedRule, quote } from "./rules/parameters.js";
import { READY_RULES } from "./rules/ready.js";
import type { Check, AskingCheck, ReadyRule, ReadyRuleName } from "./rules/ready.js";

/** A rule whose condition is an expression of CEL over the facts. */
export interface CelRuleDocument {
  readonly name: string;
  /** True for statements that pass. */
  readonly cel: string;
  /** For the person refused. */
  readonly reason: string;
}

/** A ready rule with its parameters. */
export interface ReadyRuleDocument {
  readonly name: string;
  readonly use: ReadyRuleName;
  readonly with: Readonly<Record<string, unknown>>;
  /** In the place of the rule's own reason. */
  readonly reason?: string;
}

/** A rule as it stands in a policy; docs/formats/rules.md describes it. */
export type RuleDocument = CelRuleDocument | ReadyRuleDocument;

/** A rule that is ready to judge statements. Immutable; it holds nothing of what it has judged. */
export interface Rule {
  readonly name: string;
  /**
   * Yields why a statement is refused, `undefined` when it passes. Never throws, and reads nothing
   * else (I9). The rules of a policy share a meter for each statement; without one, a rule has the
   * whole budget.
   */
  readonly refusal: (facts: Facts, meter?: Meter) => string | undefined;
  /** Keys of review providers that it asks about; none for most rules. */
  readonly reviewKeys: readonly ReviewKey[];
  /** Who may sign manifests; nobody for most rules. */
  readonly rimAuthorities: RimAuthorities;
  /** Whether it asks if a bill of materials is as its schema has it. */
  readonly asksForSchema: boolean;
}

const NOBODY: RimAuthorities = { keys: [], anchors: [] };

/** Longest reason in a policy, in characters. */
const MAX_REASON = 500;

/**
 * Parses a rule as it stands in JSON. Unknown members are refused, so that what a later format means
 * by them is never silently left out.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`, with the name of the rule and what is wrong
 */
export function parseRule(value: unknown, where = "rule"): RuleDocument {
  if (!isRecord(value)) throw new PolicyError("POLICY_MALFORMED", [`${where} is not an object`]);
  const name = nameOf(value["name"], where);
  const isReady = Object.hasOwn(value, "use");
  requireMembers(name, value, isReady);
  if (isReady) {
    const { use, reason } = value;
    const parameters = value["with"];
    if (typeof use !== "string" || !isReadyRuleName(use)) {
      throw malformedRule(name, `use is not one of ${Object.keys(READY_RULES).join(", ")}`);
    }
    if (!isRecord(parameters)) throw malformedRule(name, "with is not an object");
    const document = { name, use, with: parameters };
    return reason === undefined ? document : { ...document, reason: reasonOf(name, reason) };
  }
  const { cel, reason } = value;
  if (typeof cel !== "string") throw malformedRule(name, "cel is not a text");
  return { name, cel, reason: reasonOf(name, reason) };
}

/**
 * Parses the rules of a list that names each once.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function ruleDocumentsOf(value: unknown, where: string): readonly RuleDocument[] {
  const seen = new Set<string>();
  return reader.eachOf(reader.listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const document = ruleAt(item, place);
    if (seen.has(document.name)) throw malformed(`${place}.name is listed twice`);
    seen.add(document.name);
    return document;
  });
}

function ruleAt(value: unknown, where: string): RuleDocument {
  try {
    return parseRule(value, "its rule");
  } catch (cause) {
    if (!(cause instanceof PolicyError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
}

/**
 * Compiles a rule: whatever is wrong with it is found here, and not when a statement comes.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`, with the name of the rule and what is wrong
 */
export function compileRule(document: RuleDocument): Rule {
  const parsed = parseRule(document);
  return Object.freeze("cel" in parsed ? compileCel(parsed) : compileReady(parsed));
}

function compileCel({ name, cel, reason }: CelRuleDocument): Rule {
  const program = compileExpression(name, cel);
  // Nobody pays for content that no expression can name; a member of that name is no harm.
  const asksForContent = /\bcontent\b/.test(cel);
  return {
    name,
    reviewKeys: [],
    rimAuthorities: NOBODY,
    asksForSchema: false,
    refusal: (facts, meter = new Meter()) => {
      const verdict = deciding(() => {
        const bindings = asksForContent ? facts.bindingsWithContent(meter) : facts.bindings;
        return program.evaluate(bindings, meter);
      });
      if (verdict.holds) return undefined;
      const why = verdict.why === undefined ? reason : `cannot be decided: ${verdict.why}`;
      return `rule ${name}: ${why}`;
    },
  };
}

function deciding(decide: () => Verdict): Verdict {
  try {
    return decide();
  } catch (error) {
    if (!(error instanceof BudgetSpent)) throw error;
    return { holds: false, why: error.message };
  }
}

function compileExpression(name: string, expression: string): CelProgram {
  try {
    return CelProgram.compile(expression, FACT_SHAPES);
  } catch (cause) {
    if (!(cause instanceof PolicyError)) throw cause;
    throw malformedRule(name, `cel: ${cause.message}`, { cause });
  }
}

function compileReady({ name, use, with: values, reason }: ReadyRuleDocument): Rule {
  const ready: ReadyRule = READY_RULES[use];
  const {
    check,
    reviewKeys = [],
    rimAuthorities = NOBODY,
    asksForSchema = false,
  } = compiled(ready.compile(new Parameters(name, values, ready.parameters)));
  return {
    name,
    reviewKeys,
    rimAuthorities,
    asksForSchema,
    refusal: (facts, meter = new Meter()) => {
      try {
        const found = check(facts, meter);
        return found === undefined ? undefined : `rule ${name}: ${reason ?? found}`;
      } catch (error) {
        if (!(error instanceof BudgetSpent)) throw error;
        return `rule ${name}: cannot be decided: ${error.message}`;
      }
    },
  };
}

function compiled(check: Check | AskingCheck): AskingCheck {
  return typeof check === "function" ? { check } : check;
}

function isReadyRuleName(use: string): use is ReadyRuleName {
  return Object.hasOwn(READY_RULES, use);
}

function nameOf(value: unknown, where: string): string {
  if (typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) return value;
  throw new PolicyError("POLICY_MALFORMED", [
    `${where}: name is not 1 to 64 letters, digits, dots, hyphens and underscores`,
  ]);
}

function reasonOf(name: string, value: unknown): string {
  if (typeof value === "string" && value.length <= MAX_REASON && /^[^\p{C}]+$/u.test(value)) {
    return value;
  }
  throw malformedRule(name, `reason is not a printable text of 1 to ${MAX_REASON} characters`);
}

function requireMembers(name: string, value: object, isReady: boolean): void {
  const members = isReady ? ["name", "use", "with", "reason"] : ["name", "cel", "reason"];
  const unknown = Object.keys(value).find((member) => !members.includes(member));
  if (unknown !== undefined) {
    throw malformedRule(name, `unknown member ${quote(unknown)}, want ${members.join(", ")}`);
  }
}
