import { decodeCborMap, decodeHex, encodeHex } from "@tallystick/cose";
import type { Log } from "@tallystick/log";
import { Policy, PolicyState } from "@tallystick/policy";
import type { ControlEntry } from "@tallystick/policy";
import { SignedStatement } from "@tallystick/statement";

/** The policy in force and where it stands on the log. */
export interface CommittedPolicy {
  readonly state: PolicyState;
  readonly policy: Policy;
  readonly entry: Uint8Array;
  readonly entryId: string;
  readonly index: number;
}

/** Knows the newest committed policy (T12): reads it off the log and keeps it until it changes. */
export class Policies {
  readonly #log: Log;
  // Replaced as a whole when the log's control entry is another one.
  #current: CommittedPolicy | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Yields the policy in force; reads the log only when it has changed. */
  async inForce(): Promise<CommittedPolicy> {
    const { entry: newest } = this.#log.control();
    if (this.#current !== undefined && isSame(this.#current.state.control, newest)) {
      return this.#current;
    }
    const state = await PolicyState.replay(await this.#chain(newest));
    const { policy, entry, index } = state.inForce;
    this.#current = { state, policy, entry, entryId: encodeHex(entry), index };
    return this.#current;
  }

  /** Yields the policies up to one, oldest first: each names the one before it. */
  async #chain(newest: Uint8Array): Promise<readonly ControlEntry[]> {
    const chain: ControlEntry[] = [];
    for (let entry: Uint8Array | undefined = newest; entry !== undefined;) {
      const placement = await this.#log.lookup(entry);
      if (placement === undefined) throw new Error(`policy ${encodeHex(entry)} is not on the log`);
      const statement = SignedStatement.decode(await this.#log.body(entry));
      const { index, collateral } = placement;
      chain.unshift({ statement, index, time: timeIn(collateral) });
      const previous = previousOf(statement);
      entry = previous === null ? undefined : decodeHex(previous);
    }
    return chain;
  }
}

function previousOf({ payload }: SignedStatement): string | null {
  if (payload === null) throw new Error("policy has no payload");
  return Policy.parse(payload).document.previous;
}

function timeIn(collateral: Uint8Array): number {
  const time = decodeCborMap(collateral).get("time");
  if (typeof time === "number") return time;
  throw new Error("collateral has no time");
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return encodeHex(a) === encodeHex(b);
}
