import type { Output } from "./output.js";

/** What a reader of a log tells of its published checkpoint. */
export interface PublishedSizes {
  /** Size of the newest checkpoint. */
  readonly size: number;
  /** Size of the published one. */
  readonly published: number;
  /** Signatures of the note that nobody has verified. */
  readonly unchecked: number;
}

/** Prints what the published note lacks, where it lacks anything. */
export function printPublished(
  { size, published, unchecked }: PublishedSizes,
  output: Output,
): void {
  const behind = size - published;
  if (behind > 0) {
    output.print(`published: ${published} entries, ${behind} behind checkpoints/latest`);
  }
  if (unchecked > 0) {
    output.print(`signatures not checked: ${unchecked}, of keys that are not known here`);
  }
}
