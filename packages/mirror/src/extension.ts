import { Contradiction } from "@tallystick/receipt";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { VerifierError, verifyCheckpoint } from "@tallystick/verifier";
import type { TrustStore } from "@tallystick/verifier";

import { MirrorError } from "./error.js";
import { isSame } from "./same.js";
import type { VerifiedTree } from "./tree.js";

/** Trees that are at hand to show what a checkpoint is held against. */
export interface Trees {
  /** Opens the tree under the checkpoint that is shown now. */
  readonly shown: () => Promise<VerifiedTree>;
  /** The tree under the one that was seen, where there is a copy of it. */
  readonly seen?: VerifiedTree | undefined;
  /** Keys of the log, and how far each counts by now. */
  readonly trust: TrustStore;
  /** What the checkpoint that was seen is kept in, in words. */
  readonly keptIn: string;
}

/** What two checkpoints that are shown together are held against. */
export interface Showing {
  readonly trust: TrustStore;
  /** Opens the tree under the larger one, where its tiles are there. */
  readonly tree: () => Promise<VerifiedTree>;
}

/**
 * Requires that of two checkpoints that a place shows together the larger one extends the other, and
 * yields its tree.
 *
 * @throws {@link MirrorError} `MIRROR_CONTRADICTION` with the evidence, `MIRROR_NOT_EXTENDED`,
 * `MIRROR_CHECKPOINT_INVALID`; what opening the tree throws
 */
export async function requireAgreement(
  smaller: SignedCheckpoint,
  larger: SignedCheckpoint,
  { trust, tree: open }: Showing,
): Promise<VerifiedTree> {
  requireOneLog(smaller, larger);
  const found = Contradiction.between(smaller, larger);
  if (found !== undefined) {
    await requireBothCount([smaller, larger], { trust });
    throw contradicted(found);
  }
  const tree = await open();
  await requireBeginning(smaller, larger, { trust, tree });
  return tree;
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
  requireOneLog(seen, shown);
  // What two checkpoints show by themselves needs no tile of anybody.
  const found = Contradiction.between(seen, shown);
  if (found !== undefined) {
    await requireBothCount([seen, shown], trees);
    throw contradicted(found);
  }
  if (now.size < before.size) {
    await requireBeginning(shown, seen, { ...trees, tree: trees.seen });
    await requireBothCount([seen, shown], trees);
    const sizes = `a log of ${now.size} entries, ${before.size} were seen`;
    throw new MirrorError("MIRROR_STALE", `shows ${sizes}: an old copy, or a log rolled back`);
  }
  const tree = await trees.shown();
  await requireBeginning(seen, shown, { ...trees, tree });
  return tree;
}

function requireOneLog(
  { checkpoint: before }: SignedCheckpoint,
  { checkpoint: now }: SignedCheckpoint,
): void {
  if (before.issuer === now.issuer && before.origin === now.origin) return;
  const message = `this is ${now.issuer}, log ${now.origin}, seen was ${before.origin}`;
  throw new MirrorError("MIRROR_CHECKPOINT_INVALID", message);
}

/** Which keys count, and where a checkpoint is kept that was seen before, if it is. */
type Counting = Pick<Trees, "trust"> & Partial<Pick<Trees, "keptIn">>;

async function requireBeginning(
  smaller: SignedCheckpoint,
  larger: SignedCheckpoint,
  { tree, ...trees }: Counting & { readonly tree: VerifiedTree | undefined },
): Promise<void> {
  const { size } = smaller.checkpoint;
  if (tree?.size !== larger.checkpoint.size) return;
  const root = await tree.rootAt(size);
  if (isSame(root, smaller.checkpoint.root)) return;
  await requireBothCount([smaller, larger], trees);
  const path = await tree.consistencyFrom(size);
  const found = Contradiction.between(smaller, larger, { root, path });
  if (found !== undefined) throw contradicted(found);
  const sizes = `${larger.checkpoint.size} entries does not begin with those of ${size}`;
  throw new MirrorError("MIRROR_NOT_EXTENDED", `the log of ${sizes}`);
}

/**
 * Two keys are held against each other only where both count: what a retired one signed beyond its
 * cutoff, and was seen before that, convinces nobody, and may be a thief's.
 */
async function requireBothCount(
  pair: readonly [SignedCheckpoint, SignedCheckpoint],
  { trust, keptIn }: Counting,
): Promise<void> {
  const [one, other] = pair;
  if (isSame(one.kid, other.kid)) return;
  for (const signed of pair) {
    try {
      await verifyCheckpoint(signed.encode(), trust);
    } catch (cause) {
      if (!(cause instanceof VerifierError)) throw cause;
      const { origin, size } = signed.checkpoint;
      const seen = `the tree of ${size} entries ${keptIn === undefined ? "" : "that was seen "}of ${origin}`;
      const then = keptIn === undefined ? "" : `; then remove ${keptIn}, and begin anew`;
      const message =
        `the log does not agree with ${seen}, which counts no more: ${cause.message}. Compare with the ` +
        `operator${then}`;
      throw new MirrorError("MIRROR_NOT_EXTENDED", message, { cause });
    }
  }
}

function contradicted(contradiction: Contradiction): MirrorError {
  const { kind, smaller, larger } = contradiction;
  const sizes = [smaller, larger].map(({ checkpoint }) => checkpoint.size).join(" and ");
  const message = `the log signed trees of sizes ${sizes} that cannot both be true (${kind})`;
  return new MirrorError("MIRROR_CONTRADICTION", message, { contradiction });
}
