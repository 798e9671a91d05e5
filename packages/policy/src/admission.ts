import { encodeHex } from "@tallystick/cose";
import { StatementError, VerifiedStatement } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

import { PolicyError } from "./error.js";
import { Policy, isPolicyStatement } from "./policy.js";

/** The policy that decides, with the entry that it was registered as. */
export interface PolicyInForce {
  readonly policy: Policy;
  /** 32 bytes; `null` only while the first policy is being admitted. */
  readonly entry: Uint8Array | null;
}

/**
 * A decision to register a statement. {@link Admission.admit} and {@link Admission.bootstrap} are
 * the only ways to get one, so nothing unverified or refused can be appended.
 */
export class Admission {
  readonly #admitted = true;
  readonly statement: SignedStatement;
  /** The policy that admitted it, recorded with the entry so that the decision can be replayed. */
  readonly policyEntry: Uint8Array | null;
  /** When, in seconds since the epoch; recorded too. */
  readonly time: number;
  /** The policy that takes effect with the next entry, when the statement proposes one. */
  readonly nextPolicy: Policy | undefined;

  private constructor(
    statement: SignedStatement,
    { entry }: PolicyInForce,
    outcome: { readonly time: number; readonly nextPolicy: Policy | undefined },
  ) {
    this.statement = statement;
    this.policyEntry = entry;
    this.time = outcome.time;
    this.nextPolicy = outcome.nextPolicy;
    Object.freeze(this);
  }

  static is(value: object): value is Admission {
    return #admitted in value;
  }

  /**
   * Admits a verified statement under the policy in force (T8, T12), or refuses with every reason.
   *
   * Pure: the same statement, policy and time give the same decision (I9).
   *
   * @throws {@link PolicyError} `POLICY_REJECTED`, `POLICY_MALFORMED` when the statement proposes a
   * broken policy, `POLICY_STALE` when the proposal replaces a policy no longer in force
   */
  static admit(verified: VerifiedStatement, inForce: PolicyInForce, time: number): Admission {
    const { statement, key } = verified;
    // Operators' proposals are exempt from the rules for statements: a policy that left out their
    // algorithm, or allowed too few bytes, could otherwise never be changed again.
    const reasons = isPolicyStatement(statement) ? [] : refusals(statement, inForce.policy);
    // The signature may have been checked under an earlier policy that still knew the key.
    const resolved = inForce.policy.resolve(statement);
    if (
      resolved === undefined ||
      encodeHex(resolved.thumbprint()) !== encodeHex(key.thumbprint()) ||
      !resolved.fits(statement.algorithm)
    ) {
      reasons.push("issuer: the policy in force has no such key for this iss and kid");
    }
    if (reasons.length > 0) throw new PolicyError("POLICY_REJECTED", reasons);
    const nextPolicy = isPolicyStatement(statement) ? proposal(statement, inForce) : undefined;
    return new Admission(statement, inForce, { time, nextPolicy });
  }

  /**
   * Admits the first statement of a log: a policy, signed by an operator that it names (T14 b).
   *
   * @throws {@link PolicyError} `POLICY_MALFORMED`, `POLICY_STALE`;
   * StatementError when the signature does not hold
   */
  static async bootstrap(statement: SignedStatement, time: number): Promise<Admission> {
    if (!isPolicyStatement(statement)) {
      throw new PolicyError("POLICY_MALFORMED", ["the first statement of a log is a policy"]);
    }
    const policy = Policy.parse(payloadOf(statement));
    const verified = await VerifiedStatement.verify(statement, policy);
    return Admission.admit(verified, { policy, entry: null }, time);
  }
}

function refusals(statement: SignedStatement, { document }: Policy): string[] {
  const reasons: string[] = [];
  // T18: what is judged stands in the protected header.
  if (!document.algorithms.includes(statement.algorithm.name)) {
    reasons.push(`algorithm: ${statement.algorithm.name} is not accepted`);
  }
  const { length } = statement.normalised;
  if (length > document.maxStatementBytes) {
    reasons.push(`size: ${length} bytes, at most ${document.maxStatementBytes} are accepted`);
  }
  return reasons;
}

function proposal(statement: SignedStatement, { entry }: PolicyInForce): Policy {
  const next = Policy.parse(payloadOf(statement));
  const inForce = entry === null ? null : encodeHex(entry);
  if (next.document.previous === inForce) return next;
  throw new PolicyError("POLICY_STALE", [
    `previous: the policy in force is ${inForce ?? "none"}, fetch it and propose again`,
  ]);
}

function payloadOf({ payload }: SignedStatement): Uint8Array {
  if (payload !== null) return payload;
  throw new StatementError("STATEMENT_PAYLOAD_MISSING", "payload is detached");
}
