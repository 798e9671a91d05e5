/**
 * Merkle trees after RFC 9162 §2.1, and their tiles after C2SP tlog-tiles.
 *
 * A log of n entries has one root, a hash that stands for all of them in their order. An inclusion
 * path shows that an entry stands at an index below a root; a consistency path shows that one root
 * extends another, so that nothing was changed or taken out. Both are a handful of hashes.
 *
 * Every left subtree of the recursion is perfect, and a perfect subtree never changes again. So a
 * log stores the hashes of perfect subtrees, each named by a node id, and every root and path comes
 * about in three steps: `…Nodes` plans the ids from the sizes alone, one batched read fetches their
 * hashes, and `…Path` or `rootFromNodes` assembles. Nothing here reads or writes anything.
 *
 * Tiles are the unit of storage and transfer: 256 hashes of every eighth level of the tree, from
 * which `nodeFromTile` gives each node. {@link RightEdge} is all that a log needs to grow.
 *
 * Sizes and indexes are safe integers and exact up to 2^53 - 1. Hashes are 32 bytes; any other length
 * is refused before it is hashed. Bad input and proofs that do not hold throw {@link MerkleError}.
 *
 * @packageDocumentation
 */
export { decodeBundle, encodeBundle } from "./bundle.js";
export {
  type ConsistencyProof,
  consistencyNodes,
  consistencyPath,
  consistencyPathLength,
  rootFromConsistencyPath,
  verifyConsistency,
} from "./consistency.js";
export { RightEdge } from "./edge.js";
export { MerkleError, type MerkleErrorCode } from "./error.js";
export { emptyRoot, HASH_BYTES, leafHash, nodeHash, sha256 } from "./hash.js";
export {
  type InclusionProof,
  inclusionNodes,
  inclusionPath,
  inclusionPathLength,
  rootFromInclusionPath,
  verifyInclusion,
} from "./inclusion.js";
export type { NodeId, TreeNode } from "./node.js";
export { ProvenTree } from "./proven.js";
export { rootFromNodes, rootNodes, treeRoot } from "./root.js";
export {
  nodeFromTile,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileId,
  tileOf,
  type TilePosition,
  tileWidth,
} from "./tile.js";
export {
  type BundleId,
  formatBundlePath,
  formatTilePath,
  parseBundlePath,
  parseTilePath,
} from "./tile-path.js";
