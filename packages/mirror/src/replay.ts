import { TILE_WIDTH } from "@tallystick/merkle";
import type { SignedCheckpoint } from "@tallystick/receipt";
import type { TrustStore } from "@tallystick/verifier";

import { readStatement } from "./body.js";
import { readBundle } from "./bundle.js";
import { checkpointsBack } from "./chain.js";
import { readHeads } from "./heads.js";
import { forEachOf } from "./parallel.js";
import { CheckedReader } from "./read-path.js";
import type { ReadPath } from "./read-path.js";
import type { VerifiedTree } from "./tree.js";

/** How a log is replayed. */
export interface ReplayOptions {
  /** Pins note key and receipt keys of the log. */
  readonly trust: TrustStore;
  /** Statements that are on their way at a time. */
  readonly parallel: number;
}

/** Size and time of a checkpoint. */
export interface CheckpointTime {
  readonly size: number;
  readonly time: number;
}

/**
 * A log from its first entry to its newest checkpoint, out of its read path: whatever is yielded was held
 * against that checkpoint. Bundles are of 256 entries.
 *
 * Memory: size and time of each checkpoint, two tiles for each level, a bundle, and `parallel` statements.
 */
export class VerifiedReplay {
  /** The newest checkpoint. */
  readonly newest: SignedCheckpoint;
  readonly #reader: CheckedReader;
  readonly #tree: VerifiedTree;
  readonly #parallel: number;
  // Ascending.
  readonly #times: readonly CheckpointTime[];

  private constructor(
    { reader, tree, newest }: Opened,
    { parallel }: ReplayOptions,
    times: readonly CheckpointTime[],
  ) {
    this.newest = newest;
    this.#reader = reader;
    this.#tree = tree;
    this.#parallel = parallel;
    this.#times = times;
  }

  /**
   * Opens the read path of a log, and follows its whole chain of checkpoints.
   *
   * @throws {@link MirrorError} as {@link readHeads}
   */
  static async open(source: ReadPath, options: ReplayOptions): Promise<VerifiedReplay> {
    const { trust } = options;
    const reader = new CheckedReader(source);
    const { newest: head, tree } = await readHeads(reader, { trust });
    const times: CheckpointTime[] = [];
    for await (const { signed } of checkpointsBack(reader, head, { trust, tree })) {
      const { size, time } = signed.checkpoint;
      times.push({ size, time });
    }
    const opened = { reader, tree, newest: head.signed };
    return new VerifiedReplay(opened, options, times.reverse());
  }

  get size(): number {
    return this.#tree.size;
  }

  /**
   * Yields the normalised statements of a bundle in their order, those from an index on. Throws as
   * {@link VerifiedReplay.open}, and {@link MirrorError} `MIRROR_BODY_INVALID`.
   */
  async *entries(
    bundle: number,
    from = 0,
  ): AsyncGenerator<{ readonly statement: Uint8Array }, void, undefined> {
    const { first, entries } = await readBundle(this.#reader, this.#tree, bundle);
    const wanted = entries.slice(Math.max(0, from - first));
    for (let at = 0; at < wanted.length; at += this.#parallel) {
      const some = wanted.slice(at, at + this.#parallel);
      const bodies: Uint8Array[] = [];
      await forEachOf(some, this.#parallel, async (entry, position) => {
        bodies[position] = (await readStatement(this.#reader, entry)).normalised;
      });
      for (const statement of bodies) yield { statement };
    }
  }

  /** Yields the checkpoints whose newest entry is in a bundle, smallest first, those above a size. */
  times(bundle: number, above = 0): readonly CheckpointTime[] {
    const first = Math.max(bundle * TILE_WIDTH, above);
    const last = (bundle + 1) * TILE_WIDTH;
    return this.#times.slice(this.#countUpTo(first), this.#countUpTo(last));
  }

  /** Yields how many checkpoints are of a size or a smaller one. */
  #countUpTo(size: number): number {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#times[middle]?.size ?? Infinity) <= size) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

interface Opened {
  readonly reader: CheckedReader;
  readonly tree: VerifiedTree;
  readonly newest: SignedCheckpoint;
}
