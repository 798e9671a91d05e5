import { RightEdge, rootNodes, nodeFromTile, tileOf, TILE_WIDTH } from "@tallystick/merkle";

import { concat } from "./layout.js";

/** What is stored of the ragged right side of a tree: the partial bundle and the partial tiles. */
export interface EdgeParts {
  readonly size: number;
  /** Entries of the partial bundle; none when the size is a multiple of 256. */
  readonly bundle: readonly Uint8Array[];
  /** Hashes of the partial tile by tile level, none where the level's last tile is full. */
  readonly tiles: readonly (readonly Uint8Array[])[];
}

/**
 * The right edge of the tree at one size: all that a round needs to grow it, and all of the tree that
 * can still change. Immutable; a round makes the next one.
 */
export class Edge implements EdgeParts {
  readonly size: number;
  readonly bundle: readonly Uint8Array[];
  readonly tiles: readonly (readonly Uint8Array[])[];
  readonly #nodes: RightEdge;

  private constructor(parts: EdgeParts, nodes: RightEdge) {
    this.size = parts.size;
    this.bundle = parts.bundle;
    this.tiles = parts.tiles;
    this.#nodes = nodes;
  }

  static empty(): Edge {
    return new Edge({ size: 0, bundle: [], tiles: [] }, RightEdge.empty());
  }

  /** Yields the edge that a round grew; the parts and the nodes are of the same size. */
  static grown(parts: EdgeParts, nodes: RightEdge): Edge {
    return new Edge(parts, nodes);
  }

  /**
   * Yields the edge from its stored parts; every perfect subtree of the root is in a partial tile.
   *
   * @throws MerkleError if a tile is narrower than the size demands
   */
  static from(parts: EdgeParts): Edge {
    const hashes = rootNodes(parts.size).map((node) => {
      const position = tileOf(node);
      return nodeFromTile(concat(...(parts.tiles[position.level] ?? [])), position, node);
    });
    return new Edge(parts, RightEdge.from(parts.size, hashes));
  }

  /** Yields the root at this size. */
  root(): Uint8Array {
    return this.#nodes.root();
  }

  /** Yields nodes to append to, without a change to this edge. */
  nodes(): RightEdge {
    return this.#nodes.clone();
  }
}

/** Yields where the partial tile of each level stands in a tree of `size` leaves, widths 1 to 255. */
export function edgeTiles(
  size: number,
): readonly { readonly level: number; readonly index: number; readonly width: number }[] {
  const tiles = [];
  for (
    let level = 0, hashes = size;
    hashes > 0;
    level++, hashes = Math.floor(hashes / TILE_WIDTH)
  ) {
    const width = hashes % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / TILE_WIDTH), width });
  }
  return tiles;
}
