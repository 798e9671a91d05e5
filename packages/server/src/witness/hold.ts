import type { WitnessPolicy } from "@tallystick/tlog";
import type { Asked } from "@tallystick/witness";

import type { Peer } from "./peers.js";

/** What a hold is judged by. */
export interface HoldOptions {
  readonly policy: WitnessPolicy;
  readonly peers: readonly Peer[];
  /** Whether a quorum has to be heard first. */
  readonly isHeardFirst: boolean;
  /** Whether the operator has decided that registrations go on in any case. */
  readonly isIgnored: boolean;
}

/**
 * Holds the writer while a quorum of witnesses says that the log is an older copy, or another log than
 * the one that they cosigned: a claim, which is no proof and so freezes nothing.
 *
 * A claim stands until the same witness cosigns, or names a size that the log has. One that is silent
 * takes nothing back, and neither does a log that grows past the claim: a fork grows too.
 */
export class Hold {
  readonly #options: HoldOptions;
  // Owned by hear: what each one that claims so says, in words.
  readonly #claims = new Map<Peer, string>();
  // Owned by hear: those lines of the policy whose keys have cosigned since the start.
  readonly #heard = new Set<string>();

  constructor(options: HoldOptions) {
    this.#options = options;
  }

  /** Takes what a witness answered that was asked about `asked` entries, while the log has `size`. */
  hear(
    peer: Peer,
    { outcome, cosignatures, claimedSize }: Asked,
    { asked, size }: { readonly asked: number; readonly size: number },
  ): void {
    if (outcome === "cosigned") {
      const { witnesses } = this.#options.policy;
      for (const { name, key } of witnesses) {
        if (cosignatures.some((line) => line.key.equals(key))) this.#heard.add(name);
      }
      this.#claims.delete(peer);
    } else if (outcome === "inconsistent") {
      this.#claims.set(peer, "has cosigned another log");
    } else if (claimedSize !== undefined && claimedSize > size) {
      this.#claims.set(peer, `has cosigned ${claimedSize} entries`);
    } else if (claimedSize !== undefined && claimedSize <= asked) {
      // Not by what has been added since it was asked: a fork grows too.
      this.#claims.delete(peer);
    }
  }

  /** What a quorum claims against the log, whether that is heeded or not; `undefined` where none does. */
  claim(): string | undefined {
    if (!this.#isQuorum([...this.#claims.keys()])) return undefined;
    // In the order of the policy, whoever answers first.
    const claims = this.#options.peers.flatMap((peer) => {
      const what = this.#claims.get(peer);
      return what === undefined ? [] : [`${peer.name} ${what}`];
    });
    return `a quorum of witnesses contradicts this log: ${claims.join(", ")}`;
  }

  /** Why nothing is registered, `undefined` where nothing speaks against it. */
  reason(): string | undefined {
    const { isHeardFirst, isIgnored } = this.#options;
    if (isIgnored) return undefined;
    const claim = this.claim();
    if (claim !== undefined || !isHeardFirst || this.#isHeard()) return claim;
    return "no quorum of witnesses has cosigned the newest checkpoint since the start";
  }

  // One that answers for many lines is heard for those whose keys have signed.
  #isHeard(): boolean {
    const { policy, peers } = this.#options;
    if (!policy.isQuorum([])) return policy.isQuorum(this.#heard);
    return this.#isQuorum(peers.filter(({ names }) => names.some((name) => this.#heard.has(name))));
  }

  // A quorum that asks for nobody is none: of all that can be asked, more than half.
  #isQuorum(some: readonly Peer[]): boolean {
    const { policy, peers } = this.#options;
    if (policy.isQuorum([])) return 2 * some.length > peers.length;
    return policy.isQuorum(some.flatMap(({ names }) => names));
  }
}
