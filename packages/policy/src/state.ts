import { digest, encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { VerifiedStatement } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

import { Admission } from "./admission.js";
import type { PolicyChange } from "./admission.js";
import type { Policy } from "./policy.js";

/** The policy that decides, and the control entry that put it in force. */
export interface PolicyInForce {
  readonly policy: Policy;
  /** 32 bytes: the proposal itself, or the approval that completed it. */
  readonly entry: Uint8Array;
  readonly index: number;
}

/** A proposal that waits for approvals. */
export interface OpenProposal {
  readonly policy: Policy;
  /** 32 bytes. */
  readonly entry: Uint8Array;
  readonly index: number;
  /** `iss` of the operators who have signed it, the one that proposed it first. */
  readonly approvers: ReadonlySet<string>;
}

/** A control entry as it is read off a log, with what was recorded beside it. */
export interface ControlEntry {
  readonly statement: SignedStatement;
  readonly index: number;
  readonly time: number;
  readonly chain?: readonly Uint8Array[];
}

/** What an operator signed, of the proposals that were made of one policy; the newest first. */
interface Proposed {
  readonly digest: string;
  readonly before: Proposed | undefined;
}

interface Parts {
  readonly inForce: PolicyInForce;
  readonly control: Uint8Array;
  readonly controlIndex: number;
  readonly proposals: ReadonlyMap<string, OpenProposal>;
  readonly proposed?: Proposed | undefined;
}

/**
 * The control entries of a log as a state machine: the policy in force, and the proposals that wait
 * for approvals. Immutable; {@link PolicyState.genesis} and {@link PolicyState.next} are the only
 * ways to get one, so a policy that is in force here was admitted, and signed by as many operators
 * as the one before it asked for.
 */
export class PolicyState {
  readonly #controlIndex: number;
  readonly #proposed: Proposed | undefined;
  readonly inForce: PolicyInForce;
  /** The newest control entry, on which every decision depends. */
  readonly control: Uint8Array;
  /** By EntryID, oldest first; one of each operator at most. */
  readonly proposals: ReadonlyMap<string, OpenProposal>;

  private constructor({ inForce, control, controlIndex, proposals, proposed }: Parts) {
    this.#controlIndex = controlIndex;
    this.#proposed = proposed;
    this.inForce = Object.freeze(inForce);
    this.control = control;
    this.proposals = proposals;
    Object.freeze(this);
  }

  static is(value: object): value is PolicyState {
    return #controlIndex in value;
  }

  /**
   * Yields the state of a log that has its first policy at index 0.
   *
   * Throws `TypeError` when the admission is not one of {@link Admission.bootstrap}.
   */
  static genesis({ statement: { entry }, control, change }: Admission): PolicyState {
    if (control !== null || change?.kind !== "proposal") {
      throw new TypeError("the first entry of a log is its first policy");
    }
    const inForce = { policy: change.policy, entry, index: 0 };
    return new PolicyState({ inForce, control: entry, controlIndex: 0, proposals: new Map() });
  }

  /**
   * Yields the state once an admitted statement has been sequenced at `index`. Statements that
   * change no policy leave it as it is.
   *
   * Throws `TypeError` when the admission was made in another state: it has to be made again.
   */
  next({ statement, control, change }: Admission, index: number): PolicyState {
    const { entry, entryId } = statement;
    if (control === null || encodeHex(control) !== encodeHex(this.control)) {
      throw new TypeError("the admission was made in another state");
    }
    if (change === undefined) return this;
    if (!(index > this.#controlIndex)) throw new TypeError("the index is not above the newest");
    const [id, signed] = this.#signed({ change, entry, entryId, index });
    if (signed.approvers.size >= this.inForce.policy.approvals) {
      // Whatever else was proposed was made from the policy that this one replaces.
      const inForce = { policy: signed.policy, entry, index };
      const proposals = new Map<string, OpenProposal>();
      return new PolicyState({ inForce, control: entry, controlIndex: index, proposals });
    }
    const proposals = this.#proposalsBeside(change).set(id, signed);
    const before = this.#proposed;
    const proposed =
      change.kind === "proposal" ? { digest: signedDigest(statement), before } : before;
    const { inForce } = this;
    return new PolicyState({ inForce, control: entry, controlIndex: index, proposals, proposed });
  }

  /**
   * Yields the receipt keys that are named once an admitted control entry is on the log: those of the
   * policy that it puts in force, or of the one that stays; `undefined` for the log's first key alone.
   *
   * Throws `TypeError` as {@link PolicyState.next} and {@link PolicyState.genesis}; the state is that of
   * the admission, `undefined` for the first one.
   */
  static receiptKeysAfter(
    admission: Admission,
    state: PolicyState | undefined,
  ): readonly PublicKey[] | undefined {
    const after = state?.next(admission, Number.MAX_SAFE_INTEGER) ?? PolicyState.genesis(admission);
    return after.inForce.policy.receiptKeys;
  }

  /**
   * Yields whether an operator signed the same proposal before, since the policy is in force. Anybody
   * can make another valid signature of ECDSA out of one, and with it another entry.
   */
  wasProposed(statement: SignedStatement): boolean {
    if (this.#proposed === undefined) return false;
    const own = signedDigest(statement);
    for (let one: Proposed | undefined = this.#proposed; one !== undefined; one = one.before) {
      if (one.digest === own) return true;
    }
    return false;
  }

  /**
   * Yields the state after the control entries of a log, all of them and in order, each verified
   * and admitted under the state that it met.
   *
   * @throws {@link PolicyError} what {@link Admission.admit} throws, for the first entry that should
   * not be on the log; StatementError for one whose signature does not hold. Throws `TypeError`
   * where an entry changes no policy, and where there is none.
   */
  static async replay(
    entries: Iterable<ControlEntry> | AsyncIterable<ControlEntry>,
  ): Promise<PolicyState> {
    let state: PolicyState | undefined;
    for await (const { statement, index, time, chain } of entries) {
      if (state === undefined) {
        if (index !== 0) throw new TypeError("the first control entry is not at index 0");
        state = PolicyState.genesis(await Admission.bootstrap(statement, time));
        continue;
      }
      const options = chain === undefined ? { time } : { time, chain };
      const verified = await VerifiedStatement.verify(statement, state.inForce.policy, options);
      const admission = Admission.admit(verified, state, time);
      if (!admission.isControl) throw new TypeError(`entry ${index} changes no policy`);
      state = state.next(admission, index);
    }
    if (state === undefined) throw new TypeError("a log has a first policy");
    return state;
  }

  /**
   * Yields the proposals that a change leaves open. The newer one of an operator replaces the older,
   * so that nobody fills the log with proposals that keep the others from being made.
   */
  #proposalsBeside(change: PolicyChange): Map<string, OpenProposal> {
    const proposals = new Map(this.proposals);
    if (change.kind === "approval") return proposals;
    for (const [id, { approvers }] of this.proposals) {
      const [proposer] = approvers;
      if (proposer === change.operator) proposals.delete(id);
    }
    return proposals;
  }

  /** Yields the proposal that a change is about, with its signer among the approvers. */
  #signed(made: {
    readonly change: PolicyChange;
    readonly entry: Uint8Array;
    readonly entryId: string;
    readonly index: number;
  }): readonly [string, OpenProposal] {
    const { change, entry, entryId, index } = made;
    if (change.kind === "proposal") {
      const approvers = new Set([change.operator]);
      return [entryId, { policy: change.policy, entry, index, approvers }];
    }
    const open = this.proposals.get(change.proposal);
    if (open === undefined) throw new TypeError("the approved proposal is not open");
    const approvers = new Set(open.approvers).add(change.operator);
    return [change.proposal, { ...open, approvers }];
  }
}

/** Yields the digest of what an operator signed: the protected header and the payload. */
function signedDigest({ message, payload }: SignedStatement): string {
  const parts = [message.protectedBytes, payload ?? new Uint8Array()];
  return parts.map((part) => encodeHex(digest("sha-256", part))).join(" ");
}
