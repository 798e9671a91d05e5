import { isHeadStatement } from "@tallystick/catalog";
import type { IndexedLog } from "@tallystick/catalog";
import { LogError } from "@tallystick/log";
import type { AppendRequest, Log, SequencedEntry } from "@tallystick/log";
import { Admission, PolicyState, isOperatorStatement } from "@tallystick/policy";
import { SignedStatement, StatementError, VerifiedStatement } from "@tallystick/statement";

import { encodeCollateral } from "./collateral.js";
import { ServerError } from "./error.js";
import type { Policies } from "./policies.js";
import type { RecentStatements } from "./search/recent.js";

/** What registration works with. */
export interface Registrar {
  readonly log: Log;
  readonly policies: Policies;
  /** Seconds since the epoch. */
  readonly now: () => number;
  /** Why the writer is held, `undefined` where it is not. */
  readonly held: () => string | undefined;
  /** The log whose heads are not registered this way; none unless given. */
  readonly reserved?: IndexedLog;
  /** Where the search index finds what is appended, `undefined` where there is none that works. */
  readonly recent: () => RecentStatements | undefined;
  /** Told how many seconds each verification took. */
  readonly onVerified?: (seconds: number) => void;
}

/** Told whenever a statement is admitted and waits for the log; more than once after a race. */
export type OnQueued = (entry: Uint8Array) => void;

/** A statement that a durable, published checkpoint covers. */
export interface RegisteredStatement {
  readonly statement: SignedStatement;
  readonly index: number;
  /** Size of a checkpoint that covers it: the first one, or the newest for a duplicate. */
  readonly size: number;
  /** What the log answered, `undefined` where it was found there. */
  readonly sequenced: SequencedEntry | undefined;
  /** Whether it was on the log before. */
  readonly isDuplicate: boolean;
}

/**
 * How often a statement is admitted when a policy, or a checkpoint of a later second, is committed
 * before it: once for the rounds that were waiting, and again for each that overtakes it, which only
 * policies and others that are admitted again can.
 */
const MAX_ADMISSIONS = 16;

/**
 * Runs the whole way of a statement (RFC 9943 §6.3): decode, verify, admit, append.
 *
 * Resolves only when the entry is covered by a durable, published checkpoint (T20). A statement
 * that is logged already resolves to the entry that exists, whatever the policy says today.
 *
 * @throws StatementError, PolicyError for a refused statement; {@link ServerError}
 * `SERVER_HEAD_RESERVED`, `SERVER_HELD`; LogError when the log cannot take it
 */
export async function register(
  registrar: Registrar,
  bytes: Uint8Array,
  onQueued?: OnQueued,
): Promise<RegisteredStatement> {
  const { log } = registrar;
  // The policy that is asked whether sub may be missing is that of the admission.
  const statement = SignedStatement.decode(bytes, { isSubjectOptional: true });
  // A log that is only read may have lost the policy that would decide, so nothing is decided.
  const refusal = refusalOf(registrar);
  if (refusal !== undefined) {
    // What is logged needs no decision: who sends it again is answered.
    const logged = await found(log, statement);
    if (logged !== undefined) return logged;
    throw refusal;
  }
  // Everybody can read the changes of the policy and send them again, and to read one takes long.
  const isHead = isReserved(registrar, statement);
  const isRead = isHead || isOperatorStatement(statement);
  const logged = isRead ? await found(log, statement) : undefined;
  if (logged !== undefined) return logged;
  if (isHead) {
    throw new ServerError("SERVER_HEAD_RESERVED", "this is one of this log");
  }
  try {
    return await admitAndAppendAgain(registrar, statement, {
      submittedBytes: bytes.length,
      onQueued,
    });
  } catch (error) {
    // Looked up where it matters alone: for the others, the round looks them up all at once.
    const known = await found(log, statement);
    if (known === undefined) throw error;
    return known;
  }
}

function refusalOf({ log, held }: Registrar): LogError | ServerError | undefined {
  const standing = log.standing();
  if (standing.kind === "reader") return new LogError(standing.code, standing.reason);
  const why = held();
  return why === undefined ? undefined : new ServerError("SERVER_HELD", why);
}

// A head that covers less than the newest one, or commits to another index, makes every audit fail for
// good; that the key which signs heads is not used for another is not left to who holds it.
function isReserved({ reserved }: Registrar, statement: SignedStatement): boolean {
  return reserved !== undefined && isHeadStatement(statement, reserved);
}

/** Yields the entry that a statement is already, `undefined` where it is none that can be found. */
async function found(
  log: Log,
  statement: SignedStatement,
): Promise<RegisteredStatement | undefined> {
  const known = await log.lookup(statement.entry).catch(() => undefined);
  if (known === undefined) return undefined;
  const { size } = log.head().checkpoint;
  return { statement, index: known.index, size, sequenced: undefined, isDuplicate: true };
}

async function admitAndAppendAgain(
  registrar: Registrar,
  statement: SignedStatement,
  { submittedBytes, onQueued }: { submittedBytes: number; onQueued: OnQueued | undefined },
): Promise<RegisteredStatement> {
  const { log } = registrar;
  const recent = registrar.recent();
  let verified: VerifiedStatement | undefined;
  for (let admissions = 1; ; admissions++) {
    const arrived = log.arrivals.announce();
    let isOffered: boolean;
    let appended: Promise<SequencedEntry>;
    try {
      const grounds = await groundsOf(registrar, statement);
      const began = performance.now();
      verified = await verify(statement, grounds, verified);
      registrar.onVerified?.((performance.now() - began) / 1000);
      // Witnesses may have spoken against the log since it was first asked.
      const refusal = refusalOf(registrar);
      if (refusal !== undefined) throw refusal;
      const { state, time } = grounds;
      const admission = Admission.admit(verified, state, time); // S17: policy before anything else
      isOffered = recent?.offer(statement, submittedBytes, admission.content) === true;
      appended = log.append({ ...appendRequest(admission, state), isAgain: admissions > 1 });
    } finally {
      arrived();
    }
    try {
      // Not where the log has refused it at once.
      if (onQueued !== undefined && log.isPending(statement.entry)) onQueued(statement.entry);
      const sequenced = await appended;
      const { index, checkpoint, isDuplicate } = sequenced;
      if (isOffered && isDuplicate) recent?.take(statement.entry);
      return { statement, index, size: checkpoint.checkpoint.size, sequenced, isDuplicate };
    } catch (error) {
      if (isOffered) recent?.take(statement.entry);
      const isRaced = error instanceof LogError && error.code === "LOG_PRECONDITION_FAILED";
      if (!isRaced || admissions === MAX_ADMISSIONS) throw error;
    }
  }
}

/** What a statement is decided by. */
interface Grounds {
  readonly state: PolicyState;
  readonly time: number;
}

async function groundsOf(
  { log, policies, now }: Registrar,
  { claims: { subject } }: SignedStatement,
): Promise<Grounds> {
  const { state, policy } = await policies.inForce(); // T3: nothing is decided without a policy
  if (subject === undefined && !policy.isSubjectOptional) {
    throw new StatementError("STATEMENT_CLAIMS_MISSING", "claim sub (2) is missing"); // IS7
  }
  // A clock that steps back must not take the recorded time below a checkpoint's (I6).
  return { state, time: Math.max(now(), log.head().checkpoint.time) };
}

// However often it is decided again, the signature is verified once for each key.
function verify(
  statement: SignedStatement,
  { state, time }: Grounds,
  before: VerifiedStatement | undefined,
): Promise<VerifiedStatement> {
  const { policy } = state.inForce;
  return before === undefined
    ? VerifiedStatement.verify(statement, policy, { time })
    : before.verifyAgain(policy, { time });
}

/**
 * Makes the log's request out of an admission: the one way from statements into the log. The state is
 * that of the admission, none for the first.
 */
export function appendRequest(admission: Admission, state?: PolicyState): AppendRequest {
  const { statement, control } = admission;
  const receiptKeys = admission.isControl
    ? PolicyState.receiptKeysAfter(admission, state)
    : undefined;
  return {
    entry: statement.entry,
    body: statement.normalised,
    collateral: encodeCollateral(admission),
    admittedAt: admission.time, // I6
    ...(receiptKeys && { receiptKeys: receiptKeys.map((key) => key.thumbprint()) }), // T23
    control: admission.isControl, // T11: a policy is an entry like any other
    // T12: refused by the sequencer when another control entry has been committed meanwhile.
    ...(control === null ? {} : { precondition: control }),
  };
}
