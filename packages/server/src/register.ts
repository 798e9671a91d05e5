import { LogError } from "@tallystick/log";
import type { Log, SequencedEntry } from "@tallystick/log";
import { Admission } from "@tallystick/policy";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";

import { encodeCollateral } from "./collateral.js";
import type { Policies } from "./policies.js";

/** What registration works with. */
export interface Registrar {
  readonly log: Log;
  readonly policies: Policies;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** How often a statement is admitted again when the policy changes under it. */
const MAX_ADMISSIONS = 5;

/**
 * Runs the whole way of a statement (RFC 9943 §6.3): decode, verify, admit, append.
 *
 * Resolves only when the entry is covered by a durable, published checkpoint (T20). A statement
 * that is logged already resolves to the entry that exists, whatever the policy says today.
 *
 * @throws StatementError, PolicyError for a refused statement; LogError when the log cannot take it
 */
export async function register(registrar: Registrar, bytes: Uint8Array): Promise<SequencedEntry> {
  const statement = SignedStatement.decode(bytes);
  const known = await registrar.log.sequenced(statement.entry);
  if (known !== undefined) return known;
  for (let admissions = 1; ; admissions++) {
    try {
      return await admitAndAppend(registrar, statement);
    } catch (error) {
      const isRaced = error instanceof LogError && error.code === "LOG_PRECONDITION_FAILED";
      if (!isRaced || admissions === MAX_ADMISSIONS) throw error;
    }
  }
}

async function admitAndAppend(
  { log, policies, now }: Registrar,
  statement: SignedStatement,
): Promise<SequencedEntry> {
  const inForce = await policies.inForce();
  const verified = await VerifiedStatement.verify(statement, inForce.policy);
  const admission = Admission.admit(verified, inForce, now()); // S17: policy before anything else
  return log.append(appendRequest(admission));
}

/** Makes the log's request out of an admission: the one way from statements into the log. */
export function appendRequest(admission: Admission): Parameters<Log["append"]>[0] {
  const { statement, policyEntry } = admission;
  return {
    entry: statement.entry,
    body: statement.normalised,
    collateral: encodeCollateral(admission),
    control: admission.nextPolicy !== undefined,
    // T12: refused by the sequencer when another policy has been committed meanwhile.
    ...(policyEntry === null ? {} : { precondition: policyEntry }),
  };
}
