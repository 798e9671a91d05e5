import {
  HASH_BYTES,
  TILE_WIDTH,
  consistencyNodes,
  consistencyPath,
  formatTilePath,
  nodeFromTile,
  rootFromNodes,
  rootNodes,
  tileOf,
  tileWidth,
  treeRoot,
} from "@tallystick/merkle";
import type { NodeId, TilePosition } from "@tallystick/merkle";

import { MirrorError } from "./error.js";
import type { CheckedReader } from "./read-path.js";
import { isSame } from "./same.js";

interface HeldTile extends TilePosition {
  readonly bytes: Uint8Array;
}

/**
 * The tree under a signed root, by its tiles. A tile is read when it is asked for, and held against the
 * tile above it, up to the ragged ones at the right edge, which together make the root.
 *
 * Holds those, at most one for each level, and one full tile for each level: 16 KiB a level.
 */
export class VerifiedTree {
  readonly size: number;
  readonly #reader: CheckedReader;
  // By level.
  readonly #edge: ReadonlyMap<number, HeldTile>;
  // Owned by #full: the tile of each level that was asked for last.
  readonly #recent = new Map<number, HeldTile>();

  private constructor(reader: CheckedReader, size: number, edge: readonly HeldTile[]) {
    this.#reader = reader;
    this.size = size;
    this.#edge = new Map(edge.map((tile) => [tile.level, tile]));
  }

  /**
   * Opens the tree of `size` leaves, at least one, under a root that is trusted.
   *
   * @throws {@link MirrorError} `MIRROR_TILE_INVALID`, `MIRROR_INCOMPLETE`; what the source throws
   */
  static async open(
    reader: CheckedReader,
    { size, root }: { readonly size: number; readonly root: Uint8Array },
  ): Promise<VerifiedTree> {
    for (const isFresh of [false, true]) {
      const edge: HeldTile[] = [];
      for (const position of edgeOf(size)) {
        edge.push({ ...position, bytes: await readPartial(reader, position, { size, isFresh }) });
      }
      const tree = new VerifiedTree(reader, size, edge);
      if (isSame(await tree.rootAt(size), root)) {
        for (const tile of edge) await reader.keep(pathOf(tile, size), tile.bytes);
        return tree;
      }
    }
    throw invalid(`the tiles at the right edge do not make the root of ${size} entries`);
  }

  /**
   * Yields a tile as far as this tree has it, which is not empty.
   *
   * @throws {@link MirrorError} `MIRROR_TILE_INVALID`, `MIRROR_INCOMPLETE`; what the source throws
   */
  async tile(position: TilePosition): Promise<Uint8Array> {
    const { level, index } = position;
    const edge = this.#edge.get(level);
    return edge?.index === index ? edge.bytes : this.#full(position);
  }

  /** Yields the root that this tree had at an earlier size, at least 1. Throws as `tile`. */
  async rootAt(size: number): Promise<Uint8Array> {
    return rootFromNodes(size, await this.#nodes(rootNodes(size)));
  }

  /** Yields the consistency path from an earlier size, at least 1, to this tree. Throws as `tile`. */
  async consistencyFrom(size: number): Promise<readonly Uint8Array[]> {
    const hashes = await this.#nodes(consistencyNodes(size, this.size));
    return consistencyPath(size, this.size, hashes);
  }

  async #nodes(ids: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    const hashes: Uint8Array[] = [];
    for (const id of ids) {
      const position = tileOf(id);
      hashes.push(nodeFromTile(await this.tile(position), position, id));
    }
    return hashes;
  }

  async #full(position: TilePosition): Promise<Uint8Array> {
    const { level, index } = position;
    const recent = this.#recent.get(level);
    if (recent?.index === index) return recent.bytes;
    const parent = { level: level + 1, index: Math.floor(index / TILE_WIDTH) };
    const above = await this.tile(parent);
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    const wanted = above.subarray(at, at + HASH_BYTES);
    const path = pathOf(position, this.size);
    const bytes = await this.#reader.read({
      path,
      maxBytes: TILE_WIDTH * HASH_BYTES,
      check: (tile) => {
        requireLength(path, tile, TILE_WIDTH);
        if (isSame(treeRoot(hashesOf(tile)), wanted)) return tile;
        throw invalid(`${path} is not what the tile above it says`);
      },
    });
    this.#recent.set(level, { ...position, bytes });
    return bytes;
  }
}

/** Yields the places of the tiles that are not full in a tree of that size, lowest first. */
function* edgeOf(size: number): Generator<TilePosition, void, undefined> {
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    if (count % TILE_WIDTH > 0) yield { level, index: Math.floor(count / TILE_WIDTH) };
  }
}

async function readPartial(
  reader: CheckedReader,
  position: TilePosition,
  { size, isFresh }: { readonly size: number; readonly isFresh: boolean },
): Promise<Uint8Array> {
  const width = tileWidth(position.level, position.index, size);
  const path = pathOf(position, size);
  const part = await reader.find({
    ...{ path, maxBytes: width * HASH_BYTES, isLeft: true, isFresh },
    check: (tile) => {
      requireLength(path, tile, width);
      return tile;
    },
  });
  if (part !== undefined) return part;
  // W16: a partial tile may be gone once the full one is there.
  const whole = `tile/${formatTilePath({ ...position, width: TILE_WIDTH })}`;
  const full = await reader.find({
    ...{ path: whole, maxBytes: TILE_WIDTH * HASH_BYTES, isLeft: true, isFresh },
    check: (tile) => {
      requireLength(whole, tile, TILE_WIDTH);
      return tile;
    },
  });
  if (full !== undefined) return full.slice(0, width * HASH_BYTES);
  throw new MirrorError("MIRROR_INCOMPLETE", `${path} is not there, nor the full tile`);
}

function pathOf({ level, index }: TilePosition, size: number): string {
  return `tile/${formatTilePath({ level, index, width: tileWidth(level, index, size) })}`;
}

function requireLength(path: string, tile: Uint8Array, width: number): void {
  if (tile.length === width * HASH_BYTES) return;
  throw invalid(`${path} has ${tile.length} bytes, want ${width * HASH_BYTES}`);
}

/** Yields the hashes of a tile. */
export function hashesOf(tile: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: tile.length / HASH_BYTES }, (_, i) =>
    tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  );
}

function invalid(message: string): MirrorError {
  return new MirrorError("MIRROR_TILE_INVALID", message);
}
