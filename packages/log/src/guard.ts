import type { PublicKey, Signer } from "@tallystick/cose";
import { type ConsistencyProof, verifyConsistency } from "@tallystick/merkle";
import { type Checkpoint, SignedCheckpoint } from "@tallystick/receipt";

import { LogError } from "./error.js";
import { isNamed, type NamedKeys, requireSigner } from "./keys.js";
import { hexPrefix, isEqual } from "./layout.js";
import type { Counted } from "./recount.js";
import type { Meta } from "./record.js";

/** A checkpoint that somebody wants signed, with the evidence that it may be. */
export interface Proposal {
  readonly size: number;
  /** As the build claims it. */
  readonly root: Uint8Array;
  readonly time: number;
  readonly epoch: number;
  /** As the second computation found it. */
  readonly counted: Counted;
  /** What the control entries name that are in force at the last entry and after it, the same or two. */
  readonly named: readonly NamedKeys[];
  /** From the last signed size, out of the tiles to be stored; none for the first checkpoint. */
  readonly consistency: ConsistencyProof | undefined;
}

/** What {@link Guard.of} needs. */
export interface GuardOptions {
  readonly meta: Meta;
  readonly epoch: number;
  readonly signer: Signer;
  /** The newest checkpoint ever signed for this log, none before the first. */
  readonly last: Checkpoint | undefined;
}

/**
 * The only code that holds the signer. It signs a checkpoint only if that extends the last one it
 * signed, so that whatever goes wrong elsewhere, this process never contradicts itself (I2, I6).
 *
 * What it yields is not for release: the caller first makes it durable (I1).
 */
export class Guard {
  readonly #meta: Meta;
  readonly #epoch: number;
  readonly #signer: Signer;
  readonly #key: PublicKey;
  // Owned by sign: the newest checkpoint that the signer may have signed.
  #last: Checkpoint | undefined;

  private constructor({ meta, epoch, signer, last }: GuardOptions) {
    this.#meta = meta;
    this.#epoch = epoch;
    this.#signer = signer;
    this.#key = signer.publicKey;
    this.#last = last;
  }

  /**
   * Yields the guard of one log, whose newest control entry names these keys.
   *
   * @throws {@link LogError} `LOG_KEY_MISMATCH` if the signer is none of them
   */
  static of(options: GuardOptions, named?: NamedKeys): Guard {
    requireSigner(options.meta, named, options.signer.publicKey);
    return new Guard(options);
  }

  /** Yields whether the signer's key is among those that a control entry names. */
  isNamed(named: NamedKeys): boolean {
    return isNamed(this.#meta, named, this.#key.thumbprint());
  }

  /**
   * Signs a checkpoint and verifies the signature with the log's public key. `onGuarded` is awaited
   * when the proposal has passed and nothing is signed yet.
   *
   * @throws {@link LogError} `LOG_CORRUPT` if the proposal must not be signed; what the signer throws
   */
  async sign(proposal: Proposal, onGuarded?: () => Promise<void>): Promise<SignedCheckpoint> {
    this.#requireAgreement(proposal);
    this.#requireNamed(proposal);
    this.#requireExtension(proposal);
    await onGuarded?.();
    const { issuer, origin } = this.#meta;
    const { size, root, time } = proposal;
    const checkpoint = { issuer, origin, size, root, time };
    // Set before the signer is asked: a signature may exist even if it never arrives here.
    this.#last = checkpoint;
    const signed = await SignedCheckpoint.sign(checkpoint, this.#signer);
    return this.#verify(signed, checkpoint);
  }

  /** The two computations of the root must agree, and speak of the same sizes. */
  #requireAgreement({ size, root, epoch, counted }: Proposal): void {
    if (epoch !== this.#epoch) refuse(`epoch ${epoch}, want ${this.#epoch}`);
    if (counted.newSize !== size) refuse(`size ${size}, recounted ${counted.newSize}`);
    if (!isEqual(counted.newRoot, root)) {
      refuse(`root ${hexPrefix(root)}, recounted ${hexPrefix(counted.newRoot)}`);
    }
  }

  /** T23: a key signs where those who operate the log have named it, and nowhere else. */
  #requireNamed({ named }: Proposal): void {
    if (named.length > 0 && named.every((keys) => this.isNamed(keys))) return;
    refuse("the control entry in force does not name the key");
  }

  /** The new tree must contain the last signed one, shown twice: by recount and by proof. */
  #requireExtension({ size, root, time, counted, consistency }: Proposal): void {
    const last = this.#last;
    if (last === undefined) {
      if (counted.oldSize !== 0) refuse(`first checkpoint extends a tree of ${counted.oldSize}`);
      return;
    }
    if (size <= last.size) refuse(`size ${size} after ${last.size}`);
    if (time < last.time) refuse(`time ${time} after ${last.time}`);
    if (counted.oldSize !== last.size || !isEqual(counted.oldRoot, last.root)) {
      refuse(`the tree of ${last.size} to extend is not the one last signed`);
    }
    if (consistency?.oldSize !== last.size || consistency.newSize !== size) {
      refuse("consistency proof is for other sizes");
    }
    // T15: throws MERKLE_ROOT_MISMATCH if either root is not the one the proof leads to.
    verifyConsistency(consistency, last.root, root);
  }

  async #verify(signed: SignedCheckpoint, want: Checkpoint): Promise<SignedCheckpoint> {
    const verified = await SignedCheckpoint.verify(signed.encode(), this.#key);
    const { size, root, time } = verified.checkpoint;
    if (size !== want.size || time !== want.time || !isEqual(root, want.root)) {
      refuse("the signature is over another checkpoint");
    }
    return verified;
  }
}

function refuse(why: string): never {
  throw new LogError("LOG_CORRUPT", `signing guard: ${why}`);
}
