/** What a device or a deployment may do with the firmware. */
export type Decision = "allow" | "deny" | "manual";

/** What a decision rests on, by statement, rule and value. */
export interface Reason {
  readonly decision: Decision;
  readonly rule: string;
  /** EntryID; `undefined` of what no statement says. */
  readonly statement: string | undefined;
  readonly value: string;
}

const ORDER: readonly Decision[] = ["allow", "manual", "deny"];

export function worseOf(one: Decision, other: Decision): Decision {
  return ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other;
}

/** Yields the worst decision of the reasons, `allow` of none. */
export function worst(reasons: readonly Reason[]): Decision {
  return reasons.reduce<Decision>(
    (decision, reason) => worseOf(decision, reason.decision),
    "allow",
  );
}

/** Yields reasons of which none denies: what rests on something that is not there, and may be yet. */
export function softened(reasons: readonly Reason[]): readonly Reason[] {
  return reasons.map((reason) =>
    reason.decision === "deny" ? { ...reason, decision: "manual" } : reason,
  );
}
