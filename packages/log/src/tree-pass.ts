import { TILE_WIDTH } from "@tallystick/merkle";
import { chainDigest, type Checkpoint } from "@tallystick/receipt";

import { ChainCheck, type ChainStart } from "./chain-check.js";
import { ControlCheck } from "./control-check.js";
import { Edge, edgeTiles } from "./edge.js";
import { LogError } from "./error.js";
import type { ReceiptKeys } from "./keys.js";
import {
  checkpointKey,
  controlKey,
  formatKey,
  isEqual,
  KIND,
  kindRange,
  META_KEY,
  openRow,
  tileKey,
} from "./layout.js";
import type { RowSource } from "./pinned.js";
import { decodeChainLink, decodeMeta } from "./record.js";
import { decodeStated } from "./stated.js";
import type { Survey } from "./survey.js";
import { splitHashes } from "./tile.js";
import { TreeCheck } from "./tree-check.js";

/** How far a pass over the tree has got, small enough to keep. */
export interface TreeMark {
  /** Entries verified, a multiple of 256. */
  readonly size: number;
  readonly root: Uint8Array;
  /** The newest kept checkpoint at or below `size`. */
  readonly link: { readonly size: number; readonly digest: Uint8Array };
}

/** Where a pass goes on. */
export interface TreeStart {
  readonly edge: Edge;
  readonly link: ChainStart;
}

/** What {@link TreePass.begin} needs. */
export interface TreePassOptions {
  readonly survey: Survey;
  /** What the checkpoint to be reached states. */
  readonly stated: Checkpoint;
  /** Without it signatures are not looked at. */
  readonly key: ReceiptKeys | undefined;
  readonly withBodies: boolean;
  /** Index of the newest control entry at that checkpoint. */
  readonly control: number;
  /** The first entry unless given. */
  readonly from?: TreeStart | undefined;
}

interface Parts {
  readonly survey: Survey;
  readonly stated: Checkpoint;
  readonly tree: TreeCheck;
  readonly chain: ChainCheck;
  readonly controls: ControlCheck;
  readonly control: number;
}

/** One bundle further. */
export interface TreeStep {
  /** Entries reached. */
  readonly entries: number;
  /** Checkpoints and control entries that were checked with the bundle. */
  readonly checkpoints: number;
  readonly controls: number;
}

/** One walk over the entries, from the bundles up to the root of a kept checkpoint and all before it. */
export class TreePass {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async begin(options: TreePassOptions): Promise<TreePass> {
    const { survey, stated, key, withBodies, control, from } = options;
    const [payload] = await survey.require([META_KEY]);
    const meta = payload && survey.decode(META_KEY, payload, decodeMeta);
    const chain = new ChainCheck({ survey, meta, key, from: from?.link });
    const { size } = stated;
    const tree = new TreeCheck({
      survey,
      size,
      withBodies,
      sizesWithin: (after, to) => chain.sizesWithin(after, to),
      from: from?.edge,
    });
    const controls = await ControlCheck.from(survey, from?.edge.size ?? 0);
    return new TreePass({ survey, stated, tree, chain, controls, control });
  }

  get counts(): TreeCheck["counts"] {
    return this.#parts.tree.counts;
  }

  /** How many kept checkpoints were found as they should be. */
  get checkpoints(): number {
    return this.#parts.chain.count;
  }

  /**
   * Walks bundle after bundle, with the checkpoints and the control entries of each. At the end the
   * root is compared, and the newest of both must have been among them.
   */
  async *run(): AsyncIterable<TreeStep> {
    const { survey, stated, tree, chain, controls, control } = this.#parts;
    for await (const { first, entries, reached } of tree.run()) {
      await chain.check(reached);
      const end = first + entries.length;
      const before = controls.count;
      const from = first === 0 ? kindRange(KIND.control).from : controlKey(first);
      await controls.check({ from, before: controlKey(end) }, (index) =>
        Promise.resolve(entries[index - first]),
      );
      const count = controls.count - before;
      yield { entries: end, checkpoints: reached.length, controls: count };
    }
    const { findings } = survey;
    const where = formatKey(checkpointKey(stated.size));
    if (tree.counts.entries === stated.size && !isEqual(tree.root(), stated.root)) {
      findings.add("mismatch", where, "states another root than the entries lead to");
    }
    if (chain.newest?.size !== stated.size) {
      findings.add("missing", where, "is not among the kept checkpoints");
    }
    if (tree.counts.entries === stated.size) controls.requireNewest(control);
  }

  /** Yields where a later pass can go on, `undefined` inside a bundle and before the first checkpoint. */
  mark(): TreeMark | undefined {
    const { tree, chain } = this.#parts;
    const size = tree.counts.entries;
    if (chain.reached === undefined || size % TILE_WIDTH !== 0) return undefined;
    const { record, stated } = chain.reached;
    const link = { size: stated.size, digest: chainDigest(record) };
    return { size, root: tree.root(), link };
  }
}

/**
 * Yields the start that a mark stands for, read from the store and held against the mark, `undefined`
 * if they do not agree: the pass then begins anew and finds out why.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE`
 */
export async function startAt(rows: RowSource, mark: TreeMark): Promise<TreeStart | undefined> {
  const partial = edgeTiles(mark.size);
  const keys = [checkpointKey(mark.link.size), ...partial.map(tileKey)];
  const values = await rows.getMany(keys);
  try {
    const [record, ...payloads] = keys.map((key, i) => {
      const value = values[i];
      if (value === undefined) throw new LogError("LOG_CORRUPT", `${formatKey(key)} is missing`);
      return openRow({ key, value });
    });
    if (record === undefined || !isEqual(chainDigest(record), mark.link.digest)) return undefined;
    const tiles: (readonly Uint8Array[])[] = [];
    for (let rest = mark.size; rest > 0; rest = Math.floor(rest / TILE_WIDTH)) tiles.push([]);
    partial.forEach(({ level, width }, i) => {
      tiles[level] = splitHashes(payloads[i] ?? new Uint8Array()).slice(0, width);
    });
    const edge = Edge.from({ size: mark.size, bundle: [], tiles });
    if (!isEqual(edge.root(), mark.root)) return undefined;
    return { edge, link: { record, stated: decodeStated(decodeChainLink(record).checkpoint) } };
  } catch {
    return undefined;
  }
}
