import { encodeHex } from "@tallystick/cose";
import { Contradiction, decodeChainLink } from "@tallystick/receipt";
import type { SignedCheckpoint, TrustedTree, VerifiedInclusion } from "@tallystick/receipt";
import { VerifierError, verifyCheckpoint, verifyConsistency } from "@tallystick/verifier";
import type { CheckpointOptions, TrustStore } from "@tallystick/verifier";

import { ClientError } from "./error.js";
import { SeenCheckpoints } from "./seen.js";
import type { ServiceClient } from "./service.js";

/** What {@link Follower} needs. */
export interface FollowerOptions {
  readonly client: ServiceClient;
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
  readonly #client: ServiceClient;
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
   * @throws {@link ClientError} `CLIENT_CHECKPOINT_INVALID` where it is not of a pinned key;
   * `CLIENT_CONTRADICTION` with the evidence, `CLIENT_NOT_EXTENDED` without; else as
   * `ServiceClient.receipt`
   */
  async newest(): Promise<SignedCheckpoint> {
    const record = await this.#client.latestCheckpoint();
    return this.#follow(await this.#verify(decodeChainLink(record).checkpoint));
  }

  /**
   * Takes a receipt for what it says of the log: its checkpoint extends what was seen, or is of an
   * earlier size and is extended by it. Receipts that do not sign their tree size say nothing.
   *
   * @throws {@link ClientError} as {@link Follower.newest}
   */
  async take(inclusion: VerifiedInclusion): Promise<SignedCheckpoint | undefined> {
    const encoded = inclusion.encodeCheckpoint();
    if (encoded === undefined) return undefined;
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
    const failure = await this.#failureOf({ size: oldSize, root }, newer);
    if (failure === undefined) return;
    const found = await this.#atSize(older);
    if (found !== undefined) throw await this.#contradicted(found);
    await this.#requireBothCount(older, newer);
    const sizes = `${newSize} entries extends the one of ${oldSize}`;
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

  /** Yields what the service's own checkpoint of that size shows against it. */
  async #atSize(seen: SignedCheckpoint): Promise<Contradiction | undefined> {
    try {
      const record = await this.#client.checkpoint(seen.checkpoint.size);
      const { checkpoint } = decodeChainLink(record);
      // Evidence, whatever the cutoff of the key since.
      const kept = await this.#verify(checkpoint, { ignoresCutoffs: true });
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
