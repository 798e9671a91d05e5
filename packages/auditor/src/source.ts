import type { PublicKey } from "@tallystick/cose";
import type { Checkpoint } from "@tallystick/receipt";

/** An entry as a log gives it to be replayed. */
export interface SourceEntry {
  /** The normalised statement. */
  readonly statement: Uint8Array;
  /** What the decision was made with beside the statement, in CBOR. */
  readonly collateral: Uint8Array;
}

/** Where a log stands. */
export interface SourceHead {
  readonly size: number;
  /** The chain record of the newest checkpoint. */
  readonly record: Uint8Array;
}

/**
 * Gives a log to be replayed, in bundles of 256 entries. Nothing that it gives is trusted; what it
 * throws ends the audit without a verdict.
 */
export interface LogSource {
  newest(): Promise<SourceHead>;
  /** Yields the entries of a bundle, in order; the last bundle may be partial. */
  entries(bundle: number): AsyncIterable<SourceEntry>;
  /**
   * Yields the chain records of the checkpoints whose last entry is in the bundle: those of the sizes
   * 256n + 1 to 256n + 256, ascending.
   */
  checkpoints(bundle: number): AsyncIterable<Uint8Array>;
}

/** What an auditor knows of a log beforehand, and not from the log. */
export interface AuditTrust {
  /** Keys that checkpoints may be signed with, at least one. */
  readonly receiptKeys: readonly PublicKey[];
  /** Says how far a key counts, by throwing where a checkpoint is beyond; all count unless given. */
  readonly requireWithin?: (key: PublicKey, checkpoint: Checkpoint) => void;
  /** The same of the newest checkpoint, which nothing signed later vouches for. */
  readonly requireNewest?: (key: PublicKey, checkpoint: Checkpoint) => void;
  /** `iss` of its checkpoints; that of the first one unless given. */
  readonly issuer?: string;
  /** `sub` of its checkpoints; that of the first one unless given. */
  readonly origin?: string;
}
