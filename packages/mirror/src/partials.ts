import { HASH_BYTES, TILE_WIDTH, formatTilePath, tileWidth } from "@tallystick/merkle";
import type { TilePosition } from "@tallystick/merkle";

import { wantedBundle } from "./bundle.js";
import { MirrorError } from "./error.js";
import type { CheckedReader } from "./read-path.js";
import { isSame } from "./same.js";
import type { VerifiedTree } from "./tree.js";

/** Width of a tile or bundle that is not full, as its path has it (W15). */
const WIDTH = /^[1-9][0-9]{0,2}$/;

/**
 * Checks each partial tile and bundle that a place lists, of those that hold a leaf from an index on: it is
 * the beginning of what the tree has there. Readers of an older checkpoint ask for these, and for no others.
 *
 * What is wider than the tree is left alone, for no checkpoint covers it yet. A place that lists nothing,
 * as an address does, has nothing checked.
 *
 * @throws {@link MirrorError} `MIRROR_TILE_INVALID`, `MIRROR_INCOMPLETE` for one that is too long; what the
 * source throws
 */
export async function checkPartials(
  reader: CheckedReader,
  tree: VerifiedTree,
  from: number,
): Promise<void> {
  for (let level = 0; tileWidth(level, 0, tree.size) > 0; level++) {
    const first = Math.floor(from / TILE_WIDTH ** (level + 1));
    for (let index = first; tileWidth(level, index, tree.size) > 0; index++) {
      const position = { level, index };
      await checkTiles(reader, tree, position);
      if (level === 0) await checkBundles(reader, tree, position);
    }
  }
}

async function checkTiles(
  reader: CheckedReader,
  tree: VerifiedTree,
  position: TilePosition,
): Promise<void> {
  const whole = formatTilePath({ ...position, width: TILE_WIDTH });
  for (const width of await widthsIn(reader, tree, { ...position, path: `tile/${whole}` })) {
    const path = `tile/${whole}.p/${width}`;
    const wanted = (await tree.tile(position)).subarray(0, width * HASH_BYTES);
    // It may be gone by now, once a wider one is there (W16).
    await reader.find({
      ...{ path, maxBytes: wanted.length, isLeft: true },
      check: (bytes) => {
        if (isSame(bytes, wanted)) return;
        throw new MirrorError("MIRROR_TILE_INVALID", `${path} is not what the tree has there`);
      },
    });
  }
}

async function checkBundles(
  reader: CheckedReader,
  tree: VerifiedTree,
  position: TilePosition,
): Promise<void> {
  const [, whole = ""] = formatTilePath({ ...position, width: TILE_WIDTH }).split(/^0\//);
  const path = `tile/entries/${whole}`;
  for (const width of await widthsIn(reader, tree, { ...position, path })) {
    await reader.find(await wantedBundle(tree, position.index, width));
  }
}

/** Yields the widths of the partial ones of a place in the tree that are there, as far as it has them. */
async function widthsIn(
  reader: CheckedReader,
  { size }: VerifiedTree,
  { level, index, path }: TilePosition & { readonly path: string },
): Promise<readonly number[]> {
  const most = Math.min(tileWidth(level, index, size), TILE_WIDTH - 1);
  const names = (await reader.list(`${path}.p`)).filter((name) => WIDTH.test(name));
  return names.map(Number).filter((width) => width <= most);
}
