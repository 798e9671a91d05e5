import type { PublicKey } from "@tallystick/cose";
import { TILE_WIDTH } from "@tallystick/merkle";
import { chainDigest, type Checkpoint } from "@tallystick/receipt";

import { ChainCheck, type ChainStart } from "./chain-check.js";
import { Edge, edgeTiles } from "./edge.js";
import { LogError } from "./error.js";
import {
  checkpointKey,
  formatKey,
  isEqual,
  KIND,
  kindRange,
  META_KEY,
  openRow,
  tileKey,
} from "./layout.js";
import type { RowSource } from "./pinned.js";
import { decodeChainLink, decodeControl, decodeMeta } from "./record.js";
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
  readonly key: PublicKey | undefined;
  readonly withBodies: boolean;
  /** The first entry unless given. */
  readonly from?: TreeStart | undefined;
}

interface Parts {
  readonly survey: Survey;
  readonly stated: Checkpoint;
  readonly tree: TreeCheck;
  readonly chain: ChainCheck;
}

/** One walk over the entries, from the bundles up to the root of a kept checkpoint and all before it. */
export class TreePass {
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async begin(options: TreePassOptions): Promise<TreePass> {
    const { survey, stated, key, withBodies, from } = options;
    const [payload] = await survey.require([META_KEY]);
    const meta = payload && survey.decode(META_KEY, payload, decodeMeta);
    const chain = new ChainCheck({ survey, meta, key, from: from?.link });
    const sizes = (await chain.sizes()).filter((size) => size <= stated.size);
    const { size } = stated;
    const tree = new TreeCheck({ survey, size, withBodies, sizes, from: from?.edge });
    return new TreePass({ survey, stated, tree, chain });
  }

  get counts(): TreeCheck["counts"] {
    return this.#parts.tree.counts;
  }

  /** How many kept checkpoints were found as they should be. */
  get checkpoints(): number {
    return this.#parts.chain.count;
  }

  /**
   * Yields the number of entries reached, bundle after bundle. At the end the root is compared and
   * every control row is read.
   */
  async *run(): AsyncIterable<number> {
    const { survey, stated, tree, chain } = this.#parts;
    for await (const reached of tree.run()) {
      await chain.check(reached);
      yield tree.counts.entries;
    }
    const { findings } = survey;
    const where = formatKey(checkpointKey(stated.size));
    if (tree.counts.entries === stated.size && !isEqual(tree.root(), stated.root)) {
      findings.add("mismatch", where, "states another root than the entries lead to");
    }
    if (chain.newest?.size !== stated.size) {
      findings.add("missing", where, "is not among the kept checkpoints");
    }
    // Policies are few, so their rows are read at once.
    for await (const control of survey.keys(kindRange(KIND.control))) {
      const [payload] = await survey.require([control]);
      if (payload !== undefined) survey.decode(control, payload, decodeControl);
    }
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
