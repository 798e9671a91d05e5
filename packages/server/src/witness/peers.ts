import type { WitnessPolicy } from "@tallystick/tlog";
import type { AskOutcome, WitnessPeer } from "@tallystick/witness";

/** A witness as the service knows it: where it is, how it did, and what it cosigned last. */
export class Peer implements WitnessPeer {
  /** Of its lines in the policy: one for each key. */
  readonly names: readonly string[];
  readonly url: string;
  readonly monitorUrl: string | undefined;
  readonly keys: WitnessPeer["keys"];
  /** How often it answered what, since the process started. */
  readonly counts: Map<AskOutcome, number> = new Map<AskOutcome, number>();
  /** Size that it cosigned last, as far as is known. Owned by whoever asks it. */
  size = 0;
  /** Whether it is being asked; a second request would wait behind the first. */
  isBusy = false;
  /** What it answered last. */
  last: AskOutcome | undefined;
  /** What it cosigned last since the process started, with the time that it stated. */
  cosigned: { readonly size: number; readonly time: number } | undefined;

  constructor(names: readonly string[], { url, monitorUrl, keys }: WitnessPeer) {
    this.names = names;
    this.url = url;
    this.monitorUrl = monitorUrl;
    this.keys = keys;
  }

  /** Of its first line in the policy. */
  get name(): string {
    return this.names[0] ?? this.url;
  }

  /** Takes note of an outcome; yields whether it differs from the one before. */
  note(outcome: AskOutcome): boolean {
    this.counts.set(outcome, (this.counts.get(outcome) ?? 0) + 1);
    const isNew = this.last !== outcome;
    this.last = outcome;
    return isNew;
  }
}

/**
 * Yields the witnesses of a policy that say where they are; one address with two keys is one. `monitors`
 * has the monitoring prefixes of those that have another one, by their names in the policy.
 */
export function peersOf(
  policy: WitnessPolicy,
  monitors: ReadonlyMap<string, string> = new Map<string, string>(),
): readonly Peer[] {
  const urls = new Set(policy.witnesses.flatMap(({ url }) => (url === undefined ? [] : [url])));
  return [...urls].map((url) => {
    const lines = policy.witnesses.filter((witness) => witness.url === url);
    const [monitorUrl] = lines.flatMap(({ name }) => monitors.get(name) ?? []);
    const keys = lines.map(({ key }) => key);
    const names = lines.map(({ name }) => name);
    return new Peer(names, { url, monitorUrl, keys });
  });
}

/** What each outcome says to an operator. */
export const MEANINGS: Readonly<Record<AskOutcome, string>> = {
  cosigned: "cosigns",
  conflict: "cosigned another size last",
  inconsistent: "says that this log does not extend what it cosigned",
  refused: "refuses: it has to watch this log, under the key of its notes",
  unverified: "sends no cosignature that holds under its keys in the policy",
  late: "does not answer in time",
  unavailable: "is not there, or failed",
  malformed: "answers what no witness answers",
};
