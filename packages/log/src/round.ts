import {
  type ConsistencyProof,
  consistencyNodes,
  consistencyPath,
  encodeBundle,
  leafHash,
  rootNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TilePosition,
  type TreeNode,
} from "@tallystick/merkle";

import { Edge, type EdgeParts } from "./edge.js";
import { LogError } from "./error.js";
import { bodyKey, bundleKey, concat, digestKey, sealRow, tileKey } from "./layout.js";
import type { Submission } from "./pool.js";
import { encodePlacement } from "./record.js";
import { RowBlock } from "./row-block.js";
import type { Row } from "./store.js";

/** A bundle that the round begins, widens or completes, as it will be stored. */
export interface BundleRow {
  readonly index: number;
  readonly row: Row;
}

/** A tile that the round begins, widens or completes, as it will be stored. */
export interface TileRow extends TilePosition {
  readonly row: Row;
}

/** The rows of one new entry, as they will be stored. */
export interface EntryRows {
  readonly entry: Uint8Array;
  readonly index: number;
  readonly placement: Row;
  readonly body: Row;
}

/** A batch integrated into the tree, in memory only: what would be stored, and the root it claims. */
export interface Round {
  readonly before: Edge;
  readonly after: Edge;
  readonly root: Uint8Array;
  /** Left to right, from the one that holds index `before.size` on. */
  readonly bundles: readonly BundleRow[];
  readonly tiles: readonly TileRow[];
  readonly entries: readonly EntryRows[];
  /** The nodes that it completes, by tree level from the leaves up, left to right. */
  readonly completed: readonly (readonly Uint8Array[])[];
}

/** Integrates entries, in order, into the tree that ends at `before`. Pure; at least one entry. */
export function buildRound(before: Edge, submissions: readonly Submission[]): Round {
  const growth = new Growth(before);
  const nodes = before.nodes();
  const completed: Uint8Array[][] = [];
  const block = new RowBlock();
  const entries = submissions.map(({ entry, body, collateral }) => {
    const index = nodes.size;
    growth.addEntry(entry);
    // N6
    for (const node of nodes.append(leafHash(entry))) {
      growth.addNode(node);
      (completed[node.id.level] ??= []).push(node.hash);
    }
    const placement = block.seal([digestKey(entry)], [encodePlacement({ index, collateral })]);
    return { entry, index, placement, body: block.seal([bodyKey(index)], [body]) };
  });
  const after = Edge.grown(growth.parts(nodes.size), nodes);
  return { before, after, root: after.root(), entries, completed, ...growth.rows() };
}

/**
 * Yields the proof that the tree after a round extends the one before, which is not empty. Every node
 * of it stood at the edge before, or is completed by the round. It is a claim: whoever relies on it
 * verifies it against both roots.
 */
export function consistencyOf({ before, after, completed }: Round): ConsistencyProof {
  const [oldSize, newSize] = [before.size, after.size];
  const peaks = before.nodes().hashes();
  const edge = new Map(rootNodes(oldSize).map(({ level }, i) => [level, peaks[i]]));
  const hashes = consistencyNodes(oldSize, newSize).map(({ level, index }) => {
    const first = Math.floor(oldSize / 2 ** level);
    const hash = index < first ? edge.get(level) : completed[level]?.[index - first];
    if (hash === undefined) throw new LogError("LOG_CORRUPT", `node ${level}/${index} is missing`);
    return hash;
  });
  return { oldSize, newSize, path: consistencyPath(oldSize, newSize, hashes) };
}

/** Yields every row that a round adds or replaces in the tree, the index and the bodies. */
export function rowsOf(round: Round): readonly Row[] {
  return [
    ...round.entries.flatMap(({ body, placement }) => [body, placement]),
    ...round.bundles.map(({ row }) => row),
    ...round.tiles.map(({ row }) => row),
  ];
}

/** Bundles and tiles as they fill up. Every full one is written once, every partial one at the end. */
class Growth {
  readonly #bundles: BundleRow[] = [];
  readonly #tiles: TileRow[] = [];
  #bundle: Uint8Array[];
  #bundleIndex: number;
  readonly #levels: TileGrowth[];

  constructor(edge: EdgeParts) {
    this.#bundle = [...edge.bundle];
    this.#bundleIndex = Math.floor(edge.size / TILE_WIDTH);
    this.#levels = [];
    for (let level = 0, count = edge.size; count > 0; level++) {
      const next = Math.floor(count / TILE_WIDTH);
      const hashes = [...(edge.tiles[level] ?? [])];
      this.#levels.push({ index: next, hashes, isTouched: false });
      count = next;
    }
  }

  addEntry(entry: Uint8Array): void {
    this.#bundle.push(entry);
    if (this.#bundle.length < TILE_WIDTH) return;
    this.#bundles.push(this.#bundleRow());
    this.#bundle = [];
    this.#bundleIndex++;
  }

  addNode({ id, hash }: TreeNode): void {
    if (id.level % TILE_HEIGHT !== 0) return;
    const level = id.level / TILE_HEIGHT;
    const tile = (this.#levels[level] ??= { index: 0, hashes: [], isTouched: false });
    tile.hashes.push(hash);
    tile.isTouched = true;
    if (tile.hashes.length < TILE_WIDTH) return;
    this.#tiles.push(tileRow(level, tile));
    this.#levels[level] = { index: tile.index + 1, hashes: [], isTouched: false };
  }

  rows(): Pick<Round, "bundles" | "tiles"> {
    const partial = this.#bundle.length > 0 ? [this.#bundleRow()] : [];
    const tiles = this.#levels.flatMap((tile, level) =>
      tile.isTouched ? [tileRow(level, tile)] : [],
    );
    return { bundles: [...this.#bundles, ...partial], tiles: [...this.#tiles, ...tiles] };
  }

  parts(size: number): EdgeParts {
    return {
      size,
      bundle: [...this.#bundle],
      tiles: this.#levels.map(({ hashes }) => [...hashes]),
    };
  }

  #bundleRow(): BundleRow {
    const index = this.#bundleIndex;
    return { index, row: sealRow(bundleKey(index), encodeBundle(this.#bundle)) };
  }
}

interface TileGrowth {
  readonly index: number;
  readonly hashes: Uint8Array[];
  isTouched: boolean;
}

function tileRow(level: number, { index, hashes }: TileGrowth): TileRow {
  return { level, index, row: sealRow(tileKey({ level, index }), concat(...hashes)) };
}
