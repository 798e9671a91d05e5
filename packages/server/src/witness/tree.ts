import type { Log } from "@tallystick/log";
import {
  consistencyNodes,
  consistencyPath,
  emptyRoot,
  nodeFromTile,
  rootFromNodes,
  rootNodes,
  tileOf,
  tileWidth,
} from "@tallystick/merkle";
import type { NodeId } from "@tallystick/merkle";

/**
 * Yields the root that the published tree had at a size up to its own, whether a checkpoint was signed
 * there or not.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function rootAt(log: Log, size: number): Promise<Uint8Array> {
  if (size === 0) return emptyRoot();
  return rootFromNodes(size, await hashesOf(log, rootNodes(size)));
}

/**
 * Yields the path of consistency between two sizes of the published tree, the older from 1.
 *
 * @throws LogError `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function pathBetween(
  log: Log,
  oldSize: number,
  newSize: number,
): Promise<readonly Uint8Array[]> {
  const hashes = await hashesOf(log, consistencyNodes(oldSize, newSize));
  return consistencyPath(oldSize, newSize, hashes);
}

async function hashesOf(log: Log, nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
  const { size } = log.head().checkpoint;
  const hashes: Uint8Array[] = [];
  for (const node of nodes) {
    const position = tileOf(node);
    const width = tileWidth(position.level, position.index, size);
    hashes.push(nodeFromTile(await log.tile({ ...position, width }), position, node));
  }
  return hashes;
}
