import { Contradiction } from "@tallystick/receipt";
import type { SignedCheckpoint } from "@tallystick/receipt";

import { MirrorError } from "./error.js";
import { isSame } from "./same.js";
import type { VerifiedTree } from "./tree.js";

/** Trees that are at hand to show what a checkpoint is held against. */
export interface Trees {
  /** Opens the tree under the checkpoint that is shown now. */
  readonly shown: () => Promise<VerifiedTree>;
  /** The tree under the one that was seen, where there is a copy of it. */
  readonly seen?: VerifiedTree | undefined;
}

/**
 * Requires that the log of a checkpoint that is shown extends the one that was seen, and yields its
 * tree.
 *
 * @throws {@link MirrorError} `MIRROR_CONTRADICTION` with the evidence, `MIRROR_STALE`,
 * `MIRROR_NOT_EXTENDED`, `MIRROR_CHECKPOINT_INVALID`; what opening the tree throws
 */
export async function requireExtension(
  seen: SignedCheckpoint | undefined,
  shown: SignedCheckpoint,
  trees: Trees,
): Promise<VerifiedTree> {
  if (seen === undefined) return trees.shown();
  const [before, now] = [seen.checkpoint, shown.checkpoint];
  if (before.issuer !== now.issuer || before.origin !== now.origin) {
    const message = `this is ${now.issuer}, log ${now.origin}, seen was ${before.origin}`;
    throw new MirrorError("MIRROR_CHECKPOINT_INVALID", message);
  }
  // What two checkpoints show by themselves needs no tile of anybody.
  const found = Contradiction.between(seen, shown);
  if (found !== undefined) throw contradicted(found);
  if (now.size < before.size) {
    await requireBeginning(shown, seen, trees.seen);
    const sizes = `a log of ${now.size} entries, ${before.size} were seen`;
    throw new MirrorError("MIRROR_STALE", `shows ${sizes}: an old copy, or a log rolled back`);
  }
  const tree = await trees.shown();
  await requireBeginning(seen, shown, tree);
  return tree;
}

async function requireBeginning(
  smaller: SignedCheckpoint,
  larger: SignedCheckpoint,
  tree: VerifiedTree | undefined,
): Promise<void> {
  const { size } = smaller.checkpoint;
  if (tree?.size !== larger.checkpoint.size) return;
  const root = await tree.rootAt(size);
  if (isSame(root, smaller.checkpoint.root)) return;
  const path = await tree.consistencyFrom(size);
  const found = Contradiction.between(smaller, larger, { root, path });
  if (found !== undefined) throw contradicted(found);
  const sizes = `${larger.checkpoint.size} entries does not begin with those of ${size}`;
  throw new MirrorError("MIRROR_NOT_EXTENDED", `the log of ${sizes}`);
}

function contradicted(contradiction: Contradiction): MirrorError {
  const { kind, smaller, larger } = contradiction;
  const sizes = [smaller, larger].map(({ checkpoint }) => checkpoint.size).join(" and ");
  const message = `the log signed trees of sizes ${sizes} that cannot both be true (${kind})`;
  return new MirrorError("MIRROR_CONTRADICTION", message, { contradiction });
}
