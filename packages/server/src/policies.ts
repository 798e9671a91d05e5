import { encodeHex } from "@tallystick/cose";
import type { Log } from "@tallystick/log";
import { Policy } from "@tallystick/policy";
import { SignedStatement } from "@tallystick/statement";

/** The policy in force and where it stands on the log. */
export interface CommittedPolicy {
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
    const { index, entry } = this.#log.control();
    if (this.#current?.index === index) return this.#current;
    const statement = SignedStatement.decode(await this.#log.body(entry));
    if (statement.payload === null) throw new Error(`policy at index ${index} has no payload`);
    const policy = Policy.parse(statement.payload);
    this.#current = { policy, entry, entryId: encodeHex(entry), index };
    return this.#current;
  }
}
