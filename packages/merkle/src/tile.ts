import { MerkleError } from "./error.js";
import { HASH_BYTES } from "./hash.js";
import { checkNode, type NodeId } from "./node.js";
import { treeRoot } from "./root.js";
import { checkSize } from "./size.js";

/** Hashes in a full tile, and entries in a full bundle (W14). */
export const TILE_WIDTH = 256;

/** Tree levels from one tile level to the next: 2^8 = 256. */
export const TILE_HEIGHT = 8;

// W15: L is 0..63.
const MAX_TILE_LEVEL = 63;

/**
 * Names the place of a tile: the hashes of the 256 nodes at tree level 8·`level` from 256·`index` on.
 * Tile level 0 holds leaf hashes; a hash on a higher level is that of one full tile below (W14).
 */
export interface TilePosition {
  readonly level: number;
  readonly index: number;
}

/** Names one tile as served: its place, and how many hashes of it there are, 1 to 256. */
export interface TileId extends TilePosition {
  readonly width: number;
}

/**
 * Yields the place of the tile from which {@link nodeFromTile} gets a node.
 *
 * @throws {@link MerkleError} `MERKLE_INDEX_OUT_OF_RANGE`
 */
export function tileOf(node: NodeId): TilePosition {
  checkNode(node);
  const height = node.level % TILE_HEIGHT;
  return {
    level: (node.level - height) / TILE_HEIGHT,
    index: Math.floor((node.index * 2 ** height) / TILE_WIDTH),
  };
}

/**
 * Yields how many hashes the tile at that place holds in a tree of `size` leaves; 0 if it is not there.
 *
 * @throws {@link MerkleError} `MERKLE_SIZE_INVALID`, `MERKLE_TILE_INVALID`
 */
export function tileWidth(level: number, index: number, size: number): number {
  checkSize(size);
  checkTilePosition({ level, index });
  // W16: the level has floor(size / 256^level) hashes; its last tile is partial.
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.min(Math.max(hashes - index * TILE_WIDTH, 0), TILE_WIDTH);
}

/**
 * Yields the hash of a node from the tile that {@link tileOf} names, folding up to 255 times.
 *
 * `tile` is the concatenated hashes, full or partial, as long as it reaches over the node.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`, `MERKLE_INDEX_OUT_OF_RANGE`
 */
export function nodeFromTile(tile: Uint8Array, position: TilePosition, node: NodeId): Uint8Array {
  const home = tileOf(node);
  if (home.level !== position.level || home.index !== position.index) {
    throw new MerkleError(
      "MERKLE_TILE_INVALID",
      `node is in tile ${home.level}/${home.index}, not ${position.level}/${position.index}`,
    );
  }
  const count = 2 ** (node.level % TILE_HEIGHT);
  const first = node.index * count - home.index * TILE_WIDTH;
  const width = tile.length / HASH_BYTES;
  checkTileWidth(width);
  if (first + count > width) {
    throw new MerkleError(
      "MERKLE_TILE_INVALID",
      `tile of ${width} hashes ends before its node, want ${first + count}`,
    );
  }
  const hashes = Array.from({ length: count }, (_, i) => {
    const start = (first + i) * HASH_BYTES;
    return tile.subarray(start, start + HASH_BYTES);
  });
  return treeRoot(hashes);
}

/** Refuses what is not the place of a tile (W15). */
export function checkTilePosition(position: TilePosition): void {
  const { level, index } = position;
  if (!Number.isSafeInteger(level) || level < 0 || level > MAX_TILE_LEVEL) {
    throw new MerkleError("MERKLE_TILE_INVALID", `tile level ${level} is not from 0 to 63`);
  }
  if (!Number.isSafeInteger(index) || index < 0) {
    throw new MerkleError("MERKLE_TILE_INVALID", `tile index ${index} is not from 0 to 2^53 - 1`);
  }
}

/** Refuses what is not the width of a tile or bundle; an empty one is never served (W16). */
export function checkTileWidth(width: number): void {
  if (!Number.isSafeInteger(width) || width < 1 || width > TILE_WIDTH) {
    throw new MerkleError("MERKLE_TILE_INVALID", `width ${width} is not from 1 to ${TILE_WIDTH}`);
  }
}
