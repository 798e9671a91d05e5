import { Receipt, VerifiedConsistency, VerifiedInclusion } from "@tallystick/receipt";
import type { SignedCheckpoint } from "@tallystick/receipt";

import type { Log } from "../log.js";
import type { SequencedEntry } from "../sequenced.js";
import { key } from "./bench.js";

/** What a client has been told, to be held against the log for ever after. */
export class Witness {
  readonly acknowledged: { readonly sequenced: SequencedEntry; readonly receipt: Uint8Array }[] =
    [];
  readonly checkpoints: SignedCheckpoint[] = [];

  /** Notes a checkpoint that was seen. */
  see(checkpoint: SignedCheckpoint): void {
    this.checkpoints.push(checkpoint);
  }

  /** Notes an acknowledgement, and takes the receipt at the checkpoint that came with it. */
  async note(log: Log, sequenced: SequencedEntry): Promise<void> {
    const { entry, checkpoint } = sequenced;
    const { size } = checkpoint.checkpoint;
    this.see(checkpoint);
    this.acknowledged.push({ sequenced, receipt: await log.inclusionReceipt(entry, size) });
  }

  /**
   * Throws unless everything ever told still holds: receipts verify, every acknowledged entry is at
   * its index with its body, and all checkpoints seen are consistent with the newest.
   */
  async demand(log: Log): Promise<void> {
    for (const { sequenced, receipt } of this.acknowledged) {
      const { entry, index } = sequenced;
      const { size } = sequenced.checkpoint.checkpoint;
      await verifyInclusion(receipt, entry, index);
      const again = await log.inclusionReceipt(entry, size);
      if (Buffer.compare(again, receipt) !== 0) throw new Error(`receipt of ${index} changed`);
      if (Buffer.compare(await log.entryAt(index), entry) !== 0) throw new Error(`entry ${index}`);
      await log.body(entry);
    }
    for (const { checkpoint } of this.checkpoints) {
      const head = log.head().checkpoint;
      if (checkpoint.size === head.size) {
        if (Buffer.compare(checkpoint.root, head.root) !== 0) throw new Error("fork");
      } else {
        await verifyConsistency(log, checkpoint, head.size);
      }
    }
  }
}

/** Throws unless a receipt shows the entry at that index. */
export async function verifyInclusion(
  receipt: Uint8Array,
  entry: Uint8Array,
  index: number,
): Promise<VerifiedInclusion> {
  const verified = await VerifiedInclusion.verify(Receipt.decode(receipt), { entry, key });
  if (verified.index !== index) throw new Error(`index ${String(verified.index)}, want ${index}`);
  return verified;
}

/** Throws unless the log proves that it extends an older tree. */
export async function verifyConsistency(
  log: Log,
  old: { readonly size: number; readonly root: Uint8Array },
  newSize: number,
): Promise<VerifiedConsistency> {
  const receipt = Receipt.decode(await log.consistencyReceipt(old.size, newSize));
  return VerifiedConsistency.verify(receipt, { old, key });
}
