import type { TilePosition } from "@tallystick/merkle";

import { type ExpandedTile, formatPosition } from "./tile.js";

/** The most recently used of the full, verified tiles, bounded by count. */
export class TileCache {
  readonly #maxTiles: number;
  // Owned by find and keep; least recently used first. Full tiles never change, so none grows stale.
  readonly #tiles = new Map<string, ExpandedTile>();

  constructor(maxTiles: number) {
    this.#maxTiles = maxTiles;
  }

  get count(): number {
    return this.#tiles.size;
  }

  find(position: TilePosition): ExpandedTile | undefined {
    const key = formatPosition(position);
    const tile = this.#tiles.get(key);
    if (tile === undefined) return undefined;
    this.#tiles.delete(key);
    this.#tiles.set(key, tile);
    return tile;
  }

  keep(position: TilePosition, tile: ExpandedTile): void {
    this.#tiles.set(formatPosition(position), tile);
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= this.#maxTiles) break;
      this.#tiles.delete(oldest);
    }
  }
}
