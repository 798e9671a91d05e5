import { encodeHex } from "@tallystick/cose";
import { Contradiction, ReceiptError, decodeChainLink } from "@tallystick/receipt";
import type {
  ForkProof,
  SignedCheckpoint,
  TrustedTree,
  VerifiedInclusion,
} from "@tallystick/receipt";
import { VerifierError, verifyCheckpoint, verifyConsistency } from "@tallystick/verifier";
import type { CheckpointOptions, TrustStore } from "@tallystick/verifier";

import { ClientError } from "./error.js";
import { SeenCheckpoints } from "./seen.js";

/** What a log shows to whoever follows it. `ServiceClient` is one; so are the files of an export. */
export interface LogView {
  /** Reads the chain record of the newest checkpoint. @throws {@link ClientError} */
  latestCheckpoint(): Promise<Uint8Array>;
  /** Reads the chain record of the checkpoint of a size. @throws {@link ClientError} */
  checkpoint(size: number): Promise<Uint8Array>;
  /**
   * Reads a receipt of consistency between two sizes.
   *
   * @throws {@link ClientError} `CLIENT_REFUSED` where the place has none
   */
  consistency(oldSize: number, newSize: number): Promise<Uint8Array>;
  /**
   * Yields what the tree under a checkpoint was at a smaller size, from its tiles, which lead to its
   * root. Only for places that have tiles; asked where no receipt of consistency shows it.
   *
   * @throws {@link ClientError} `CLIENT_EXTENSION_UNKNOWN` where they are not there, `CLIENT_PROTOCOL`
   * where they do not lead to the root
   */
  beginning?(size: number, newer: SignedCheckpoint): Promise<ForkProof>;
}

/** What {@link Follower} needs. */
export interface FollowerOptions {
  readonly client: LogView;
  /** Keys that checkpoints have to hold under: what is found then convinces others who pin them. */
  readonly trust: TrustStore;
  /** What earlier runs saw; nothing by default. */
  readonly seen?: SeenCheckpoints;
}

/**
 * Follows a log from checkpoint to checkpoint and demands that each extends the one before: what a
 * client can do by itself against an operator who rolls back or shows two faces.
 */
export class Follower {
  readonly #client: LogView;
  readonly #trust: TrustStore;
  // Owned by #follow.
  #seen: SeenCheckpoints;

  constructor({ client, trust, seen = SeenCheckpoints.NONE }: FollowerOptions) {
    this.#client = client;
    this.#trust = trust;
    this.#seen = seen;
  }

  /** What to keep for the next run. */
  get seen(): SeenCheckpoints {
    return this.#seen;
  }

  /**
   * Reads the newest checkpoint, which extends what was seen of that log.
   *
   * @throws {@link ClientError} `CLIENT_PROTOCOL` where the record is none; `CLIENT_CHECKPOINT_INVALID`
   * where it is not of a pinned key; `CLIENT_CONTRADICTION` with the evidence, `CLIENT_NOT_EXTENDED` without; `CLIENT_EXTENSION_UNKNOWN`
   * where nothing is there to tell it from; else as `ServiceClient.receipt`
   */
  async newest(): Promise<SignedCheckpoint> {
    const record = await this.#client.latestCheckpoint();
    return this.#follow(await this.#verify(checkpointIn(record)));
  }

  /**
   * Takes a receipt for what it says of the log: its checkpoint extends what was seen, or is of an
   * earlier size and is extended by it. Receipts that do not sign their tree size say nothing.
   *
   * @throws {@link ClientError} as {@link Follower.newest}
   */
  async take(inclusion: VerifiedInclusion): Promise<SignedCheckpoint | undefined> {
    const encoded = inclusion.encodeCheckpoint();
    return encoded === undefined ? undefined : this.#take(encoded);
  }

  /**
   * Reads the checkpoint of a size and takes it as {@link Follower.take} does that of a receipt.
   *
   * @throws {@link ClientError} as {@link Follower.newest}
   */
  async at(size: number): Promise<SignedCheckpoint> {
    return this.#take(checkpointIn(await this.#client.checkpoint(size)));
  }

  async #take(encoded: Uint8Array): Promise<SignedCheckpoint> {
    const signed = await this.#verify(encoded);
    const seen = this.#seen.of(signed);
    // A kept receipt, or one that a cache kept: old, and still a part of the log.
    const isEarlier = seen !== undefined && signed.checkpoint.size < seen.checkpoint.size;
    if (!isEarlier) return this.#follow(signed);
    await this.#requireExtension(signed, seen);
    return signed;
  }

  async #follow(shown: SignedCheckpoint): Promise<SignedCheckpoint> {
    const seen = this.#seen.of(shown);
    if (seen !== undefined) await this.#requireExtension(seen, shown);
    this.#seen = this.#seen.with(shown);
    return shown;
  }

  async #requireExtension(older: SignedCheckpoint, newer: SignedCheckpoint): Promise<void> {
    const contradiction = Contradiction.between(older, newer);
    if (contradiction !== undefined) throw await this.#contradicted(contradiction);
    const { size: oldSize, root } = older.checkpoint;
    const { size: newSize } = newer.checkpoint;
    if (oldSize === newSize) return;
    if (oldSize > newSize) {
      await this.#requireBothCount(older, newer);
      throw notExtended(`the service shows a log of ${newSize} entries, ${oldSize} were seen`);
    }
    const unproven = await this.#failureOf({ size: oldSize, root }, newer);
    if (unproven === undefined) return;
    const failure = await this.#failureOfTiles(older, newer, unproven);
    if (failure === undefined) return;
    const found = await this.#atSize(older);
    if (found !== undefined) throw await this.#contradicted(found);
    const sizes = `${newSize} entries extends the one of ${oldSize}`;
    if (isAbsent(failure)) {
      const message = `nothing is there that shows whether the log of ${sizes}: ${failure.message}`;
      throw new ClientError("CLIENT_EXTENSION_UNKNOWN", message, { cause: failure });
    }
    await this.#requireBothCount(older, newer);
    const message = `the service does not show that its log of ${sizes}: ${failure.message}`;
    throw notExtended(message, failure);
  }

  /** Yields why the service does not show that a tree extends another, `undefined` where it does. */
  async #failureOf(
    old: TrustedTree,
    { checkpoint: { size, root } }: SignedCheckpoint,
  ): Promise<Error | undefined> {
    try {
      const bytes = await this.#client.consistency(old.size, size);
      const { newRoot } = await verifyConsistency(bytes, this.#trust, old);
      if (encodeHex(newRoot) === encodeHex(root)) return undefined;
      return new Error(`the receipt of consistency is of another tree of ${size} entries`);
    } catch (error) {
      if (!isNotShown(error)) throw error;
      return error;
    }
  }

  /** Yields why tiles do not show it either, which is `unproven` where there are none. */
  async #failureOfTiles(
    older: SignedCheckpoint,
    newer: SignedCheckpoint,
    unproven: Error,
  ): Promise<Error | undefined> {
    const { size, root } = older.checkpoint;
    try {
      const proof = await this.#client.beginning?.(size, newer);
      if (proof === undefined) return unproven;
      if (encodeHex(proof.root) === encodeHex(root)) return undefined;
      const found = Contradiction.between(older, newer, proof);
      if (found !== undefined) throw await this.#contradicted(found);
      return new Error("its tiles are of another tree");
    } catch (error) {
      if (error instanceof ClientError && error.code === "CLIENT_EXTENSION_UNKNOWN")
        return unproven;
      if (!isNotShown(error)) throw error;
      return error;
    }
  }

  /** Yields what the service's own checkpoint of that size shows against it. */
  async #atSize(seen: SignedCheckpoint): Promise<Contradiction | undefined> {
    try {
      const record = await this.#client.checkpoint(seen.checkpoint.size);
      // Evidence, whatever the cutoff of the key since.
      const kept = await this.#verify(checkpointIn(record), { ignoresCutoffs: true });
      return Contradiction.between(seen, kept);
    } catch (error) {
      // That it shows none, or one that does not hold, is told by the failure that led here.
      if (error instanceof ClientError) return undefined;
      throw error;
    }
  }

  async #contradicted(contradiction: Contradiction): Promise<ClientError> {
    await this.#requireBothCount(contradiction.smaller, contradiction.larger);
    return contradicted(contradiction);
  }

  /**
   * Two keys are held against each other only where both count: what a retired one signed beyond its
   * cutoff, and was seen before that, convinces nobody, and may be a thief's.
   */
  async #requireBothCount(...pair: readonly [SignedCheckpoint, SignedCheckpoint]): Promise<void> {
    const [one, other] = pair.map(({ kid }) => encodeHex(kid));
    if (one === other) return;
    for (const signed of pair) {
      try {
        await verifyCheckpoint(signed.encode(), this.#trust);
      } catch (cause) {
        if (!(cause instanceof VerifierError)) throw cause;
        throw countsNoMore(signed, cause);
      }
    }
  }

  async #verify(encoded: Uint8Array, options: CheckpointOptions = {}): Promise<SignedCheckpoint> {
    try {
      return await verifyCheckpoint(encoded, this.#trust, options);
    } catch (cause) {
      if (!(cause instanceof VerifierError)) throw cause;
      throw new ClientError("CLIENT_CHECKPOINT_INVALID", `checkpoint: ${cause.message}`, { cause });
    }
  }
}

/** Yields the checkpoint in a chain record, whoever read that. */
function checkpointIn(record: Uint8Array): Uint8Array {
  try {
    return decodeChainLink(record).checkpoint;
  } catch (cause) {
    if (!(cause instanceof ReceiptError)) throw cause;
    throw new ClientError("CLIENT_PROTOCOL", cause.message, { cause });
  }
}

/** Answers that are none, whatever they are in the place of. */
const NOT_SHOWN: ReadonlySet<string> = new Set([
  "CLIENT_REFUSED",
  "CLIENT_PROTOCOL",
  "CLIENT_RECEIPT_INVALID",
]);

/** Yields whether a failure says that the service does not show what it has to show. */
function isNotShown(error: unknown): error is ClientError | VerifierError {
  if (error instanceof VerifierError) return true;
  return error instanceof ClientError && NOT_SHOWN.has(error.code);
}

/** Yields whether there was no answer to judge: a place that lacks something has contradicted nothing. */
function isAbsent(failure: Error): boolean {
  return failure instanceof ClientError && failure.code === "CLIENT_REFUSED";
}

function contradicted(contradiction: Contradiction): ClientError {
  const { kind, smaller, larger } = contradiction;
  const sizes = [smaller, larger].map(({ checkpoint }) => checkpoint.size).join(" and ");
  const message = `the log signed trees of sizes ${sizes} that cannot both be true (${kind})`;
  return new ClientError("CLIENT_CONTRADICTION", message, { contradiction });
}

function countsNoMore({ checkpoint }: SignedCheckpoint, cause: VerifierError): ClientError {
  const { origin, size } = checkpoint;
  return notExtended(
    `the log does not extend the tree of ${size} entries that was seen of ${origin}, which counts no ` +
      `more: ${cause.message}. Compare with the operator; then take it out of what was seen`,
    cause,
  );
}

function notExtended(message: string, cause?: Error): ClientError {
  return new ClientError("CLIENT_NOT_EXTENDED", message, cause === undefined ? {} : { cause });
}
