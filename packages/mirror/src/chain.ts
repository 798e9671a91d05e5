import { HASH_BYTES } from "@tallystick/merkle";
import { chainDigest } from "@tallystick/receipt";
import type { TrustStore } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import { readKept, readNote } from "./head.js";
import type { KeptCheckpoint } from "./head.js";
import type { CheckedReader } from "./read-path.js";
import { isSame } from "./same.js";
import type { VerifiedTree } from "./tree.js";

/** A checkpoint that the chain was followed up to. */
export interface ChainEnd {
  readonly size: number;
  /** SHA-256 of its record. */
  readonly digest: Uint8Array;
}

/** How a chain is followed. */
export interface ChainOptions {
  readonly trust: TrustStore;
  readonly tree: VerifiedTree;
  /** Where it was followed up to before; to the first checkpoint unless given. */
  readonly end?: ChainEnd | undefined;
}

/** Yields what a later run names a checkpoint by. */
export function endAt({ record, signed }: KeptCheckpoint): ChainEnd {
  return { size: signed.checkpoint.size, digest: chainDigest(record) };
}

/**
 * Follows the chain of checkpoints back from the newest one, and reads each in both forms: signed by a
 * pinned key, over the root that the tree had, named by the one after it. Holds one of them at a time.
 *
 * @throws {@link MirrorError} `MIRROR_CHECKPOINT_INVALID`, `MIRROR_TILE_INVALID`, `MIRROR_INCOMPLETE`;
 * what the source throws
 */
export async function* checkpointsBack(
  reader: CheckedReader,
  head: KeptCheckpoint,
  { trust, tree, end }: ChainOptions,
): AsyncGenerator<KeptCheckpoint, void, undefined> {
  requireEnd(head, end);
  for (let kept = head; kept.signed.checkpoint.size > (end?.size ?? 0);) {
    const { size, root } = kept.signed.checkpoint;
    if (!isSame(await tree.rootAt(size), root)) {
      throw broken(`the checkpoint of ${size} entries is of another tree`);
    }
    await readNote(reader, kept.signed, trust);
    yield kept;
    const before = await previous(reader, kept, { trust, end });
    if (before === undefined) return;
    kept = before;
  }
}

async function previous(
  reader: CheckedReader,
  { link, signed }: KeptCheckpoint,
  { trust, end }: Pick<ChainOptions, "trust" | "end">,
): Promise<KeptCheckpoint | undefined> {
  const { previousSize: size, previousDigest: digest } = link;
  const { size: after, time, issuer, origin } = signed.checkpoint;
  if (size >= after) throw broken(`the checkpoint of ${after} entries follows one of ${size}`);
  if (size <= (end?.size ?? 0)) {
    // The chain ends where it ended before, or where it begins.
    const wanted = end ?? { size: 0, digest: new Uint8Array(HASH_BYTES) };
    if (size === wanted.size && isSame(digest, wanted.digest)) return undefined;
    throw broken(`the checkpoint of ${after} entries does not follow that of ${wanted.size}`);
  }
  return readKept(reader, size, {
    // Its digest stands in one that counts, whatever the cutoff of the key since.
    ...{ trust, ignoresCutoffs: true },
    accept: ({ record, signed: { checkpoint } }) => {
      const isOfLog = checkpoint.issuer === issuer && checkpoint.origin === origin;
      const isNamed = isSame(chainDigest(record), digest);
      if (isOfLog && isNamed && checkpoint.time <= time) return;
      throw broken(`the checkpoint of ${size} entries is not the one that ${after} follows`);
    },
  });
}

/**
 * Requires that a checkpoint at which the chain was followed before has the same record still: nobody signs
 * the link of a record, and one with another link is another chain under the same checkpoint.
 *
 * @throws {@link MirrorError} `MIRROR_CHECKPOINT_INVALID`
 */
export function requireEnd({ record, signed }: KeptCheckpoint, end: ChainEnd | undefined): void {
  const { size } = signed.checkpoint;
  if (size !== end?.size || isSame(chainDigest(record), end.digest)) return;
  throw broken(`the checkpoint of ${size} entries has another record than it had before`);
}

function broken(message: string): MirrorError {
  return new MirrorError("MIRROR_CHECKPOINT_INVALID", message);
}
