import type { VerifiedStatement } from "@tallystick/statement";

import { isObject, listOf, malformed, membersOf, textOf } from "./member.js";

/** A rule in JSON: an expression, or a ready rule with its parameters. */
export type RuleDocument =
  | { readonly name: string; readonly cel: string; readonly reason: string }
  | {
      readonly name: string;
      readonly use: string;
      readonly with: object;
      readonly reason?: string;
    };

/** What rules are asked about. */
export interface Facts {
  readonly verified: VerifiedStatement;
  readonly time: number;
}

/** A compiled rule. */
export interface Rule {
  readonly name: string;
  /** Yields why the rule refuses, `undefined` when it does not. */
  refusal(facts: Facts): string | undefined;
}

/** Yields what rules see of a statement. */
export function factsOf(verified: VerifiedStatement, time: number): Facts {
  return { verified, time };
}

/** A rule that no compiler is there for refuses everything. */
export function compileRule(document: RuleDocument): Rule {
  const reason = document.reason ?? "refused";
  return { name: document.name, refusal: () => reason };
}

/**
 * Yields the rules of a list that names each once.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function ruleDocumentsOf(value: unknown, where: string): readonly RuleDocument[] {
  const seen = new Set<string>();
  return listOf(value, where).map((item, position) => {
    const place = `${where}[${position}]`;
    const document = ruleDocumentOf(item, place);
    if (seen.has(document.name)) throw malformed(`${place}.name is listed twice`);
    seen.add(document.name);
    return document;
  });
}

function ruleDocumentOf(value: unknown, where: string): RuleDocument {
  const isExpression = isObject(value) && Object.hasOwn(value, "cel");
  const members = isExpression
    ? membersOf(value, where, { required: ["name", "cel", "reason"] })
    : membersOf(value, where, { required: ["name", "use", "with"], optional: ["reason"] });
  const name = textOf(members["name"], `${where}.name`, { min: 1, max: 64 });
  const reason =
    members["reason"] === undefined
      ? undefined
      : textOf(members["reason"], `${where}.reason`, { min: 1, max: 256 });
  if (isExpression) {
    const cel = textOf(members["cel"], `${where}.cel`, { min: 1, max: 16_384 });
    return { name, cel, reason: reason ?? "" };
  }
  const parameters = members["with"];
  if (!isObject(parameters)) throw malformed(`${where}.with is not an object`);
  const use = textOf(members["use"], `${where}.use`, { min: 1, max: 64 });
  return { name, use, with: parameters, ...(reason === undefined ? {} : { reason }) };
}
