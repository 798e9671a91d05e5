import type { Log } from "@tallystick/log";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { formatCheckpoint, formatNote, signNote } from "@tallystick/tlog";
import type { NoteSigner, VerifierKey } from "@tallystick/tlog";

interface NewestNote {
  readonly size: number;
  readonly note: Promise<Uint8Array>;
}

/**
 * Signs published checkpoints a second time, as the notes of C2SP tlog-checkpoint. A note is made from
 * what the guard has let be signed and published, and from nothing else, so no note contradicts
 * another (W6). It states no time, and Ed25519 is deterministic: the note of a size is always the same.
 */
export class Notes {
  readonly #log: Log;
  readonly #signer: NoteSigner;
  // Owned by newest.
  #newest: NewestNote | undefined;

  /** `signer` makes plain Ed25519 signatures (W13) under the log's name (W6), else TypeError. */
  constructor(log: Log, signer: NoteSigner) {
    const { name, type } = signer.key;
    const { origin } = log.head().checkpoint;
    if (name !== origin) throw new TypeError(`the note key is called ${name}, the log ${origin}`);
    if (type !== "ed25519") throw new TypeError(`a key of ${type} makes no plain signatures`);
    this.#log = log;
    this.#signer = signer;
  }

  /** What the notes verify under. */
  get verifierKey(): VerifierKey {
    return this.#signer.key;
  }

  /** The key that the notes verify under, as a vkey (W4). */
  get key(): string {
    return this.#signer.key.format();
  }

  /** Yields the note of the newest published checkpoint; signed once for each. */
  newest(): Promise<Uint8Array> {
    const head = this.#log.head();
    const { size } = head.checkpoint;
    if (this.#newest?.size === size) return this.#newest.note;
    const note = this.#sign(head);
    this.#newest = { size, note };
    // A signer that failed once is asked again.
    note.catch(() => {
      this.#newest = undefined;
    });
    return note;
  }

  /**
   * Yields the note of the kept checkpoint of a size.
   *
   * @throws LogError `LOG_SIZE_UNKNOWN`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
   */
  async at(size: number): Promise<Uint8Array> {
    return this.#sign(await this.#log.checkpointAt(size));
  }

  async #sign({ checkpoint }: SignedCheckpoint): Promise<Uint8Array> {
    // W5: no extension lines.
    const text = formatCheckpoint(checkpoint);
    return formatNote({ text, signatures: [await signNote(text, this.#signer)] });
  }
}
