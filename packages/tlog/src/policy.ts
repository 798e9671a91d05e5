import { parseCheckpoint } from "./checkpoint.js";
import type { Checkpoint } from "./checkpoint.js";
import { TlogError } from "./error.js";
import type { Note } from "./note.js";
import { readPolicy } from "./policy-lines.js";
import type { PolicyLog, PolicyWitness, Quorum } from "./policy-lines.js";
import { VerifiedNote } from "./verified-note.js";
import type { VerifierKey } from "./verifier-key.js";

/** Which logs count, and whose cosignatures a checkpoint needs (C2SP tlog-policy). */
export class WitnessPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly #quorum: Quorum;

  private constructor(
    logs: readonly PolicyLog[],
    witnesses: readonly PolicyWitness[],
    quorum: Quorum,
  ) {
    this.logs = logs;
    this.witnesses = witnesses;
    this.#quorum = quorum;
    Object.freeze(this);
  }

  /**
   * Yields the policy in a file: at most 128 logs, witnesses and groups each.
   *
   * @throws {@link TlogError} `TLOG_POLICY_MALFORMED`, with the number of the line
   */
  static parse(bytes: Uint8Array): WitnessPolicy {
    const { logs, witnesses, quorum } = readPolicy(bytes);
    return new WitnessPolicy(logs, witnesses, quorum);
  }

  /** Yields whether these witnesses, by their names in the policy, are enough. */
  isQuorum(names: Iterable<string>): boolean {
    return isMet(this.#quorum, new Set(names));
  }
}

/** A witness whose cosignature holds, with the time that it states, in POSIX seconds. */
export interface Cosigner {
  readonly witness: PolicyWitness;
  readonly time: number;
}

/** A checkpoint that its log signed and that the witnesses of a policy cosigned. */
export class WitnessedCheckpoint {
  readonly #verified = true;
  readonly checkpoint: Checkpoint;
  readonly verified: VerifiedNote;
  /** The witnesses whose cosignature holds, with its time. */
  readonly witnesses: readonly Cosigner[];

  private constructor(
    checkpoint: Checkpoint,
    verified: VerifiedNote,
    witnesses: WitnessedCheckpoint["witnesses"],
  ) {
    this.checkpoint = checkpoint;
    this.verified = verified;
    this.witnesses = witnesses;
    Object.freeze(this);
  }

  static is(value: object): value is WitnessedCheckpoint {
    return #verified in value;
  }

  /**
   * Verifies that a log of the policy, or one of `logs`, signed the checkpoint, under a key with the
   * name of its origin, and that the cosignatures make the quorum. Times of cosignatures are told
   * and not judged.
   *
   * @throws {@link TlogError} `TLOG_CHECKPOINT_MALFORMED`, `TLOG_SIGNATURE_INVALID`,
   * `TLOG_SIGNATURE_MISSING`, `TLOG_QUORUM_MISSING`
   */
  static async verify(
    note: Note,
    policy: WitnessPolicy,
    logs: readonly VerifierKey[] = [],
  ): Promise<WitnessedCheckpoint> {
    const checkpoint = parseCheckpoint(note.text);
    const own = [...policy.logs.map(({ key }) => key), ...logs].filter(
      ({ name }) => name === checkpoint.origin,
    );
    const keys = [...own, ...policy.witnesses.map(({ key }) => key)];
    const verified = await VerifiedNote.verify(note, keys);
    if (!verified.signatures.some(({ key }) => own.some((one) => one.equals(key)))) {
      throw new TlogError("TLOG_SIGNATURE_MISSING", "no known log has signed the checkpoint");
    }
    return new WitnessedCheckpoint(checkpoint, verified, requireQuorum(verified, policy));
  }
}

/**
 * Verifies that the cosignatures of a checkpoint make the quorum, whoever vouches for the log: for a
 * checkpoint that is known to be the log's by other means. Times are told and not judged.
 *
 * @throws {@link TlogError} `TLOG_CHECKPOINT_MALFORMED`, `TLOG_SIGNATURE_INVALID`,
 * `TLOG_QUORUM_MISSING`
 */
export async function verifyCosignatures(
  note: Note,
  policy: WitnessPolicy,
): Promise<readonly Cosigner[]> {
  const keys = policy.witnesses.map(({ key }) => key);
  // A note that no witness has signed is one of zero cosignatures, which may be enough.
  const isKnown = note.signatures.some(({ name, keyId }) =>
    keys.some((key) => key.name === name && key.keyId === keyId),
  );
  if (!isKnown) return requireQuorum({ signatures: [] }, policy);
  return requireQuorum(await VerifiedNote.verify(note, keys), policy);
}

/**
 * Verifies that the cosignatures of a checkpoint make the quorum, for a log that is known by other means.
 * Where the policy names logs, one of them has signed the note as well. Times are told and not judged.
 *
 * @throws {@link TlogError} `TLOG_CHECKPOINT_MALFORMED`, `TLOG_SIGNATURE_INVALID`,
 * `TLOG_SIGNATURE_MISSING`, `TLOG_QUORUM_MISSING`
 */
export async function verifyWitnessed(
  note: Note,
  policy: WitnessPolicy,
): Promise<readonly Cosigner[]> {
  if (policy.logs.length === 0) return verifyCosignatures(note, policy);
  return (await WitnessedCheckpoint.verify(note, policy)).witnesses;
}

function requireQuorum(
  { signatures }: Pick<VerifiedNote, "signatures">,
  policy: WitnessPolicy,
): readonly Cosigner[] {
  const witnesses = policy.witnesses.flatMap((witness) => {
    const found = signatures.find(({ key }) => key.equals(witness.key));
    return found?.time === undefined ? [] : [{ witness, time: found.time }];
  });
  if (policy.isQuorum(witnesses.map(({ witness }) => witness.name))) return witnesses;
  const count = `${witnesses.length} of ${policy.witnesses.length}`;
  throw new TlogError("TLOG_QUORUM_MISSING", `no quorum: ${count} witnesses cosigned`);
}

function isMet(quorum: Quorum, names: ReadonlySet<string>): boolean {
  if (typeof quorum === "string") return names.has(quorum);
  return quorum.members.filter((member) => isMet(member, names)).length >= quorum.threshold;
}
