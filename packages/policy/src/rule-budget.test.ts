import { describe, expect, test } from "@jest/globals";
import { VerifiedStatement } from "@tallystick/statement";

import { Admission } from "./admission.js";
import { COST_BUDGET } from "./cel/meter.js";
import type { RuleDocument } from "./rule.js";
import { refusal } from "./testing/refusal.js";
import { TIME, bytesOf, stateWith, statement } from "./testing/sample.js";

const SPENT = `cannot be decided: the rules cost more than ${COST_BUDGET} units to evaluate`;
const LARGE = "cannot be decided: the payload is too large for the schema";

/** Decides on a payload of JSON under the rules. */
async function decide(rules: readonly RuleDocument[], payload: unknown): Promise<() => Admission> {
  const state = await stateWith({ rules });
  const signed = await statement({ payload: bytesOf(payload) });
  const verified = await VerifiedStatement.verify(signed, state.inForce.policy);
  return () => Admission.admit(verified, state, TIME);
}

/** Rules that are alike but for their names. */
const many = (count: number, rule: (name: string) => RuleDocument): readonly RuleDocument[] =>
  Array.from({ length: count }, (_, position) => rule(`r${position}`));

const loops = (name: string): RuleDocument => ({
  name,
  cel: "payload.all(n, n >= 0)",
  reason: name,
});
const patterns = (name: string): RuleDocument => ({
  name,
  use: "subject",
  with: { pattern: "(?i)board [0-9]|x{900}|y{900}|z{900}" },
});
const schemas = (name: string): RuleDocument => ({
  name,
  use: "payloadSchema",
  with: {
    contentTypes: ["application/json"],
    schema: {
      type: "array",
      items: { allOf: Array.from({ length: 20 }, () => ({ type: "integer" })) },
    },
  },
});

const numbers = (length: number): readonly number[] => Array.from({ length }, (_, n) => n);

describe("the rules of a policy share one budget for each statement:", () => {
  // As many expressions and patterns as a policy can have rules; of schemas a few are too much.
  test.each([
    ["expressions", { count: 64, rule: loops, length: 5000 }, SPENT],
    ["patterns", { count: 64, rule: patterns, length: 5000 }, SPENT],
    ["schemas", { count: 16, rule: schemas, length: 20_000 }, LARGE],
  ])("%s", async (_, { count, rule, length }, why) => {
    const admit = await decide(many(count, rule), numbers(length));
    const { reasons } = refusal(admit);
    expect(reasons.at(-1)).toBe(`rule r${count - 1}: ${why}`);
    // The first is decided, for itself: it is together that they cost too much.
    expect(reasons).not.toContain(`rule r0: ${why}`);
    expect(reasons.length).toBeLessThan(count);
    // Nothing is left of the budget of a decision in the next one (I9).
    expect(refusal(admit).reasons).toEqual(reasons);
  });

  test("a few rules are all decided", async () => {
    const admit = await decide([loops("a"), schemas("b"), patterns("c")], numbers(100));
    expect(admit()).toBeInstanceOf(Admission);
  });
});
