import { encodeHex } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { Log, ReplayControl } from "@tallystick/log";
import { Admission, PolicyState } from "@tallystick/policy";
import type { Policy } from "@tallystick/policy";
import { SignedStatement, VerifiedStatement } from "@tallystick/statement";

import { decodeCollateral } from "./collateral.js";

/** The policy in force, where it stands on the log, and what it is the outcome of. */
export interface CommittedPolicy {
  readonly state: PolicyState;
  readonly policy: Policy;
  /** The control entry that put it in force: a proposal, or the approval that completed one. */
  readonly entry: Uint8Array;
  readonly entryId: string;
  readonly index: number;
}

interface Followed extends CommittedPolicy {
  /** Index of the newest control entry. */
  readonly controlIndex: number;
}

/**
 * Follows the control entries of the log (T12): all of them from the first one on, each verified and
 * admitted again as an auditor would, so that nothing is in force that the policy before it did not
 * allow.
 */
export class Policies {
  readonly #log: Log;
  // Owned by #advance, and replaced as a whole.
  #current: Followed | undefined;
  #advancing: Promise<void> | undefined;
  // Owned by #advance: by EntryID of a control entry, the proposal whose policy it proposed or put in
  // force.
  readonly #proposals = new Map<string, Uint8Array>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Yields the policy in force; reads the log only for control entries that are new.
   *
   * @throws LogError `LOG_CORRUPT` when a control entry should not be on the log; `LOG_UNAVAILABLE`
   */
  async inForce(): Promise<CommittedPolicy> {
    for (;;) {
      // T12: never an older one than the newest that is committed.
      if (this.#current?.controlIndex === this.#log.control().index) return this.#current;
      this.#advancing ??= this.#advance().finally(() => {
        this.#advancing = undefined;
      });
      // Whoever joins may know of a control entry that is newer than where this ends.
      await this.#advancing;
    }
  }

  /**
   * Yields the policy document, as it was signed, that a control entry proposes or has put in force;
   * `undefined` for any other entry.
   *
   * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async document(entryId: string): Promise<Uint8Array | undefined> {
    await this.inForce();
    const proposal = this.#proposals.get(entryId);
    if (proposal === undefined) return undefined;
    return decoded(await this.#log.body(proposal)).payload ?? undefined;
  }

  async #advance(): Promise<void> {
    const newest = this.#log.control();
    const replay = this.#log.replay();
    let state = this.#current?.state;
    for await (const control of replay.controls((this.#current?.controlIndex ?? -1) + 1)) {
      const admission = await admitted(control, state);
      const before = state;
      state =
        before === undefined
          ? PolicyState.genesis(admission)
          : before.next(admission, control.index);
      this.#remember(admission, state);
    }
    if (state === undefined || encodeHex(state.control) !== encodeHex(newest.entry)) {
      throw new LogError("LOG_CORRUPT", `control entry ${newest.index} is not the newest`);
    }
    requireRecorded(newest, state);
    const { policy, entry, index } = state.inForce;
    const controlIndex = newest.index;
    this.#current = { state, policy, entry, entryId: encodeHex(entry), index, controlIndex };
  }

  #remember({ statement, change }: Admission, { inForce }: PolicyState): void {
    if (change === undefined) return;
    if (change.kind === "proposal") this.#proposals.set(statement.entryId, statement.entry);
    else if (encodeHex(inForce.entry) === statement.entryId) {
      const proposal = this.#proposals.get(change.proposal);
      if (proposal !== undefined) this.#proposals.set(statement.entryId, proposal);
    }
  }
}

// T23: what the log lets sign is what the policies say, by their statements.
function requireRecorded({ index, receiptKeys }: NewestControl, { inForce }: PolicyState): void {
  const said = inForce.policy.receiptKeys?.map((key) => key.thumbprint());
  if (namesOf(said) === namesOf(receiptKeys)) return;
  const message = `control entry ${index} is recorded with other receipt keys than its policy names`;
  throw new LogError("LOG_CORRUPT", message);
}

function namesOf(kids: readonly Uint8Array[] | undefined): string {
  return kids === undefined ? "" : kids.map(encodeHex).sort().join(" ");
}

type NewestControl = ReturnType<Log["control"]>;

/** Makes the decision about a control entry again. */
async function admitted(
  { index, statement: body, collateral }: ReplayControl,
  state: PolicyState | undefined,
): Promise<Admission> {
  try {
    const statement = decoded(body);
    const { time, policy, chain } = decodeCollateral(collateral);
    if (state === undefined) return await Admission.bootstrap(statement, time);
    const { inForce } = state;
    if (policy === null || encodeHex(policy) !== encodeHex(inForce.entry)) {
      throw new LogError("LOG_CORRUPT", "it names another policy than the one that was in force");
    }
    const options = chain === undefined ? { time } : { time, chain };
    const verified = await VerifiedStatement.verify(statement, inForce.policy, options);
    const admission = Admission.admit(verified, state, time);
    if (admission.isControl) return admission;
    throw new LogError("LOG_CORRUPT", "it changes no policy");
  } catch (cause) {
    // Whatever it is, it is the log's fault, and no answer to whoever registers.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LogError("LOG_CORRUPT", `control entry ${index}: ${reason}`, { cause });
  }
}

function decoded(body: Uint8Array): SignedStatement {
  return SignedStatement.decode(body, { isSubjectOptional: true });
}
