import { PrivateKey } from "@tallystick/cose";
import {
  Admission,
  PolicyError,
  PolicyState,
  isOperatorStatement,
  signPolicy,
} from "@tallystick/policy";
import { SignedStatement, StatementError, VerifiedStatement } from "@tallystick/statement";

import type { FirstPolicy } from "./policy-file.js";

/** What a policy would say to a statement; without reasons it is admitted. */
export interface Trial {
  /** `undefined` where it is no statement. */
  readonly entryId: string | undefined;
  /** Who it says has signed it. */
  readonly issuer: string | undefined;
  readonly reasons: readonly string[];
}

const STAND_IN = "https://policy-test.invalid";

/** Tries a policy on statements, as if it were in force; nothing is registered. */
export class PolicyTrial {
  readonly #state: PolicyState;

  private constructor(state: PolicyState) {
    this.#state = state;
  }

  /**
   * Puts the policy in force on a log that there is not, with an operator of its own.
   *
   * @throws PolicyError `POLICY_MALFORMED`
   */
  static async begin(policy: FirstPolicy): Promise<PolicyTrial> {
    const operator = await PrivateKey.generate("ES256");
    const standIn = { iss: STAND_IN, keys: [operator.publicKey.toJwk()] };
    const first = { ...policy(standIn), approvals: 1, operators: [standIn] };
    const signed = await signPolicy(first, { issuer: STAND_IN, issuedAt: 0 }, operator);
    const admission = await Admission.bootstrap(SignedStatement.decode(signed), 0);
    return new PolicyTrial(PolicyState.genesis(admission));
  }

  /** Yields what the policy says to a statement that arrives at `time`. */
  async judge(bytes: Uint8Array, time: number): Promise<Trial> {
    let named: Omit<Trial, "reasons"> = { entryId: undefined, issuer: undefined };
    try {
      const statement = SignedStatement.decode(bytes, { isSubjectOptional: true });
      named = { entryId: statement.entryId, issuer: statement.claims.issuer };
      if (isOperatorStatement(statement)) {
        return { ...named, reasons: ["operator: changes of the policy are not tried"] };
      }
      const { policy } = this.#state.inForce;
      const verified = await VerifiedStatement.verify(statement, policy, { time });
      Admission.admit(verified, this.#state, time);
      return { ...named, reasons: [] };
    } catch (error) {
      if (error instanceof PolicyError) return { ...named, reasons: error.reasons };
      if (error instanceof StatementError) return { ...named, reasons: [error.message] };
      throw error;
    }
  }
}
