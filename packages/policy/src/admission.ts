import type { Content } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import { StatementError, VerifiedStatement, requireBinding } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

import { parseApproval } from "./approval.js";
import { Meter } from "./cel/meter.js";
import { PolicyError } from "./error.js";
import { previousIn } from "./document.js";
import { Policy, isOperatorStatement, isPolicyStatement } from "./policy.js";
import { factsOf } from "./facts.js";
import type { PolicyState } from "./state.js";

/** What an operator's statement does to the policy. */
export type PolicyChange =
  | { readonly kind: "proposal"; readonly operator: string; readonly policy: Policy }
  | { readonly kind: "approval"; readonly operator: string; readonly proposal: string };

/** What a decision rests on, beside the statement, and what was read for it. */
interface Grounds {
  readonly time: number;
  readonly policyEntry: Uint8Array | null;
  readonly control: Uint8Array | null;
  readonly change: PolicyChange | undefined;
  readonly content: Content | undefined;
}

/**
 * A decision to register a statement. {@link Admission.admit} and {@link Admission.bootstrap} are
 * the only ways to get one, so nothing unverified or refused can be appended.
 */
export class Admission {
  readonly #admitted = true;
  readonly statement: SignedStatement;
  /**
   * The control entry that put the policy in force that admitted it, recorded with the entry so
   * that the decision can be replayed; `null` for the first policy.
   */
  readonly policyEntry: Uint8Array | null;
  /** When, in seconds since the epoch; recorded too. */
  readonly time: number;
  /**
   * The newest control entry that the decision knew of; `null` for the first. Where another one was
   * sequenced since, the decision has to be made again.
   */
  readonly control: Uint8Array | null;
  /** What it does to the policy, when it is an operator's. */
  readonly change: PolicyChange | undefined;
  /** What the payload is, where a rule has asked; whoever wants to know does not read it again. */
  readonly content: Content | undefined;
  /** Certificates that have to be recorded, since the statement on the log does not keep them. */
  readonly chain: readonly Uint8Array[] | undefined;

  private constructor(
    { statement, chain }: VerifiedStatement,
    { time, policyEntry, control, change, content }: Grounds,
  ) {
    this.statement = statement;
    this.policyEntry = policyEntry;
    this.time = time;
    this.control = control;
    this.change = change;
    this.content = content;
    this.chain = chain;
    Object.freeze(this);
  }

  static is(value: object): value is Admission {
    return #admitted in value;
  }

  /** Whether it is a control entry: one that later decisions depend on. */
  get isControl(): boolean {
    return this.change !== undefined;
  }

  /**
   * Admits a verified statement under the policy in force (T8, T12), or refuses with every reason.
   *
   * Pure: the same statement, state and time give the same decision (I9).
   *
   * @throws {@link PolicyError} `POLICY_REJECTED`, `POLICY_MALFORMED` when the statement proposes a
   * broken policy or is a broken approval, `POLICY_STALE` when the proposal replaces a policy no
   * longer in force or was made before, or the approval is of no open proposal
   */
  static admit(verified: VerifiedStatement, state: PolicyState, time: number): Admission {
    const { policy, entry } = state.inForce;
    const { reasons, content } = judge(verified, policy, time);
    requireNone(reasons); // T8
    const change = changeOf(verified.statement, state);
    const grounds = { time, policyEntry: entry, control: state.control, change, content };
    return new Admission(verified, grounds);
  }

  /**
   * Admits the first statement of a log: a policy, signed by an operator that it names (T14 b).
   * Nobody else has to approve it.
   *
   * @throws {@link PolicyError} `POLICY_MALFORMED`, `POLICY_STALE`, `POLICY_REJECTED`;
   * StatementError when the signature does not hold
   */
  static async bootstrap(statement: SignedStatement, time: number): Promise<Admission> {
    if (!isPolicyStatement(statement)) {
      throw new PolicyError("POLICY_MALFORMED", ["the first statement of a log is a policy"]);
    }
    const policy = Policy.parse(payloadOf(statement));
    // T14: the first policy vouches for the operator who signs it, and nobody for the policy.
    const verified = await VerifiedStatement.verify(statement, policy, { time });
    const { reasons, content } = judge(verified, policy, time);
    requireNone(reasons);
    requirePrevious(policy.document.previous, null);
    const change: PolicyChange = { kind: "proposal", operator: statement.claims.issuer, policy };
    return new Admission(verified, { time, policyEntry: null, control: null, change, content });
  }
}

interface Judgement {
  /** Every reason against a statement; empty when the policy admits it. */
  readonly reasons: readonly string[];
  readonly content: Content | undefined;
}

function judge(verified: VerifiedStatement, policy: Policy, time: number): Judgement {
  const { statement } = verified;
  // Operators' statements are exempt from the rules for statements: a policy that left out their
  // algorithm, or allowed too few bytes, could otherwise never be changed again.
  const isExempt = isOperatorStatement(statement);
  const ruled = isExempt ? NOT_RULED : judgeByRules(verified, policy, time);
  const reasons = [
    ...(isExempt ? [] : termRefusals(statement, policy)),
    ...subjectRefusals(statement, policy),
    ...identityRefusals(verified, policy, time),
    ...policy.termRefusals(verified, time),
    ...ruled.reasons,
  ];
  return { reasons, content: ruled.content };
}

function termRefusals(statement: SignedStatement, { document }: Policy): readonly string[] {
  const { algorithms, contentTypes, maxStatementBytes } = document;
  const reasons: string[] = [];
  // T18: what is judged stands in the protected header.
  if (!algorithms.includes(statement.algorithm.name)) {
    reasons.push(`algorithm: ${statement.algorithm.name} is not accepted`);
  }
  const type = statement.hashEnvelope?.preimageContentType ?? statement.contentType;
  if (contentTypes !== undefined && (type === undefined || !contentTypes.includes(type))) {
    reasons.push(`contentType: ${type === undefined ? "none" : "this one"} is not accepted`);
  }
  const { length } = statement.normalised;
  if (length > maxStatementBytes) {
    reasons.push(`size: ${length} bytes, at most ${maxStatementBytes} are accepted`);
  }
  return reasons;
}

// IS7: a policy may let statements pass that have no subject; by default none does.
function subjectRefusals({ claims }: SignedStatement, policy: Policy): readonly string[] {
  if (claims.subject !== undefined || policy.isSubjectOptional) return [];
  return ["subject: claim sub (2) is missing"];
}

// The signature may have been checked under an earlier policy, and at an earlier time.
function identityRefusals(
  { statement, identity }: VerifiedStatement,
  policy: Policy,
  time: number,
): readonly string[] {
  const { key } = identity;
  const listed = policy.resolve(statement);
  if (listed !== undefined) {
    const isSame = listed.thumbprintHex === key.thumbprintHex;
    if (!isSame || !listed.fits(statement.algorithm)) return [UNKNOWN_KEY];
  }
  // T7: certificates and DIDs vouch for issuers; operators are named by the policy alone.
  if (isOperatorStatement(statement) || identity.kind === "key") {
    return listed === undefined ? [UNKNOWN_KEY] : [];
  }
  if (identity.kind === "did") {
    if (listed !== undefined || policy.selfContained.has(identity.method)) return [];
    return [`issuer: the policy in force does not take issuers by ${identity.method}`];
  }
  const { path } = identity;
  const reasons = path.certificates
    .filter(({ notBefore, notAfter }) => time < notBefore || time > notAfter)
    .map(({ label }) => `certificate: ${label} is not valid at the time of registration`);
  try {
    requireBinding(statement.claims.issuer, path, policy.anchors);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    reasons.push(`issuer: ${cause.message}`);
  }
  return reasons;
}

const UNKNOWN_KEY = "issuer: the policy in force has no such key for this iss and kid";

const NOT_RULED: Judgement = { reasons: [], content: undefined };

function judgeByRules(verified: VerifiedStatement, { rules }: Policy, time: number): Judgement {
  if (rules.length === 0) return NOT_RULED;
  const facts = factsOf(verified, time);
  // One budget for all, in the order of the policy, so that a statement costs no more for many rules.
  const meter = new Meter();
  const reasons = rules.flatMap((rule) => {
    const reason = rule.refusal(facts, meter);
    return reason === undefined ? [] : [reason];
  });
  return { reasons, content: facts.contentRead };
}

function requireNone(reasons: readonly string[]): void {
  if (reasons.length > 0) throw new PolicyError("POLICY_REJECTED", reasons);
}

function changeOf(statement: SignedStatement, state: PolicyState): PolicyChange | undefined {
  if (!isOperatorStatement(statement)) return undefined;
  const operator = statement.claims.issuer;
  return isPolicyStatement(statement)
    ? { kind: "proposal", operator, policy: proposedPolicy(statement, state) }
    : { kind: "approval", operator, proposal: approvedProposal(statement, state) };
}

function proposedPolicy(statement: SignedStatement, state: PolicyState): Policy {
  if (state.wasProposed(statement)) {
    throw new PolicyError("POLICY_STALE", [
      "statement: the operator has signed the same proposal before, sign it with another iat",
    ]);
  }
  const payload = payloadOf(statement);
  const inForce = encodeHex(state.inForce.entry);
  // To read the rest of a policy takes long, and whoever sends an old one again is not to have it read.
  requirePrevious(previousIn(payload), inForce);
  return Policy.parse(payload);
}

function approvedProposal(statement: SignedStatement, state: PolicyState): string {
  const { proposal } = parseApproval(payloadOf(statement));
  const open = state.proposals.get(proposal);
  if (open === undefined) {
    throw new PolicyError("POLICY_STALE", [`proposal: ${proposal} does not wait for approvals`]);
  }
  if (open.approvers.has(statement.claims.issuer)) {
    throw new PolicyError("POLICY_REJECTED", ["proposal: this operator has approved it before"]);
  }
  return proposal;
}

function requirePrevious(previous: string | null | undefined, inForce: string | null): void {
  if (previous === undefined || previous === inForce) return;
  throw new PolicyError("POLICY_STALE", [
    `previous: the policy in force is ${inForce ?? "none"}, fetch it and propose again`,
  ]);
}

function payloadOf({ payload }: SignedStatement): Uint8Array {
  if (payload !== null) return payload;
  throw new StatementError("STATEMENT_PAYLOAD_MISSING", "payload is detached");
}
