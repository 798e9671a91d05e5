import { MerkleError } from "./error.js";
import { checkTilePosition, checkTileWidth, TILE_WIDTH, type TileId } from "./tile.js";

/** Names one entry bundle as served: the entries from 256·`index` on, `width` of them, 1 to 256. */
export interface BundleId {
  readonly index: number;
  readonly width: number;
}

// W15: L is 0..63, W is 1..255, and N goes in groups of three digits, all but the last behind an "x".
// Six groups hold every safe integer.
const TILE_PATH = /^(0|[1-9][0-9]?)\/([^]*)$/;
const BUNDLE_PATH = /^((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/**
 * Yields the path of a tile below `/tile/` (C2SP tlog-tiles), such as `0/x001/x234/067.p/8`. The path
 * of a full tile does not name its width.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`
 */
export function formatTilePath(id: TileId): string {
  checkTilePosition(id);
  return `${id.level}/${formatBundlePath(id.index, id.width)}`;
}

/**
 * Yields the tile that a path below `/tile/` names. Takes the one spelling that {@link formatTilePath}
 * gives, and no other.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`
 */
export function parseTilePath(path: string): TileId {
  const [, level, rest] = TILE_PATH.exec(path) ?? [];
  if (level === undefined || rest === undefined) throw malformed(path);
  const id = { level: Number(level), ...parseBundlePath(rest) };
  checkTilePosition(id);
  return id;
}

/**
 * Yields the path of an entry bundle below `/tile/entries/` (C2SP tlog-tiles), such as `x001/067.p/8`.
 * The path of a full bundle does not name its width.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`
 */
export function formatBundlePath(index: number, width: number): string {
  // An entry bundle is numbered like the tile of its leaf hashes.
  checkTilePosition({ level: 0, index });
  checkTileWidth(width);
  const suffix = width === TILE_WIDTH ? "" : `.p/${width}`;
  let path = `${threeDigits(index)}${suffix}`;
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${threeDigits(rest)}/${path}`;
  }
  return path;
}

/**
 * Yields the entry bundle that a path below `/tile/entries/` names. Takes the one spelling that
 * {@link formatBundlePath} gives, and no other.
 *
 * @throws {@link MerkleError} `MERKLE_TILE_INVALID`
 */
export function parseBundlePath(path: string): BundleId {
  const [, groups, width] = BUNDLE_PATH.exec(path) ?? [];
  if (groups === undefined) throw malformed(path);
  const id = {
    index: Number(groups.replaceAll(/[x/]/g, "")),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  // Whatever has another canonical spelling is refused here: leading x000 groups, width 256.
  if (formatBundlePath(id.index, id.width) !== path) throw malformed(path);
  return id;
}

function threeDigits(n: number): string {
  return String(n % 1000).padStart(3, "0");
}

function malformed(path: string): MerkleError {
  return new MerkleError("MERKLE_TILE_INVALID", `malformed tile path of ${path.length} characters`);
}
