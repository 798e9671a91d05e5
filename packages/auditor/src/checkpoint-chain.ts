import { encodeHex, formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { HASH_BYTES } from "@tallystick/merkle";
import { ReceiptError, SignedCheckpoint, chainDigest, decodeChainLink } from "@tallystick/receipt";
import type { ChainLink, Checkpoint } from "@tallystick/receipt";

import { isSame } from "./collateral.js";
import { AuditorError } from "./error.js";
import type { Whereabouts } from "./error.js";
import type { AuditTrust } from "./source.js";

/** A chain record whose signature holds, and nothing more. */
export interface OpenedRecord {
  readonly record: Uint8Array;
  readonly link: ChainLink;
  readonly checkpoint: Checkpoint;
  /** The pinned key that it holds under. */
  readonly key: PublicKey;
}

/** How far a chain of checkpoints has been followed. */
export interface ChainPoint {
  /** SHA-256 of the record. */
  readonly digest: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly time: number;
  /** Thumbprint of the key that it is signed with. */
  readonly key: Uint8Array;
}

/** Where a chain of checkpoints is followed from. */
export interface ChainStart {
  readonly last: ChainPoint;
  /** Thumbprints of the keys that signed the checkpoints up to `last`, each once. */
  readonly keys: readonly Uint8Array[];
}

/** The log that checkpoints are of. */
export interface LogName {
  readonly issuer: string;
  readonly origin: string;
}

/** Follows the checkpoints of a log, each against its signature, the tree and the one before. */
export class CheckpointChain {
  readonly #trust: AuditTrust;
  readonly #keys: readonly [PublicKey, ...PublicKey[]];
  // Owned by require: what the first checkpoint says where nobody has said so before.
  #name: Partial<LogName>;
  // Owned by require.
  #last: ChainPoint | undefined;
  // Owned by require: by their hexadecimal form, in the order of their first checkpoint.
  readonly #signers: Map<string, Uint8Array>;

  constructor(trust: AuditTrust, start?: ChainStart) {
    const { receiptKeys, issuer, origin } = trust;
    this.#trust = trust;
    const [first, ...others] = receiptKeys;
    if (first === undefined) throw new TypeError("no receipt key");
    this.#keys = [first, ...others];
    this.#name = {
      ...(issuer === undefined ? {} : { issuer }),
      ...(origin === undefined ? {} : { origin }),
    };
    this.#last = start?.last;
    this.#signers = new Map(start?.keys.map((key) => [encodeHex(key), key]));
  }

  get last(): ChainPoint | undefined {
    return this.#last;
  }

  /** Thumbprints of the keys that signed the checkpoints so far. */
  get signers(): readonly Uint8Array[] {
    return [...this.#signers.values()];
  }

  /** The log that all checkpoints so far are of, as far as it is known. */
  get name(): Partial<LogName> {
    return this.#name;
  }

  /**
   * Opens a record: it is well-formed, and its signature holds under one of the keys.
   *
   * @throws {@link AuditorError} `AUDITOR_CHECKPOINT_INVALID`, `AUDITOR_KEY_UNPINNED`
   */
  async open(record: Uint8Array): Promise<OpenedRecord> {
    try {
      const link = decodeChainLink(record);
      return { record, link, ...(await this.#verify(link.checkpoint)) };
    } catch (cause) {
      if (!(cause instanceof ReceiptError)) throw cause;
      const { size = 0 } = this.#last ?? {};
      this.#requirePinned(record, cause);
      const message = `a checkpoint after size ${size}: ${cause.message}`;
      throw new AuditorError("AUDITOR_CHECKPOINT_INVALID", message, { index: size, cause });
    }
  }

  /**
   * Requires that a key counts for the newest checkpoint of a log.
   *
   * @throws {@link AuditorError} `AUDITOR_CHECKPOINT_INVALID`
   */
  requireNewest({ checkpoint, key }: OpenedRecord): void {
    const where = { index: checkpoint.size - 1 };
    restated(checkpoint, where, () => this.#trust.requireNewest?.(key, checkpoint));
  }

  /**
   * Requires that a record is the next one, over a tree of this root.
   *
   * @throws {@link AuditorError} `AUDITOR_CHECKPOINT_INVALID`, `AUDITOR_ROOT_MISMATCH`,
   * `AUDITOR_CHAIN_BROKEN`, `AUDITOR_TIME_INVALID`
   */
  require({ record, link, checkpoint, key }: OpenedRecord, root: Uint8Array): void {
    const where = { index: checkpoint.size - 1 };
    this.#requireName(checkpoint, where);
    restated(checkpoint, where, () => this.#trust.requireWithin?.(key, checkpoint));
    const last = this.#last;
    if (last !== undefined && checkpoint.time < last.time) {
      const message = `checkpoint ${checkpoint.size} is of ${checkpoint.time}, before ${last.time}`;
      throw new AuditorError("AUDITOR_TIME_INVALID", message, where);
    }
    const digest = last?.digest ?? new Uint8Array(HASH_BYTES);
    if (link.previousSize !== (last?.size ?? 0) || !isSame(link.previousDigest, digest)) {
      const message = `checkpoint ${checkpoint.size} does not follow the one of ${last?.size ?? 0}`;
      throw new AuditorError("AUDITOR_CHAIN_BROKEN", message, where);
    }
    if (!isSame(checkpoint.root, root)) {
      const message = `checkpoint ${checkpoint.size} signs another root than the entries have`;
      throw new AuditorError("AUDITOR_ROOT_MISMATCH", message, where);
    }
    const { size, time } = checkpoint;
    const thumbprint = key.thumbprint();
    this.#signers.set(encodeHex(thumbprint), thumbprint);
    const point = { size, root: checkpoint.root, time, key: thumbprint };
    this.#last = { digest: chainDigest(record), ...point };
  }

  #requireName({ issuer, origin }: Checkpoint, where: Whereabouts): void {
    const { issuer: wantedIssuer = issuer, origin: wantedOrigin = origin } = this.#name;
    if (issuer !== wantedIssuer || origin !== wantedOrigin) {
      const message = `a checkpoint is of ${issuer}, log ${origin}`;
      throw new AuditorError("AUDITOR_CHECKPOINT_INVALID", message, where);
    }
    this.#name = { issuer, origin };
  }

  // A pin that is wrong must not read as if the log were.
  #requirePinned(record: Uint8Array, cause: ReceiptError): void {
    const kid = kidIn(record);
    if (kid === undefined) return;
    if (this.#keys.some(({ names }) => names.some((name) => isSame(name, kid)))) return;
    const pinned = this.#keys.map((key) => formatThumbprint(key)).join(", ");
    const message =
      `a checkpoint is signed with the key ${formatThumbprint(kid)}, which is not ` +
      `pinned; pinned: ${pinned}. Ask the operator, over another channel, which key is right: pin it, ` +
      "or keep what you were given as evidence";
    throw new AuditorError("AUDITOR_KEY_UNPINNED", message, { cause });
  }

  async #verify(encoded: Uint8Array): Promise<Pick<OpenedRecord, "checkpoint" | "key">> {
    const [first, ...others] = this.#keys;
    try {
      const { checkpoint } = await SignedCheckpoint.verify(encoded, first);
      return { checkpoint, key: first };
    } catch (error) {
      if (!(error instanceof ReceiptError)) throw error;
      // A record does not say by itself which key it is of, so each is tried.
      for (const key of others) {
        const signed = await SignedCheckpoint.verify(encoded, key).catch(ignoreRefusal);
        if (signed !== undefined) return { checkpoint: signed.checkpoint, key };
      }
      throw error;
    }
  }
}

function restated({ size }: Checkpoint, where: Whereabouts, judge: () => void): void {
  try {
    judge();
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const message = `checkpoint ${size}: ${cause.message}`;
    throw new AuditorError("AUDITOR_CHECKPOINT_INVALID", message, { ...where, cause });
  }
}

/** Yields what a record calls the key that signed it; `undefined` where that is no thumbprint. */
function kidIn(record: Uint8Array): Uint8Array | undefined {
  try {
    const kid = SignedCheckpoint.kidOf(decodeChainLink(record).checkpoint);
    return kid.length === HASH_BYTES ? kid : undefined;
  } catch (error) {
    ignoreRefusal(error);
    return undefined;
  }
}

function ignoreRefusal(error: unknown): undefined {
  if (!(error instanceof ReceiptError)) throw error;
}
