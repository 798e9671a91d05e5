import { type BundleId, TILE_WIDTH, type TileId, tileWidth } from "@tallystick/merkle";

import { LogError } from "./error.js";

/**
 * Refuses an index that a tree of `size` does not have.
 *
 * @throws {@link LogError} `LOG_RANGE_INVALID`
 */
export function requireIndex(index: number, size: number): void {
  requireCovered(isNumber(index) && index < size, `index ${index}`);
}

/**
 * Refuses a tile, or a width of it, that a tree of `size` does not have.
 *
 * @throws {@link LogError} `LOG_RANGE_INVALID`
 */
export function requireTile({ level, index, width }: TileId, size: number): void {
  const most = isNumber(level) && isNumber(index) && level < 64 ? tileWidth(level, index, size) : 0;
  requireCovered(isWidth(width) && width <= most, `tile ${level}/${index} of width ${width}`);
}

/**
 * Refuses a bundle, or a width of it, that a tree of `size` does not have.
 *
 * @throws {@link LogError} `LOG_RANGE_INVALID`
 */
export function requireBundle({ index, width }: BundleId, size: number): void {
  const most = isNumber(index) ? tileWidth(0, index, size) : 0;
  requireCovered(isWidth(width) && width <= most, `bundle ${index} of width ${width}`);
}

/**
 * Yields how many entries of a bundle a tree of `size` has.
 *
 * @throws {@link LogError} `LOG_RANGE_INVALID` where it has none
 */
export function bundleWidth(index: number, size: number): number {
  const width = isNumber(index) ? tileWidth(0, index, size) : 0;
  requireCovered(width > 0, `bundle ${index}`);
  return width;
}

function isNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isWidth(width: number): boolean {
  return Number.isSafeInteger(width) && width >= 1 && width <= TILE_WIDTH;
}

function requireCovered(isCovered: boolean, what: string): void {
  if (!isCovered) throw new LogError("LOG_RANGE_INVALID", `${what} is not in the published tree`);
}
