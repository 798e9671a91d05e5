import {
  HASH_BYTES,
  type NodeId,
  nodeHash,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TilePosition,
} from "@tallystick/merkle";

import { LogError } from "./error.js";
import { concat } from "./layout.js";

/** Hashes of one height, each by itself, or all in one array. */
type HashRow = readonly Uint8Array[] | Uint8Array;

/** A tile with every node above its hashes worked out: 16 KiB instead of 255 hashes per proof. */
export class ExpandedTile {
  readonly #position: TilePosition;
  // From the stored hashes up; the last row is the node over a full tile, empty for a partial one.
  readonly #rows: readonly HashRow[];

  private constructor(position: TilePosition, rows: readonly HashRow[]) {
    this.#position = position;
    this.#rows = rows;
  }

  /** Expands hashes, 1 to 256; up to 255 node hashes. */
  static expand(position: TilePosition, hashes: readonly Uint8Array[]): ExpandedTile {
    const rows: (readonly Uint8Array[])[] = [hashes];
    for (let height = 0; height < TILE_HEIGHT; height++) rows.push(pair(rows[height] ?? []));
    return new ExpandedTile(position, rows);
  }

  /** Yields the tile with more hashes behind those it has; only what is above the new ones is hashed. */
  widen(hashes: readonly Uint8Array[]): ExpandedTile {
    const rows: (readonly Uint8Array[])[] = [hashes];
    for (let height = 0; height < TILE_HEIGHT; height++) {
      rows.push(pair(rows[height] ?? [], listOf(this.#rows[height + 1] ?? [])));
    }
    return new ExpandedTile(this.#position, rows);
  }

  /** Yields the same tile in 16 KiB, to be kept: as arrays of their own its hashes take six times that. */
  pack(): ExpandedTile {
    const rows = this.#rows.map((row) => (row instanceof Uint8Array ? row : concat(...row)));
    return new ExpandedTile(this.#position, rows);
  }

  /** Yields whether this is the tile of a place. */
  isAt({ level, index }: TilePosition): boolean {
    return this.#position.level === level && this.#position.index === index;
  }

  get width(): number {
    return listOf(this.#rows[0] ?? []).length;
  }

  /** Yields the concatenated hashes, the first `width` of them. */
  encode(width: number): Uint8Array {
    return concat(...listOf(this.#rows[0] ?? []).slice(0, width));
  }

  /** Yields the node over a full tile, which the parent tile holds too. */
  top(): Uint8Array | undefined {
    return hashAt(this.#rows[TILE_HEIGHT] ?? [], 0);
  }

  /**
   * Yields the hash of a node whose place is this tile.
   *
   * @throws {@link LogError} `LOG_CORRUPT` if the tile ends before it
   */
  node(id: NodeId): Uint8Array {
    const height = id.level - this.#position.level * TILE_HEIGHT;
    const first = (this.#position.index * TILE_WIDTH) / 2 ** height;
    const hash = hashAt(this.#rows[height] ?? [], id.index - first);
    if (hash === undefined) {
      const { level, index } = this.#position;
      throw new LogError(
        "LOG_CORRUPT",
        `tile ${level}/${index} of width ${this.width} ends before node ${id.level}/${id.index}`,
      );
    }
    return hash;
  }
}

/** Yields the hashes of a tile, as views on it. */
export function splitHashes(tile: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: Math.floor(tile.length / HASH_BYTES) }, (_, i) =>
    tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

/** Yields the tile that holds the node over a full tile. */
export function parentOf(position: TilePosition): TilePosition {
  return { level: position.level + 1, index: Math.floor(position.index / TILE_WIDTH) };
}

/** Yields the id of the node over a full tile. */
export function nodeOver(position: TilePosition): NodeId {
  return { level: (position.level + 1) * TILE_HEIGHT, index: position.index };
}

/** Yields a text that is one to one with the position, for use as a map key. */
export function formatPosition(position: TilePosition): string {
  return `${position.level}/${position.index}`;
}

function listOf(row: HashRow): readonly Uint8Array[] {
  return row instanceof Uint8Array ? splitHashes(row) : row;
}

function hashAt(row: HashRow, at: number): Uint8Array | undefined {
  if (!(row instanceof Uint8Array)) return row[at];
  const end = (at + 1) * HASH_BYTES;
  return at < 0 || end > row.length ? undefined : row.subarray(end - HASH_BYTES, end);
}

function pair(
  hashes: readonly Uint8Array[],
  known: readonly Uint8Array[] = [],
): readonly Uint8Array[] {
  const above = [...known];
  for (let i = 2 * above.length; i + 1 < hashes.length; i += 2) {
    const [left, right] = [hashes[i], hashes[i + 1]];
    if (left !== undefined && right !== undefined) above.push(nodeHash(left, right));
  }
  return above;
}
