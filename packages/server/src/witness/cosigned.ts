import { formatNote, parseCheckpoint } from "@tallystick/tlog";
import type { Note, NoteSignature, VerifiedSignature, WitnessPolicy } from "@tallystick/tlog";

/** A checkpoint of the log with the cosignatures that it has so far, each verified. */
export class CosignedNote {
  readonly text: string;
  readonly size: number;
  readonly #own: readonly NoteSignature[];
  readonly #policy: WitnessPolicy;
  // Owned by add: by the vkey that signed.
  readonly #cosignatures = new Map<string, VerifiedSignature>();

  /** `note` carries the log's own signatures alone. */
  constructor({ text, signatures }: Note, policy: WitnessPolicy) {
    this.text = text;
    this.size = parseCheckpoint(text).size;
    this.#own = signatures;
    this.#policy = policy;
  }

  /** Takes verified cosignatures; of one key the newest stays. */
  add(cosignatures: readonly VerifiedSignature[]): void {
    for (const cosignature of cosignatures) {
      const vkey = cosignature.key.format();
      const { time: before = -1 } = this.#cosignatures.get(vkey) ?? {};
      if ((cosignature.time ?? 0) >= before) this.#cosignatures.set(vkey, cosignature);
    }
  }

  /** The log's signature first, then cosignatures in the order of the policy. */
  get signatures(): readonly NoteSignature[] {
    return [...this.#own, ...this.#inOrder().map(({ line }) => line)];
  }

  get isCosigned(): boolean {
    return this.#cosignatures.size > 0;
  }

  format(): Uint8Array {
    return formatNote({ text: this.text, signatures: this.signatures });
  }

  /**
   * The newest time since when cosignatures make the quorum, in POSIX seconds; `undefined` where they
   * do not make one.
   */
  get quorumTime(): number | undefined {
    const names: string[] = [];
    const newestFirst = this.#policy.witnesses
      .flatMap(({ name, key }) => {
        const time = this.#cosignatures.get(key.format())?.time;
        return time === undefined ? [] : [{ name, time }];
      })
      .sort((one, other) => other.time - one.time);
    for (const { name, time } of newestFirst) {
      names.push(name);
      if (this.#policy.isQuorum(names)) return time;
    }
    return undefined;
  }

  #inOrder(): readonly VerifiedSignature[] {
    return this.#policy.witnesses.flatMap(({ key }) => {
      const found = this.#cosignatures.get(key.format());
      return found === undefined ? [] : [found];
    });
  }
}
